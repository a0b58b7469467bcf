import { useSignal } from '@preact/signals';
import type { Role } from '../../src/http/contract/route.js';
import { call } from '../api/call.js';
import { failureOf, type FailureFacts } from '../api/failure.js';
import { Choice } from '../parts/choice.js';
import { Dialog } from '../parts/dialog.js';
import { Field } from '../parts/field.js';
import { NewPasswordForm } from '../parts/new-password-form.js';
import { Notice } from '../parts/notice.js';
import { say } from '../state/said.js';
import { roleOptions } from '../words/role-words.js';

export interface AddUserProps {
  readonly onAdded: () => void;
  readonly onClose: () => void;
}

export function AddUser({ onAdded, onClose }: AddUserProps) {
  const name = useSignal('');
  const role = useSignal<Role>('viewer');
  const failure = useSignal<FailureFacts | null>(null);
  const add = async (password: string): Promise<void> => {
    try {
      const user = await call('addUser', { body: { name: name.value, password, role: role.value } });
      say('ok', `${user.name} may sign in now.`);
      onAdded();
      onClose();
    } catch (error) {
      failure.value = failureOf(error);
    }
  };
  return (
    <Dialog title="Add a user" onClose={onClose}>
      <div role="alert">
        {failure.value === null ? null : (
          <Notice tone="bad" title={failure.value.message} code={failure.value.code}>
            <p>{failure.value.nextStep}</p>
          </Notice>
        )}
      </div>
      <NewPasswordForm verb="Add" onSubmit={add} onCancel={onClose}>
        <Field label="Name" value={name.value} onInput={(value) => (name.value = value)} isRequired />
        <Choice
          label="Role"
          value={role.value}
          options={roleOptions}
          onChoose={(value) => (role.value = roleOptions.find(([each]) => each === value)?.[0] ?? 'viewer')}
        />
      </NewPasswordForm>
    </Dialog>
  );
}
