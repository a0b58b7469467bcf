import { useSignal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../api/call.js';
import { failureOf, type FailureFacts } from '../api/failure.js';
import { Field } from '../parts/field.js';
import { Notice } from '../parts/notice.js';
import { NewPasswordForm } from '../parts/new-password-form.js';
import { signIn } from '../state/session.js';

/** The first user, made with the one-time link that the server printed. The secret stands behind the # and is in no log. */
export function FirstRun() {
  const failure = useSignal<FailureFacts | null>(null);
  const token = useSignal(tokenInAddress());
  useEffect(() => {
    document.title = 'First run - Universal Sync';
  }, []);
  const setUp = async (name: string, password: string): Promise<void> => {
    failure.value = null;
    try {
      signIn(await call('setUp', { body: { token: token.value.trim(), name, password } }));
    } catch (error) {
      failure.value = failureOf(error);
    }
  };
  return (
    <>
      <h1>First run: who are you?</h1>
      <p class="muted">
        Nobody can open this page yet. Make the first user; it is an admin and can add others. The link works once.
      </p>
      <div role="alert">
        {failure.value === null ? null : (
          <Notice tone="bad" title={failure.value.message} code={failure.value.code}>
            <p>{failure.value.nextStep}</p>
          </Notice>
        )}
      </div>
      <FirstUserForm token={token} isTokenAsked={tokenInAddress() === '' || failure.value !== null} onSubmit={setUp} />
    </>
  );
}

/** `#token=SECRET`: what stands behind the # is sent to nobody. */
const tokenInAddress = (): string => new URLSearchParams(location.hash.slice(1)).get('token') ?? '';

interface FirstUserFormProps {
  readonly token: Signal<string>;
  readonly isTokenAsked: boolean;
  readonly onSubmit: (name: string, password: string) => Promise<void>;
}

function FirstUserForm({ token, isTokenAsked, onSubmit }: FirstUserFormProps) {
  const name = useSignal('');
  return (
    <NewPasswordForm verb="Make this user and sign in" onSubmit={(password) => onSubmit(name.value, password)}>
      {isTokenAsked ? (
        <Field
          label="Set-up secret"
          value={token.value}
          onInput={(value) => (token.value = value)}
          hint='What stands behind "#token=" in the link that "usync run" or "usync setup-link" prints.'
          isRequired
        />
      ) : null}
      <Field
        label="Name"
        value={name.value}
        onInput={(value) => (name.value = value)}
        autocomplete="username"
        isRequired
      />
    </NewPasswordForm>
  );
}
