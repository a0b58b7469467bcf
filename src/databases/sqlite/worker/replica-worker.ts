/** The worker thread of one SQLite replica: answers the calls of `worker-replica.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Epoch, ServerId } from '../../../core/origin.js';
import { SyncError, errorMessageOf } from '../../../core/sync-error.js';
import { createRealSystem } from '../../../system/real-system.js';
import type { JournalNews, Replica, SnapshotReader, SnapshotWriter, UndoRequest } from '../../replica.js';
import { createSqliteReplica, type SqliteReplicaOptions } from '../sqlite-replica.js';
import { createSelfDrain } from './self-drain.js';
import { signalOf, type SharedSignal } from './shared-signal.js';
import {
  mayMove,
  ownBytes,
  plainBucketRow,
  type CallMessage,
  type OpenedReader,
  type OpenedWriter,
  type PlainFailure,
  type WorkerMessage,
} from './worker-messages.js';

/** What the worker is told at its start; everything that is plain data of the replica's options. */
export interface WorkerReplicaData extends Omit<
  SqliteReplicaOptions,
  'identity' | 'system' | 'observe' | 'tellWork' | 'module'
> {
  readonly server: ServerId;
  readonly serverName: string;
}

const { server, serverName, ...options } = workerData as WorkerReplicaData;
const system = createRealSystem();
const post = (message: WorkerMessage, transfer: readonly ArrayBuffer[] = []): void =>
  parentPort?.postMessage(message, [...transfer]);

const replica = createSqliteReplica({
  ...options,
  system,
  observe: (level, detail) => post({ kind: 'event', level, detail }),
  tellWork: (work) => post({ kind: 'work', work }),
  identity: { server, serverName, freshEpoch: () => Buffer.from(system.randomBytes(4)).toString('hex') as Epoch },
});
const readers = new Map<number, SnapshotReader>();
const writers = new Map<number, SnapshotWriter>();
let lastHandle = 0;

const selfDrain = createSelfDrain(replica, (drained) => {
  const own = drained && { ...drained, news: drained.news && withOwnBytes(drained.news) };
  post({ kind: 'hint', drained: own }, buffersIn(own?.news));
});
replica.onHint(selfDrain.hint);
parentPort?.on('message', (message: CallMessage) => {
  answer(message).then(
    (result) => {
      selfDrain.answered(message);
      const position = mayMove(message.target) ? { position: replica.glancePosition() } : {};
      return post({ kind: 'answer', id: message.id, result, ...position }, buffersIn(result));
    },
    (error: unknown) => post({ kind: 'failure', id: message.id, failure: plainFailure(error) }),
  );
});

async function answer({ target, args }: CallMessage): Promise<unknown> {
  if (target.kind === 'reader') return answerReader(target.handle, target.method);
  if (target.kind === 'writer') return answerWriter(target.handle, target.method, args);
  switch (target.method) {
    case 'openSnapshot':
      return openReader(await replica.openSnapshot());
    case 'receiveSnapshot':
      return openWriter(await replica.receiveSnapshot(...(args as Parameters<Replica['receiveSnapshot']>)));
    case 'readJournal':
      return withOwnBytes(await replica.readJournal(...(args as Parameters<Replica['readJournal']>)));
    case 'bucketRows':
      return (await replica.bucketRows(...(args as Parameters<Replica['bucketRows']>))).map(plainBucketRow);
    case 'undo': {
      const [request, signal] = args as [UndoRequest, SharedSignal?];
      return replica.undo(request, signal && signalOf(signal));
    }
    default:
      // The proxy is typed by the same contract, so the arguments fit the method.
      return (replica[target.method] as (...given: readonly unknown[]) => Promise<unknown>)(...args);
  }
}

const withOwnBytes = <T extends Pick<JournalNews, 'parts'>>(read: T): T => ({
  ...read,
  parts: read.parts.map((part) => ({ ...part, bytes: ownBytes(part.bytes) })),
});

function openReader(reader: SnapshotReader): OpenedReader {
  readers.set(++lastHandle, reader);
  return { handle: lastHandle, vector: reader.vector, rows: reader.rows };
}

function openWriter(writer: SnapshotWriter): OpenedWriter {
  writers.set(++lastHandle, writer);
  return { handle: lastHandle };
}

async function answerReader(handle: number, method: 'next' | 'close'): Promise<unknown> {
  const reader = readers.get(handle);
  if (method === 'close') {
    readers.delete(handle);
    return reader?.close();
  }
  const chunk = await (reader ?? goneHandle()).next();
  return chunk === null ? null : ownBytes(chunk);
}

async function answerWriter(handle: number, method: keyof SnapshotWriter, args: readonly unknown[]): Promise<unknown> {
  const writer = writers.get(handle) ?? goneHandle();
  if (method === 'finish' || method === 'abort') writers.delete(handle);
  return (writer[method] as (...given: readonly unknown[]) => Promise<unknown>)(...args);
}

function goneHandle(): never {
  throw new SyncError('USYNC-1002', `the snapshot of dataset ${replica.dataset} is closed`);
}

/** Buffers of a result that may be transferred: bytes of journal parts and snapshot chunks, which nobody here keeps. */
function buffersIn(result: unknown): ArrayBuffer[] {
  if (result instanceof Uint8Array && result.buffer instanceof ArrayBuffer) return [result.buffer];
  if (typeof result !== 'object' || result === null || !('parts' in result) || !Array.isArray(result.parts)) return [];
  const buffers = (result.parts as { bytes: Uint8Array<ArrayBuffer> }[]).map(({ bytes }) => bytes.buffer);
  return [...new Set(buffers)];
}

const plainFailure = (error: unknown): PlainFailure => ({
  code: error instanceof SyncError ? error.code : null,
  message: errorMessageOf(error),
  nextStep: error instanceof SyncError ? error.nextStep : '',
  facts: error instanceof SyncError ? error.facts : {},
  stack: error instanceof Error ? (error.stack ?? '') : '',
});
