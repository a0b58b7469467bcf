import type { ErrorCode } from '../core/error-catalogue.js';

/** A non-green fact: on what, why, what to do. */
export interface Problem {
  readonly code: ErrorCode;
  readonly level: 'warn' | 'error';
  /** What it is about, for people: `dataset shop`, `server pit-3`, `loop drain shop`. */
  readonly subject: string;
  readonly reason: string;
  readonly nextStep: string;
  readonly sinceMs: number;
  /** How often it happened since `sinceMs`; 1 for a lasting state. */
  readonly count: number;
}
