import { Worker } from 'node:worker_threads';
import type { ChangesetPart } from '../../core/changeset.js';
import { SyncError } from '../../core/sync-error.js';
import type { Observe } from '../../observe/event.js';
import type { ReplicaIdentity } from '../replica.js';
import type { Replica, SnapshotReader, SnapshotWriter } from '../replica.js';
import type { WorkerReplicaData } from './replica-worker.js';
import {
  bucketRowOf,
  ownBytes,
  type CallMessage,
  type CallTarget,
  type OpenedReader,
  type OpenedWriter,
  type PlainBucketRow,
  type PlainFailure,
  type PlainMethod,
  type WorkerMessage,
} from './worker-messages.js';

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
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  let worker: Worker | null = null;
  let lastId = 0;

  function start(): Worker {
    const workerData: WorkerReplicaData = { ...data, server: identity.server, serverName: identity.serverName };
    const started = new Worker(new URL('./replica-worker.js', import.meta.url), { workerData });
    started.on('message', (message: WorkerMessage) => receive(message));
    started.on('error', (error) => lose(started, error));
    started.on('exit', () => lose(started, new Error('the worker ended')));
    return started;
  }

  function receive(message: WorkerMessage): void {
    if (message.kind === 'event') return observe(message.level, message.detail);
    if (message.kind === 'hint') {
      for (const listener of hintListeners) listener();
      return;
    }
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.kind === 'answer') call?.resolve(message.result);
    else call?.reject(failureToError(message.failure));
  }

  function lose(lost: Worker, cause: unknown): void {
    if (worker !== lost) return;
    worker = null;
    const error = new SyncError('USYNC-1000', `the worker of dataset ${data.dataset} ended`, { cause });
    for (const call of waiting.values()) call.reject(error);
    waiting.clear();
  }

  function call<T>(
    target: CallTarget,
    args: readonly unknown[] = [],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!worker) return reject(new SyncError('USYNC-1002', `dataset ${data.dataset} is not open`));
      const message: CallMessage = { id: ++lastId, target, args };
      waiting.set(message.id, { resolve: (value) => resolve(value as T), reject });
      worker.postMessage(message, [...transfer]);
      return undefined;
    });
  }

  const plain = <T>(method: PlainMethod, ...args: readonly unknown[]): Promise<T> =>
    call<T>({ kind: 'replica', method }, args);

  return {
    dataset: data.dataset,
    open() {
      worker ??= start();
      return plain('open');
    },
    onHint(listener) {
      hintListeners.add(listener);
      return () => hintListeners.delete(listener);
    },
    drain: () => plain('drain'),
    position: () => plain('position'),
    readJournal: (request) => plain('readJournal', request),
    merge(parts) {
      const owned = parts.map((part): ChangesetPart & { bytes: Uint8Array<ArrayBuffer> } => ({
        ...part,
        bytes: ownBytes(part.bytes),
      }));
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
    reissueBranch: (origin, after) => plain('reissueBranch', origin, after),
    tables: () => plain('tables'),
    conflicts: (request) => plain('conflicts', request),
    quarantine: (request) => plain('quarantine', request),
    async close() {
      const running = worker;
      if (!running) return;
      try {
        await plain('close');
      } finally {
        worker = null;
        await running.terminate();
      }
    },
  };
}

type Call = <T>(target: CallTarget, args?: readonly unknown[], transfer?: readonly ArrayBuffer[]) => Promise<T>;

/** Each buffer once: parts of one message may share one. */
const buffersOf = (list: readonly Uint8Array<ArrayBuffer>[]): ArrayBuffer[] => [
  ...new Set(list.map(({ buffer }) => buffer)),
];

const readerOf = (call: Call, { handle, vector, rows }: OpenedReader): SnapshotReader => ({
  vector,
  rows,
  next: () => call({ kind: 'reader', handle, method: 'next' }),
  close: () => call({ kind: 'reader', handle, method: 'close' }),
});

const writerOf = (call: Call, { handle }: OpenedWriter): SnapshotWriter => ({
  add(chunk) {
    const bytes = ownBytes(chunk);
    return call({ kind: 'writer', handle, method: 'add' }, [bytes], [bytes.buffer]);
  },
  preview: () => call({ kind: 'writer', handle, method: 'preview' }),
  finish: (choice) => call({ kind: 'writer', handle, method: 'finish' }, [choice]),
  abort: () => call({ kind: 'writer', handle, method: 'abort' }),
});

function failureToError({ code, message, nextStep, facts, stack }: PlainFailure): Error {
  if (code !== null) return new SyncError(code, message, { nextStep, facts });
  const error = new Error(message);
  error.stack = stack;
  return error;
}
