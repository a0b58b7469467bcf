import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../api/call.js';
import { failureOf, type FailureFacts } from '../api/failure.js';
import { Field } from '../parts/field.js';
import { Notice } from '../parts/notice.js';
import { signIn } from '../state/session.js';
import { SubmitForm } from '../parts/submit-form.js';

export interface SignInProps {
  readonly why: 'not-yet' | 'expired' | 'left';
}

const said = {
  'not-yet': null,
  expired: 'Your session has ended. Sign in again; you come back to where you were.',
  left: 'You are signed out.',
} as const;

export function SignIn({ why }: SignInProps) {
  const name = useSignal('');
  const password = useSignal('');
  const failure = useSignal<FailureFacts | null>(null);
  useEffect(() => {
    document.title = 'Sign in - Universal Sync';
  }, []);
  const submit = async (): Promise<void> => {
    failure.value = null;
    try {
      signIn(await call('logIn', { body: { name: name.value, password: password.value } }));
    } catch (error) {
      password.value = '';
      failure.value = failureOf(error);
    }
  };
  return (
    <>
      <h1>Sign in</h1>
      <div role="status">
        {said[why] === null || failure.value !== null ? null : <Notice tone="idle" title={said[why]} />}
      </div>
      <div role="alert">
        {failure.value === null ? null : (
          <Notice tone="bad" title={failure.value.message} code={failure.value.code}>
            <p>{failure.value.nextStep}</p>
          </Notice>
        )}
      </div>
      <SubmitForm verb="Sign in" onSubmit={submit}>
        <Field
          label="Name"
          value={name.value}
          onInput={(value) => (name.value = value)}
          autocomplete="username"
          isRequired
        />
        <Field
          label="Password"
          type="password"
          value={password.value}
          onInput={(value) => (password.value = value)}
          autocomplete="current-password"
          isRequired
        />
      </SubmitForm>
    </>
  );
}
