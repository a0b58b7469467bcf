import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { Button } from './button.js';
import { Field } from './field.js';
import { SubmitForm } from './submit-form.js';

export interface NewPasswordFormProps {
  readonly verb: string;
  readonly onSubmit: (password: string) => Promise<void>;
  /** Fields above the password. */
  readonly children?: ComponentChildren;
  readonly onCancel?: () => void;
}

const charactersMin = 10;

/** A new password, twice. What is wrong is told after the first try, not while typing. */
export function NewPasswordForm({ verb, onSubmit, children, onCancel }: NewPasswordFormProps) {
  const password = useSignal('');
  const again = useSignal('');
  const isTried = useSignal(false);
  const tooShort = password.value.length < charactersMin ? `At least ${charactersMin} characters.` : null;
  const differs = again.value === password.value ? null : 'The two passwords are not the same.';
  const submit = async (): Promise<void> => {
    isTried.value = true;
    if (tooShort === null && differs === null) await onSubmit(password.value);
  };
  return (
    <SubmitForm
      verb={verb}
      onSubmit={submit}
      aside={onCancel === undefined ? null : <Button onPress={onCancel}>Cancel</Button>}
    >
      {children}
      <Field
        label="New password"
        type="password"
        value={password.value}
        onInput={(value) => (password.value = value)}
        autocomplete="new-password"
        hint={`At least ${charactersMin} characters. A sentence is easier to keep than a word.`}
        wrong={isTried.value ? tooShort : null}
        isRequired
      />
      <Field
        label="New password again"
        type="password"
        value={again.value}
        onInput={(value) => (again.value = value)}
        autocomplete="new-password"
        wrong={isTried.value ? differs : null}
        isRequired
      />
    </SubmitForm>
  );
}
