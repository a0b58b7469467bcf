/**
 * What crosses between the main thread and the worker of one replica. Calls are answered in the order in which they
 * were made. Large bytes are transferred, not copied.
 */
import type { ErrorCode } from '../../../core/error-catalogue.js';
import type { ErrorFacts } from '../../../core/sync-error.js';
import { RawText, type SqlValue } from '../../../core/value.js';
import type { EventDetail, ObservedEvent } from '../../../observe/event.js';
import type {
  BucketRow,
  HintedDrain,
  Replica,
  ReplicaPosition,
  ReplicaWork,
  SnapshotReader,
  SnapshotWriter,
} from '../../replica.js';

/** The calls that are answered with plain data; snapshots are handles with calls of their own. */
export type PlainMethod = Exclude<keyof Replica, 'dataset' | 'onHint' | 'onWork' | 'openSnapshot' | 'receiveSnapshot'>;

export type CallTarget =
  | { readonly kind: 'replica'; readonly method: PlainMethod | 'openSnapshot' | 'receiveSnapshot' }
  | { readonly kind: 'reader'; readonly handle: number; readonly method: 'next' | 'close' }
  | { readonly kind: 'writer'; readonly handle: number; readonly method: Exclude<keyof SnapshotWriter, never> };

export interface CallMessage {
  readonly id: number;
  readonly target: CallTarget;
  readonly args: readonly unknown[];
}

/** Given with `drain`: from now on the worker may drain by itself. */
export const drainsByItself = 'drains-by-itself';

/** Calls after which the replica may stand elsewhere: their answers carry the position. */
export function mayMove(target: CallTarget): boolean {
  if (target.kind === 'reader') return false;
  if (target.kind === 'writer') return target.method === 'finish' || target.method === 'abort';
  return !restingMethods.has(target.method);
}

const restingMethods: ReadonlySet<string> = new Set<keyof Replica>([
  'position',
  'readJournal',
  'flush',
  'bucketSums',
  'bucketRows',
  'history',
  'tables',
  'conflicts',
  'quarantine',
  'recentChanges',
]);

export type WorkerMessage =
  | {
      readonly kind: 'answer';
      readonly id: number;
      readonly result: unknown;
      /** Where the replica stands, after a call that may have moved it; null when it must be asked. */
      readonly position?: ReplicaPosition | null;
    }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: PlainFailure }
  /** Something may have been committed; with what was drained when the worker could do that. */
  | { readonly kind: 'hint'; readonly drained: HintedDrain | null }
  | { readonly kind: 'work'; readonly work: ReplicaWork | null }
  | { readonly kind: 'event'; readonly level: ObservedEvent['level']; readonly detail: EventDetail };

/** An error without its class, which does not cross. */
export interface PlainFailure {
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly nextStep: string;
  readonly facts: ErrorFacts;
  readonly stack: string;
}

/** What a snapshot handle is answered with at its opening. */
export interface OpenedReader extends Pick<SnapshotReader, 'vector' | 'rows'> {
  readonly handle: number;
}
export interface OpenedWriter {
  readonly handle: number;
}

/** Classes do not cross: exact text is marked by its one field. */
export type PlainSqlValue = Exclude<SqlValue, RawText> | { readonly rawText: Uint8Array };
export type PlainBucketRow = Omit<BucketRow, 'key'> & { readonly key: readonly PlainSqlValue[] };

export const plainBucketRow = (row: BucketRow): PlainBucketRow => ({
  ...row,
  key: row.key.map((value) => (value instanceof RawText ? { rawText: value.bytes } : value)),
});

export const bucketRowOf = (row: PlainBucketRow): BucketRow => ({
  ...row,
  key: row.key.map((value) =>
    typeof value === 'object' && value !== null && 'rawText' in value ? new RawText(value.rawText) : value,
  ),
});

/** Bytes that own their buffer, so that the buffer can be transferred: a view into a larger one would take it all along. */
export const ownBytes = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
    ? (bytes as Uint8Array<ArrayBuffer>)
    : new Uint8Array(bytes);
