import { Worker } from 'node:worker_threads';
import { SyncError } from '../../../core/sync-error.js';
import type { HintedDrain, ReplicaPosition, ReplicaWork } from '../../replica.js';
import type { Observe } from '../../../observe/event.js';
import type { KnownPosition } from './known-position.js';
import type { WorkerReplicaData } from './replica-worker.js';
import {
  mayMove,
  type CallMessage,
  type CallTarget,
  type PlainFailure,
  type WorkerMessage,
} from './worker-messages.js';

/** Sends one call and waits for its answer. Buffers in `transfer` belong to the worker afterwards. */
export type WorkerCall = <T>(
  target: CallTarget,
  args?: readonly unknown[],
  transfer?: readonly ArrayBuffer[],
) => Promise<T>;

export interface WorkerThread {
  readonly call: WorkerCall;
  /** Starts the worker unless it runs. */
  start(): void;
  isRunning(): boolean;
  /** Ends it without a word; open calls fail. */
  end(): Promise<void>;
}

export interface WorkerThreadOptions {
  readonly data: WorkerReplicaData;
  readonly observe: Observe;
  readonly onHint: (drained: HintedDrain | null) => void;
  readonly onWork: (work: ReplicaWork | null) => void;
  readonly known: KnownPosition;
}

interface Waiting {
  readonly mayMove: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The thread of one replica and the calls that it has not answered yet. */
export function createWorkerThread({ data, observe, onHint, onWork, known }: WorkerThreadOptions): WorkerThread {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | null = null;
  let lastId = 0;

  const receive = (message: WorkerMessage): void => {
    switch (message.kind) {
      case 'event':
        observe(message.level, message.detail);
        return;
      case 'work':
        onWork(message.work);
        return;
      case 'hint':
        onHint(message.drained);
        return;
      case 'answer':
        settled(message.id, message.position ?? null)?.resolve(message.result);
        return;
      case 'failure':
        settled(message.id, null)?.reject(failureToError(message.failure));
    }
  };

  const settled = (id: number, position: ReplicaPosition | null): Waiting | undefined => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (call?.mayMove === true) known.changed(position);
    return call;
  };

  const lose = (lost: Worker, cause: unknown): void => {
    if (worker !== lost) return;
    worker = null;
    const error = new SyncError('USYNC-1000', `the worker of dataset ${data.dataset} ended`, { cause });
    for (const each of waiting.values()) each.reject(error);
    waiting.clear();
    onWork(null);
    known.forget();
  };

  return {
    call: <T>(target: CallTarget, args: readonly unknown[] = [], transfer: readonly ArrayBuffer[] = []) =>
      new Promise<T>((resolve, reject) => {
        if (!worker) {
          reject(new SyncError('USYNC-1002', `dataset ${data.dataset} is not open`));
          return;
        }
        const message: CallMessage = { id: ++lastId, target, args };
        const moves = mayMove(target);
        if (moves) known.changing();
        waiting.set(message.id, { mayMove: moves, resolve: (value) => resolve(value as T), reject });
        worker.postMessage(message, [...transfer]);
      }),
    start() {
      if (worker) return;
      const started = new Worker(new URL('./replica-worker.js', import.meta.url), { workerData: data });
      started.on('message', receive);
      started.on('error', (error) => lose(started, error));
      started.on('exit', () => lose(started, new Error('the worker ended')));
      worker = started;
    },
    isRunning: () => worker !== null,
    async end() {
      const running = worker;
      if (!running) return;
      lose(running, null);
      await running.terminate();
    },
  };
}

function failureToError({ code, message, nextStep, facts, stack }: PlainFailure): Error {
  if (code !== null) return new SyncError(code, message, { nextStep, facts });
  const error = new Error(message);
  error.stack = stack;
  return error;
}
