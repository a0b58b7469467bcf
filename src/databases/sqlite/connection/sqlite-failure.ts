import type { ErrorCode } from '../../../core/error-catalogue.js';
import { SyncError } from '../../../core/sync-error.js';

export type ConstraintKind =
  'unique' | 'primary-key' | 'not-null' | 'check' | 'foreign-key' | 'trigger' | 'datatype' | 'too-big' | 'other';

/** One row was refused by the schema. The statement had no effect; the transaction stands. */
export class ConstraintFailure extends Error {
  readonly kind: ConstraintKind;
  constructor(kind: ConstraintKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'ConstraintFailure';
    this.kind = kind;
  }
}

/** What a driver threw, as what the project throws. `what` begins the message, for instance "cannot read shop.db". */
export function failureOf(error: unknown, what: string): Error {
  if (error instanceof SyncError || error instanceof ConstraintFailure) return error;
  const code = resultCodeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (code === undefined) return new SyncError('USYNC-1000', `${what}: ${message}`, { cause: error });
  const constraint = constraintKindByCode.get(code) ?? constraintKindByCode.get(code & 0xff);
  if (constraint) return new ConstraintFailure(constraint, message, error);
  return new SyncError(errorCodeByResult.get(code & 0xff) ?? 'USYNC-1000', `${what}: ${message}`, {
    facts: { sqliteCode: code },
    cause: error,
  });
}

/** Whether trying again later may help: another connection holds the lock. */
export const isLocked = (error: unknown): boolean => error instanceof SyncError && error.code === 'USYNC-1201';

function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode : undefined;
}

// Primary result codes of SQLite.
const errorCodeByResult = new Map<number, ErrorCode>([
  [5, 'USYNC-1201'],
  [6, 'USYNC-1201'],
  [8, 'USYNC-1202'],
  [10, 'USYNC-1210'],
  [11, 'USYNC-1204'],
  [13, 'USYNC-1207'],
  [14, 'USYNC-1210'],
  [26, 'USYNC-1203'],
]);

const constraintKindByCode = new Map<number, ConstraintKind>([
  [18, 'too-big'],
  [19, 'other'],
  [20, 'datatype'],
  [275, 'check'],
  [787, 'foreign-key'],
  [1299, 'not-null'],
  [1555, 'primary-key'],
  [1811, 'trigger'],
  [2067, 'unique'],
  [2579, 'primary-key'],
  [3091, 'datatype'],
]);
