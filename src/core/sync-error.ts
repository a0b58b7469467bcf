import { errorCatalogue, type ErrorCode } from './error-catalogue.js';

/** Facts that complete the text of an error: what it is about, in the reader's words. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null>>;

/**
 * An operating failure that a person or a program can act on.
 * The message has three parts: what failed and on what, why, what to do. The code is stable and never re-used.
 */
export class SyncError extends Error {
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;
  /** What the reader should do next. Never empty. */
  readonly nextStep: string;

  constructor(code: ErrorCode, what: string, options: { facts?: ErrorFacts; nextStep?: string; cause?: unknown } = {}) {
    super(what, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'SyncError';
    this.code = code;
    this.facts = options.facts ?? {};
    this.nextStep = options.nextStep ?? errorCatalogue[code].nextStep;
  }
}

/** The code of any thrown thing: its own if it is a `SyncError`, else the code for "unexpected". */
export const errorCodeOf = (error: unknown): ErrorCode => (error instanceof SyncError ? error.code : 'USYNC-1000');

export const errorMessageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
