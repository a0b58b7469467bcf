import type { WorkProgress } from './work-progress.js';
import { errorCatalogue } from '../core/error-catalogue.js';
import { SyncError } from '../core/sync-error.js';
import { connectLocal } from '../system/local-socket.js';
import {
  controlLineBytesMax,
  controlSocketName,
  type ControlClient,
  type ControlFailure,
  type ControlReply,
} from './control-contract.js';

/** Connects with the engine that works in this data folder. Throws `USYNC-1506` when none runs. */
export async function connectControl(dataFolder: string): Promise<ControlClient> {
  const channel = await connectLocal({
    folder: dataFolder,
    name: controlSocketName,
    lineBytesMax: controlLineBytesMax,
  });
  const calls = new Map<number, Call>();
  let lastId = 0;
  let isClosed = false;
  channel.listen({
    onLine: (line) => {
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
      for (const call of calls.values())
        call.reject(new SyncError('USYNC-1506', 'The engine ended before it answered.'));
      calls.clear();
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

function errorOf(failure: ControlFailure): SyncError {
  const code = failure.code in errorCatalogue ? failure.code : 'USYNC-1000';
  return new SyncError(code, failure.message, { facts: failure.facts, nextStep: failure.nextStep });
}
