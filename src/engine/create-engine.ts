import { SyncError } from '../core/sync-error.js';
import type { EventDetail } from '../observe/event.js';
import type { LocalListening } from '../system/local-socket.js';
import { listenControl } from './control-server.js';
import { createPageCalls } from './answer-page.js';
import { createDecisionCalls, superviseDecisions } from './decide.js';
import type { FolderCalls } from '../databases/folder-calls.js';
import type { Engine, EngineAdapters, EngineOptions } from './engine.js';
import { openNetwork, type EngineNetwork } from './engine-network.js';
import { createObservation, openGround, type EngineGround, type Observation } from './engine-parts.js';
import type { SyncState } from './engine-status.js';
import { gatherStatus } from './gather-status.js';
import { openInvites, type Invites } from './invites.js';
import { joinGroup } from './joining.js';
import { auditDatasets, verifyWithPeers, waitUntilProven } from './proofs.js';
import { approveServer, inviteServer, removeServer, serverInfos } from './servers.js';

/** An engine that has not started. Nothing is touched before `start`. */
export function createEngine(options: EngineOptions, adapters: EngineAdapters): Engine {
  const observation = createObservation(adapters);
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
        ...{ options, adapters, observation, engine },
        ...{ whenStarted: started.promise, onStop: stopRequest.resolve },
      });
      state.running = await state.starting;
      started.resolve();
      if (state.stopping === null) state.phase = 'running';
    },
    stop(reason) {
      state.stopping ??= stopAll(state, observation, reason);
      return state.stopping;
    },
    status: async ({ patienceMs } = {}) => gatherStatus({ ...running(), phase: phaseOf(state), patienceMs }),
    waitUntilInSync: async (wait) => {
      const current = running();
      await waitUntilProven(current, wait);
      return gatherStatus({ ...running(), phase: phaseOf(state) });
    },
    verify: async (request = {}) => verifyWithPeers(running(), request),
    audit: async (request = {}) => auditDatasets(running().ground, request),
    invite: async (request = {}) => inviteServer(running(), request),
    join: async (request) => joinGroup(running(), request),
    servers: async () => serverInfos(running().ground),
    approve: async (nameOrId) => approveServer(running().ground, nameOrId),
    remove: async (nameOrId) => removeServer(running().ground, nameOrId),
    ...createDecisionCalls(() => running().ground),
    ...createPageCalls(running),
    folder: (dataset) => folderOf(running().ground, dataset),
    activity: (max) => observation.activity.newest(max),
    onActivity: (listener) => observation.recorder.attach(listener),
    [Symbol.asyncDispose]: () => engine.stop('it is no longer needed'),
  };
  return engine;
}

function folderOf({ runners }: EngineGround, dataset: string): FolderCalls {
  const folder = runners.get(dataset)?.replica.folder;
  if (folder !== undefined) return folder;
  const names = [...runners.values()].filter(({ replica }) => replica.folder !== undefined).map(({ name }) => name);
  throw new SyncError('USYNC-1103', `${dataset} is no folder dataset here.`, {
    nextStep: names.length === 0 ? 'The configuration names no folder.' : `Folders are: ${names.join(', ')}.`,
  });
}

interface Running {
  readonly ground: EngineGround;
  readonly network: EngineNetwork;
  readonly invites: Invites;
  readonly control: LocalListening;
  readonly undoAll: () => Promise<void>;
}

interface LifeState {
  phase: 'new' | 'starting' | 'running' | 'stopping' | 'stopped';
  starting: Promise<Running> | null;
  running: Running | null;
  stopping: Promise<void> | null;
}

const phaseOf = ({ phase }: LifeState): Extract<SyncState, 'starting' | 'stopping'> | 'running' =>
  phase === 'running' ? 'running' : phase === 'stopping' || phase === 'stopped' ? 'stopping' : 'starting';

interface Starting {
  readonly options: EngineOptions;
  readonly adapters: EngineAdapters;
  readonly observation: Observation;
  readonly engine: Engine;
  readonly whenStarted: Promise<void>;
  readonly onStop: (reason: string) => void;
}

async function startAll(starting: Starting): Promise<Running> {
  const steps: (() => Promise<void> | void)[] = [];
  const undoAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) await failureOf(step, failures);
    if (failures.length > 0) throw failures[0];
  };
  try {
    return { ...(await build(starting, (step) => steps.push(step))), undoAll };
  } catch (error) {
    // What fails on the way back matters less than why the engine could not start.
    await undoAll().catch(() => undefined);
    throw error;
  }
}

/** A step back that fails keeps no other from being taken: locks and databases are let go in any case. */
async function failureOf(step: () => Promise<void> | void, failures: unknown[]): Promise<void> {
  try {
    await step();
  } catch (error) {
    failures.push(error);
  }
}

async function build(
  { options, adapters, observation, engine, whenStarted, onStop }: Starting,
  undo: (step: () => Promise<void> | void) => void,
): Promise<Omit<Running, 'undoAll'>> {
  const ground = await openGround(options, { adapters, observation, undo });
  for (const runner of ground.runners.values()) undo(() => runner.stop());
  undo(() => ground.group.close());
  const runners = [...ground.runners.values()].map((runner) => runner.start());
  await allOrFirstFailure([...runners, ground.group.open()]);
  const { system } = adapters;
  const invites = await openInvites({ files: ground.files, system, fingerprint: ground.self.fingerprint });
  const network = await openNetwork({ ground, invites, undo });
  const datasets = options.datasets.map(({ name }) => name);
  await ground.group.takeSelf({ name: options.name, addresses: network.addresses, datasets });
  const control = await listenControl({ dataFolder: options.dataFolder, engine, whenStarted, onStop });
  undo(() => control.close());
  network.follow();
  superviseDecisions(ground);
  const started: EventDetail = {
    kind: 'engine-started',
    server: options.name,
    version: options.version,
    listen: `${network.listening.address}:${network.listening.port}`,
  };
  observation.recorder.observe('info', started);
  return { ground, network, invites, control };
}

/** Rejects with the first failure in the order given, but not before all have come to their end. */
async function allOrFirstFailure(work: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}

/**
 * In reverse order of the start, which is waited for. What is committed by now is captured, and offered to who is
 * connected, first.
 */
async function stopAll(state: LifeState, { recorder }: Observation, reason: string): Promise<void> {
  state.phase = 'stopping';
  const running = await (state.starting ?? Promise.resolve(null)).catch(() => null);
  try {
    if (running === null) return;
    await handOver(running);
    await running.undoAll();
    recorder.observe('info', { kind: 'engine-stopped', reason });
  } finally {
    state.phase = 'stopped';
    state.running = null;
  }
}

/** A short time for what is on its way; whoever does not get it now gets it from the journal later. */
const handOverMs = 2_000;

async function handOver({ ground, network }: Running): Promise<void> {
  const { system } = ground.adapters;
  // A database that cannot be read now must not keep the engine from ending.
  for (const runner of ground.runners.values()) await runner.capture().catch(() => undefined);
  const untilMs = system.monotonicMs() + handOverMs;
  const isPending = (): boolean =>
    network.links
      .all()
      .some(({ session }) =>
        session.status().datasets.some(({ ahead, kind }) => ahead.origins > 0 && kind === 'sending'),
      );
  while (isPending() && system.monotonicMs() < untilMs) await new Promise<void>((resolve) => system.after(20, resolve));
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  const box: { resolve?: (value: T) => void } = {};
  const promise = new Promise<T>((resolve) => {
    box.resolve = resolve;
  });
  return { promise, resolve: (value) => box.resolve?.(value) };
}
