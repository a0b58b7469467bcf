import type { WorkProgress } from './work-progress.js';
import { errorCatalogue } from '../core/error-catalogue.js';
import { SyncError } from '../core/sync-error.js';
import { createRealSystem } from '../system/real-system.js';
import { connectLocal } from '../system/local-socket.js';
import {
  controlLineBytesMax,
  controlSocketName,
  type ControlClient,
  type ControlFailure,
  type ControlReply,
} from './control-contract.js';

/** An engine greets at once; one that is stopped, or starved of processor or memory, still has its socket. */
const greetingWaitMs = 15_000;

/**
 * Connects with the engine that works in this data folder. Throws `USYNC-1506` when none runs. Calls to one that says nothing
 * at all for `silentMs` fail with `USYNC-1505`.
 */
export async function connectControl(dataFolder: string, silentMs = greetingWaitMs): Promise<ControlClient> {
  const channel = await connectLocal({
    folder: dataFolder,
    name: controlSocketName,
    lineBytesMax: controlLineBytesMax,
  });
  const calls = new Map<number, Call>();
  let lastId = 0;
  let isClosed = false;
  const forgetSilence = createRealSystem().after(silentMs, () => {
    rejectAll(calls, silentError(dataFolder, silentMs));
    channel.close();
  });
  channel.listen({
    onLine: (line) => {
      forgetSilence();
      const reply = JSON.parse(line) as ControlReply;
      const call = calls.get(reply.id);
      if (call === undefined) return;
      if ('progress' in reply) {
        call.onProgress(reply.progress);
        return;
      }
      calls.delete(reply.id);
      if ('error' in reply) call.reject(errorOf(reply.error));
      else call.resolve(reply.result);
    },
    onClose: () => {
      isClosed = true;
      forgetSilence();
      rejectAll(calls, new SyncError('USYNC-1506', 'The engine ended before it answered.'));
    },
  });
  return {
    call: (method, params, { signal, onProgress } = {}) =>
      new Promise((resolve, reject) => {
        if (isClosed) {
          reject(new SyncError('USYNC-1506', 'The engine has ended.'));
          return;
        }
        lastId += 1;
        const id = lastId;
        calls.set(id, {
          resolve: resolve as (result: unknown) => void,
          reject,
          onProgress: onProgress ?? (() => undefined),
        });
        signal?.addEventListener('abort', () => {
          if (calls.delete(id)) reject(new SyncError('USYNC-1002', 'The call was cancelled.'));
        });
        channel.send(JSON.stringify({ id, method, params }));
      }),
    close: () => channel.close(),
  };
}

interface Call {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: (progress: WorkProgress) => void;
}

function rejectAll(calls: Map<number, Call>, error: SyncError): void {
  for (const call of calls.values()) call.reject(error);
  calls.clear();
}

const silentError = (dataFolder: string, silentMs: number): SyncError =>
  new SyncError(
    'USYNC-1505',
    `The engine with the data folder ${dataFolder} has not answered for ${silentMs / 1_000} s.`,
    {
      nextStep:
        'Look whether its process is stopped, or the machine has no processor time or memory left for it. If it stays so, end it and start "usync run" again: nothing is lost.',
    },
  );

function errorOf(failure: ControlFailure): SyncError {
  const code = failure.code in errorCatalogue ? failure.code : 'USYNC-1000';
  return new SyncError(code, failure.message, { facts: failure.facts, nextStep: failure.nextStep });
}
