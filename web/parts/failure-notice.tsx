import type { FailureFacts } from '../api/failure.js';
import { Button } from './button.js';
import { Notice } from './notice.js';

export interface FailureNoticeProps {
  readonly failure: FailureFacts;
  readonly onRetry: () => unknown;
}

/** Why a part of the page has nothing to show, and what to do. */
export function FailureNotice({ failure, onRetry }: FailureNoticeProps) {
  if (failure.kind === 'no-permission')
    return (
      <Notice tone="idle" title="Your role may not see this." code={failure.code}>
        <p>{failure.nextStep}</p>
      </Notice>
    );
  return (
    <Notice
      tone={failure.kind === 'offline' ? 'wait' : 'bad'}
      title={failure.message}
      code={failure.code}
      actions={<Button onPress={onRetry}>Try again</Button>}
    >
      <p>{failure.nextStep}</p>
    </Notice>
  );
}
