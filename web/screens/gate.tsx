import { useEffect } from 'preact/hooks';
import type { FailureFacts } from '../api/failure.js';
import { FailureNotice } from '../parts/failure-notice.js';
import { Icon } from '../parts/icon.js';
import { Skeleton } from '../parts/skeleton.js';
import { route } from '../state/route.js';
import { findSession, type Session } from '../state/session.js';
import { FirstRun } from './first-run.js';
import { SignIn } from './sign-in.js';

/** What is shown while nobody is signed in. */
export function Gate({ session }: { readonly session: Exclude<Session, { readonly kind: 'signed-in' }> }) {
  return (
    <main class="gate">
      <p class="bar-brand">
        <Icon name="mark" />
        Universal Sync
      </p>
      <GateInside session={session} />
    </main>
  );
}

function GateInside({ session }: { readonly session: Exclude<Session, { readonly kind: 'signed-in' }> }) {
  switch (session.kind) {
    case 'asking':
      return (
        <>
          <h1 class="visually-hidden">Universal Sync</h1>
          <Skeleton what="the page" />
        </>
      );
    case 'unreachable':
      return <Unreachable failure={session.failure} />;
    case 'no-users':
      return <FirstRun />;
    case 'signed-out':
      return route.value.parts[0] === 'setup' ? <FirstRun /> : <SignIn why={session.why} />;
  }
}

const retryMs = 3_000;

/** Goes on by itself as soon as the server answers. */
function Unreachable({ failure }: { readonly failure: FailureFacts }) {
  useEffect(() => {
    const retry = setInterval(() => void findSession(), retryMs);
    return () => clearInterval(retry);
  }, []);
  return (
    <>
      <h1>No answer</h1>
      <FailureNotice failure={failure} onRetry={findSession} />
    </>
  );
}
