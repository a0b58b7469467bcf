import { useSignal } from '@preact/signals';
import { call } from '../api/call.js';
import { failureOf } from '../api/failure.js';
import { Field } from '../parts/field.js';
import { NewPasswordForm } from '../parts/new-password-form.js';
import { Panel } from '../parts/panel.js';
import { say } from '../state/said.js';

/** The own password. */
export function OwnAccount() {
  const current = useSignal('');
  const wrong = useSignal<string | null>(null);
  const times = useSignal(0);
  const change = async (password: string): Promise<void> => {
    wrong.value = null;
    try {
      const { message } = await call('changePassword', { body: { current: current.value, password } });
      say('ok', message);
      current.value = '';
      times.value += 1;
    } catch (error) {
      wrong.value = failureOf(error).message;
    }
  };
  return (
    <Panel title="Your password">
      <NewPasswordForm key={times.value} verb="Change the password" onSubmit={change}>
        <Field
          label="Present password"
          type="password"
          value={current.value}
          onInput={(value) => (current.value = value)}
          autocomplete="current-password"
          wrong={wrong.value}
          isRequired
        />
      </NewPasswordForm>
    </Panel>
  );
}
