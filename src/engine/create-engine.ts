import { SyncError } from '../core/sync-error.js';
import { deferred } from '../system/deferred.js';
import type { System } from '../system/system.js';
import { createPageCalls } from './create-page-calls.js';
import { createDecisionCalls } from './decide.js';
import type { Engine, EngineAdapters, EngineOptions } from './engine.js';
import { createObservation, type Observation } from './engine-parts.js';
import { startAll, type Running } from './engine-start.js';
import type { SyncState } from './engine-status.js';
import { stopRunning } from './engine-stop.js';
import { folderOf } from './folder-of.js';
import { gatherStatus } from './gather-status.js';
import { joinGroup } from './joining.js';
import { auditDatasets, verifyWithPeers, waitUntilProven } from './proofs.js';
import { createRunningCalls, type RunningCalls } from './running-calls.js';
import { approveServer, inviteServer, removeServer, serverInfos } from './servers.js';

/** An engine that has not started. Nothing is touched before `start`. */
export function createEngine(options: EngineOptions, adapters: EngineAdapters): Engine {
  const observation = createObservation(adapters);
  const calls = createRunningCalls();
  const decisions = createDecisionCalls(() => running().ground);
  const pages = createPageCalls(() => running());
  const stopRequest = deferred<string>();
  const started = deferred<void>();
  const state: LifeState = { phase: 'new', starting: null, running: null, stopping: null };
  const running = (): Running => {
    if (state.running !== null) return state.running;
    throw new SyncError('USYNC-1506', `The engine of ${options.name} does not run.`);
  };
  const engine: Engine = {
    stopRequested: stopRequest.promise,
    async start() {
      if (state.phase !== 'new') throw new SyncError('USYNC-1001', 'An engine starts once.');
      state.phase = 'starting';
      state.starting = startAll({
        ...{ options, adapters, observation, engine, stopping: calls.stopping },
        ...{ whenStarted: started.promise, onStop: stopRequest.resolve },
      });
      state.running = await state.starting;
      started.resolve();
      if (state.stopping === null) state.phase = 'running';
    },
    stop(reason) {
      state.stopping ??= stopAll(state, { calls, observation, system: adapters.system }, reason);
      return state.stopping;
    },
    status: async ({ patienceMs } = {}) => gatherStatus({ ...running(), phase: phaseOf(state), patienceMs }),
    waitUntilInSync: (wait) =>
      calls.run(async () => {
        await waitUntilProven(running(), { ...wait, signal: calls.signalWith(wait.signal) });
        return gatherStatus({ ...running(), phase: phaseOf(state) });
      }),
    verify: (request = {}) =>
      calls.run(async () => verifyWithPeers(running(), { ...request, signal: calls.signalWith(request.signal) })),
    audit: (request = {}) =>
      calls.run(async () => auditDatasets(running().ground, { ...request, signal: calls.signalWith(request.signal) })),
    invite: (request = {}) => calls.run(async () => inviteServer(running(), request)),
    join: (request) =>
      calls.run(async () => joinGroup(running(), { ...request, signal: calls.signalWith(request.signal) })),
    servers: () => calls.run(async () => serverInfos(running().ground)),
    approve: (nameOrId) => calls.run(async () => approveServer(running().ground, nameOrId)),
    remove: (nameOrId) => calls.run(async () => removeServer(running().ground, nameOrId)),
    ...calls.all(decisions),
    undo: (query, tools = {}) =>
      calls.run(() => decisions.undo(query, { ...tools, signal: calls.signalWith(tools.signal) })),
    ...calls.all(pages, ['invites', 'setAddresses', 'paused', 'isAtWork', 'counters']),
    folder: (dataset) => folderOf(running().ground, dataset),
    activity: (max) => observation.activity.newest(max),
    onActivity: (listener) => observation.recorder.attach(listener),
    [Symbol.asyncDispose]: () => engine.stop('it is no longer needed'),
  };
  return engine;
}

interface LifeState {
  phase: 'new' | 'starting' | 'running' | 'stopping' | 'stopped';
  starting: Promise<Running> | null;
  running: Running | null;
  stopping: Promise<void> | null;
}

const phaseOf = ({ phase }: LifeState): Extract<SyncState, 'starting' | 'stopping'> | 'running' =>
  phase === 'running' ? 'running' : phase === 'stopping' || phase === 'stopped' ? 'stopping' : 'starting';

/** Calls under way end first: what they still have to write is written before the locks are let go. */
async function stopAll(state: LifeState, { calls, observation, system }: Stopping, reason: string): Promise<void> {
  state.phase = 'stopping';
  const ended = calls.end(system);
  const running = await (state.starting ?? Promise.resolve(null)).catch(() => null);
  await ended;
  try {
    if (running !== null) await stopRunning(running, observation, reason);
  } finally {
    state.phase = 'stopped';
    state.running = null;
  }
}

interface Stopping {
  readonly calls: RunningCalls;
  readonly observation: Observation;
  readonly system: System;
}
