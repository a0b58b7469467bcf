import type { WorkProgress } from './work-progress.js';
import { errorCatalogue } from '../core/error-catalogue.js';
import { errorCodeOf, errorMessageOf, SyncError } from '../core/sync-error.js';
import { listenLocal, type LineChannel, type LocalListening } from '../system/local-socket.js';
import {
  controlLineBytesMax,
  controlSocketName,
  type ControlFailure,
  type ControlMethod,
  type ControlMethods,
  type ControlReply,
} from './control-contract.js';
import { controlParams, isControlMethod } from './control-params.js';
import type { Engine } from './engine.js';

export interface ControlOptions {
  readonly dataFolder: string;
  readonly engine: Engine;
  /** Resolves when the engine has started. The socket is there a moment earlier; who asks then is answered after it. */
  readonly whenStarted: Promise<void>;
  readonly onStop: (reason: string) => void;
}

/** Answers the command line on the socket in the data folder. What a caller that has gone asked for is cancelled. */
export function listenControl(options: ControlOptions): Promise<LocalListening> {
  return listenLocal(
    { folder: options.dataFolder, name: controlSocketName, lineBytesMax: controlLineBytesMax },
    (channel) => serve(channel, options),
  );
}

function serve(channel: LineChannel, options: ControlOptions): void {
  const controller = new AbortController();
  const reply = (line: ControlReply): void => channel.send(JSON.stringify(line));
  channel.listen({
    onLine: (line) => void answer(line, { options, reply, signal: controller.signal }),
    onClose: () => controller.abort(),
  });
  // Tells that somebody is here, also while the engine starts and its answers wait.
  reply({ id: 0, result: null });
}

interface Answering {
  readonly options: ControlOptions;
  readonly reply: (line: ControlReply) => void;
  readonly signal: AbortSignal;
}

/** Never rejects: each failure is an answer. */
async function answer(line: string, { options, reply, signal }: Answering): Promise<void> {
  let id = 0;
  try {
    const request = requestOf(line);
    id = request.id;
    await options.whenStarted;
    const result = await handled(request.method, request.params, {
      ...options,
      signal,
      onProgress: (progress) => reply({ id, progress }),
    });
    reply({ id, result });
  } catch (error) {
    reply({ id, error: failureOf(error) });
  }
}

interface Handling extends ControlOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: WorkProgress) => void;
}

function handled(method: ControlMethod, params: unknown, handling: Handling): Promise<unknown> {
  const handler = handlers[method] as Handler<ControlMethod>;
  return handler(controlParams(method, params) as never, handling);
}

type Handler<M extends ControlMethod> = (
  params: ControlMethods[M]['params'],
  handling: Handling,
) => Promise<ControlMethods[M]['result']>;

const handlers: { readonly [M in ControlMethod]: Handler<M> } = {
  status: (_, { engine }) => engine.status(),
  wait: ({ timeoutMs }, { engine, signal }) => engine.waitUntilInSync({ timeoutMs, signal }),
  verify: (params, { engine, signal, onProgress }) => engine.verify({ ...params, signal, onProgress }),
  audit: (params, { engine, signal, onProgress }) => engine.audit({ ...params, signal, onProgress }),
  invite: (params, { engine, onProgress }) => engine.invite({ ...params, onProgress }),
  join: (params, { engine, signal, onProgress }) => engine.join({ ...params, signal, onProgress }),
  servers: (_, { engine }) => engine.servers(),
  approve: ({ server }, { engine }) => engine.approve(server),
  remove: ({ server }, { engine }) => engine.remove(server),
  conflicts: (params, { engine }) => engine.conflicts(params),
  restoreConflict: ({ id }, { engine }) => engine.restoreConflict(id),
  dismissConflicts: (params, { engine }) => engine.dismissConflicts(params),
  forgetConflicts: ({ foundBeforeMs }, { engine }) => engine.forgetConflicts(foundBeforeMs),
  quarantine: (params, { engine }) => engine.quarantine(params),
  retryHeld: (_, { engine }) => engine.retryHeld(),
  dropHeld: ({ id }, { engine }) => engine.dropHeld(id),
  rowHistory: (params, { engine }) => engine.rowHistory(params),
  pathHistory: (params, { engine }) => engine.pathHistory(params),
  undo: (params, { engine, signal, onProgress }) => engine.undo(params, { signal, onProgress }),
  folder: async ({ dataset, max }, { engine }) => {
    const folder = engine.folder(dataset);
    const [status, waiting, leftOut, missing, copies, unportable] = await Promise.all([
      folder.status(),
      folder.waiting(max),
      folder.leftOut(max),
      folder.missing(max),
      folder.copies(max),
      folder.unportable(max),
    ]);
    return { status, waiting, leftOut, missing, copies, unportable };
  },
  folderHistory: async ({ dataset, ...request }, { engine }) => engine.folder(dataset).history(request),
  folderRestore: async ({ dataset, id }, { engine }) => engine.folder(dataset).restore(id),
  folderAccept: async ({ dataset }, { engine }) => {
    return { isAccepted: await engine.folder(dataset).accept() };
  },
  folderPutBack: async ({ dataset }, { engine }) => ({ entries: await engine.folder(dataset).putBack() }),
  activity: ({ max }, { engine }) => Promise.resolve(engine.activity(max)),
  stop: ({ reason }, { onStop }) => {
    // After this turn, so that the answer is on its way first.
    queueMicrotask(() => onStop(reason));
    return Promise.resolve({ isStopping: true });
  },
};

function requestOf(line: string): { id: number; method: ControlMethod; params: unknown } {
  const request = JSON.parse(line) as { id?: unknown; method?: unknown; params?: unknown } | null;
  if (typeof request?.id !== 'number') throw new SyncError('USYNC-1103', 'The request has no id.');
  if (!isControlMethod(request.method))
    throw new SyncError('USYNC-1103', `This engine does not know "${String(request.method)}".`, {
      nextStep: 'Restart the engine after an update, so that both have one version.',
    });
  return { id: request.id, method: request.method, params: request.params };
}

function failureOf(error: unknown): ControlFailure {
  const code = errorCodeOf(error);
  return {
    code,
    message: errorMessageOf(error),
    nextStep: error instanceof SyncError ? error.nextStep : errorCatalogue[code].nextStep,
    facts: error instanceof SyncError ? error.facts : {},
  };
}
