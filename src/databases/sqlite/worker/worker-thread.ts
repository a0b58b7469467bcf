import { Worker } from 'node:worker_threads';
import { SyncError } from '../../../core/sync-error.js';
import type { Observe } from '../../../observe/event.js';
import type { WorkerReplicaData } from './replica-worker.js';
import type { CallMessage, CallTarget, PlainFailure, WorkerMessage } from './worker-messages.js';

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
  readonly onHint: () => void;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The thread of one replica and the calls that it has not answered yet. */
export function createWorkerThread({ data, observe, onHint }: WorkerThreadOptions): WorkerThread {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | null = null;
  let lastId = 0;

  const receive = (message: WorkerMessage): void => {
    switch (message.kind) {
      case 'event':
        observe(message.level, message.detail);
        return;
      case 'hint':
        onHint();
        return;
      case 'answer':
        waiting.get(message.id)?.resolve(message.result);
        break;
      case 'failure':
        waiting.get(message.id)?.reject(failureToError(message.failure));
    }
    waiting.delete(message.id);
  };

  const lose = (lost: Worker, cause: unknown): void => {
    if (worker !== lost) return;
    worker = null;
    const error = new SyncError('USYNC-1000', `the worker of dataset ${data.dataset} ended`, { cause });
    for (const each of waiting.values()) each.reject(error);
    waiting.clear();
  };

  return {
    call: <T>(target: CallTarget, args: readonly unknown[] = [], transfer: readonly ArrayBuffer[] = []) =>
      new Promise<T>((resolve, reject) => {
        if (!worker) {
          reject(new SyncError('USYNC-1002', `dataset ${data.dataset} is not open`));
          return;
        }
        const message: CallMessage = { id: ++lastId, target, args };
        waiting.set(message.id, { resolve: (value) => resolve(value as T), reject });
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
