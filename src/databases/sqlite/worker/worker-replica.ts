import type { Observe } from '../../../observe/event.js';
import type {
  HintedDrain,
  Replica,
  ReplicaIdentity,
  ReplicaWork,
  SnapshotReader,
  SnapshotWriter,
} from '../../replica.js';
import { createKnownPosition } from './known-position.js';
import type { WorkerReplicaData } from './replica-worker.js';
import { withSharedSignal } from './shared-signal.js';
import {
  bucketRowOf,
  drainsByItself,
  ownBytes,
  type OpenedReader,
  type OpenedWriter,
  type PlainBucketRow,
  type PlainMethod,
} from './worker-messages.js';
import { createWorkerThread, type WorkerCall } from './worker-thread.js';

export interface WorkerReplicaOptions extends Omit<WorkerReplicaData, 'server' | 'serverName'> {
  readonly identity: Pick<ReplicaIdentity, 'server' | 'serverName'>;
  readonly observe: Observe;
}

/**
 * A SQLite replica in a worker thread of its own, so that a long merge delays neither pings nor other datasets. The
 * worker starts at `open` and ends at `close`. If it dies, open calls fail and the next `open` starts a new one.
 */
export function createWorkerReplica(options: WorkerReplicaOptions): Replica {
  const { identity, observe, ...data } = options;
  const hintListeners = new Set<() => void>();
  const workListeners = new Set<(work: ReplicaWork | null) => void>();
  const drainListeners = new Set<(drained: HintedDrain) => void>();
  const known = createKnownPosition();
  const thread = createWorkerThread({
    data: { ...data, server: identity.server, serverName: identity.serverName },
    observe,
    known,
    onWork(work) {
      for (const listener of workListeners) listener(work);
    },
    onHint(drained) {
      if (drained) known.drained(drained.position);
      if (drained) for (const listener of drainListeners) listener(drained);
      else for (const listener of hintListeners) listener();
    },
  });
  const { call } = thread;
  const plain = <T>(method: PlainMethod, ...args: readonly unknown[]): Promise<T> =>
    call<T>({ kind: 'replica', method }, args);

  return {
    dataset: data.dataset,
    open(opening) {
      thread.start();
      return plain('open', opening);
    },
    onHint: (listener) => listening(hintListeners, listener),
    onDrained: (listener) => listening(drainListeners, listener),
    onWork: (listener) => listening(workListeners, listener),
    drain: () => plain('drain', ...(drainListeners.size > 0 ? [drainsByItself] : [])),
    async position() {
      return known.get() ?? (await plain('position'));
    },
    readJournal: (request) => plain('readJournal', request),
    merge(parts) {
      const owned = parts.map((part) => ({ ...part, bytes: ownBytes(part.bytes) }));
      return call({ kind: 'replica', method: 'merge' }, [owned], buffersOf(owned.map(({ bytes }) => bytes)));
    },
    flush: () => plain('flush'),
    openSnapshot: async () => readerOf(call, await call<OpenedReader>({ kind: 'replica', method: 'openSnapshot' })),
    receiveSnapshot: async (vector) =>
      writerOf(call, await call<OpenedWriter>({ kind: 'replica', method: 'receiveSnapshot' }, [vector])),
    proof: () => plain('proof'),
    audit: (table) => plain('audit', table),
    bucketSums: (request) => plain('bucketSums', request),
    bucketRows: async (request) => (await plain<PlainBucketRow[]>('bucketRows', request)).map(bucketRowOf),
    prune: (request) => plain('prune', request),
    newEpoch: (reason) => plain('newEpoch', reason),
    history: (origin) => plain('history', origin),
    cutBranch: (origin, theirs) => plain('cutBranch', origin, theirs),
    setHeirs: (heirs) => plain('setHeirs', heirs),
    setNumberLane: (lane) => plain('setNumberLane', lane),
    tables: () => plain('tables'),
    ...decisionCalls(plain),
    async close() {
      if (!thread.isRunning()) return;
      try {
        await plain('close');
      } finally {
        await thread.end();
      }
    },
  };
}

type Plain = <T>(method: PlainMethod, ...args: readonly unknown[]) => Promise<T>;

type DecisionCalls = Pick<
  Replica,
  | 'conflicts'
  | 'conflictsForgotten'
  | 'forgetConflicts'
  | 'restoreConflict'
  | 'quarantine'
  | 'retryHeld'
  | 'dropHeld'
  | 'rowHistory'
  | 'undo'
  | 'recentChanges'
  | 'applyWrites'
>;

/** What people look at and decide, and what programs write. */
const decisionCalls = (plain: Plain): DecisionCalls => ({
  conflicts: (request) => plain('conflicts', request),
  conflictsForgotten: () => plain('conflictsForgotten'),
  forgetConflicts: (foundBeforeMs) => plain('forgetConflicts', foundBeforeMs),
  restoreConflict: (id) => plain('restoreConflict', id),
  quarantine: (request) => plain('quarantine', request),
  retryHeld: () => plain('retryHeld'),
  dropHeld: (id) => plain('dropHeld', id),
  rowHistory: (request) => plain('rowHistory', request),
  undo: (request, signal) =>
    withSharedSignal(signal, (shared) => plain('undo', request, ...(shared === undefined ? [] : [shared]))),
  recentChanges: (request) => plain('recentChanges', request),
  applyWrites: (writes) => plain('applyWrites', writes),
});

function listening<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Each buffer once: parts of one message may share one. */
const buffersOf = (list: readonly Uint8Array<ArrayBuffer>[]): ArrayBuffer[] => [
  ...new Set(list.map(({ buffer }) => buffer)),
];

const readerOf = (call: WorkerCall, { handle, vector, rows }: OpenedReader): SnapshotReader => ({
  vector,
  rows,
  next: () => call({ kind: 'reader', handle, method: 'next' }),
  close: () => call({ kind: 'reader', handle, method: 'close' }),
});

const writerOf = (call: WorkerCall, { handle }: OpenedWriter): SnapshotWriter => ({
  add(chunk) {
    const bytes = ownBytes(chunk);
    return call({ kind: 'writer', handle, method: 'add' }, [bytes], [bytes.buffer]);
  },
  preview: () => call({ kind: 'writer', handle, method: 'preview' }),
  finish: (choice) => call({ kind: 'writer', handle, method: 'finish' }, [choice]),
  abort: () => call({ kind: 'writer', handle, method: 'abort' }),
});
