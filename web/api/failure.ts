/**
 * Why a call brought nothing: `offline`: the server was not reached. `signed-out`: there is no session, or it ended.
 * `no-permission`: this role may not. `refused`: the server said why.
 */
export type FailureKind = 'offline' | 'signed-out' | 'no-permission' | 'refused';

export interface FailureFacts {
  readonly kind: FailureKind;
  /** `USYNC-1234`; null where the server was not reached. */
  readonly code: string | null;
  readonly message: string;
  readonly nextStep: string;
  /** For input that does not fit: which field. */
  readonly field: string | null;
}

/** Thrown by every call that brings nothing. */
export class CallFailure extends Error {
  readonly failure: FailureFacts;

  constructor(failure: FailureFacts) {
    super(failure.message);
    this.name = 'CallFailure';
    this.failure = failure;
  }
}

/** What to show of any thrown thing. */
export function failureOf(error: unknown): FailureFacts {
  if (error instanceof CallFailure) return error.failure;
  return {
    kind: 'refused',
    code: null,
    message: error instanceof Error ? error.message : String(error),
    nextStep: 'Load the page again. If it comes back, report it with these words.',
    field: null,
  };
}

export const wasAborted = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';
