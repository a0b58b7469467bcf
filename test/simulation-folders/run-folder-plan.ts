/** Runs one plan: servers start, applications act while engines are killed, everything heals, the promises are judged. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { startPulling } from '../simulation/direct-exchange.js';
import { vectorText } from '../simulation/observed-replica.js';
import { createRandom } from '../simulation/random.js';
import { closeConnections } from '../simulation/simulated-sqlite.js';
import { createNetwork } from '../simulation/simulated-network.js';
import { createTrace } from '../simulation/trace.js';
import { createVirtualTime } from '../simulation/virtual-time.js';
import { fail, type Failure } from '../simulation/world.js';
import { edit, furnish, noteLeft } from './application-runner.js';
import { checkPhase, lookAtEnd, unnamedFolders } from './final-folder-checks.js';
import type { FolderPlan, FolderStep } from './folder-plan.js';
import {
  createFolderServer,
  drainOnce,
  endEngine,
  losePower,
  noteDurable,
  startFolderEngine,
  type VirtualFolderServer,
} from './folder-server.js';
import type { FolderWorld } from './folder-world.js';
import type { FolderBug } from './planted-folder-bugs.js';
import { restore } from './restorer.js';
import { leftOutBelow } from './tree.js';
import { virtualDiskBytes } from './virtual-file-system.js';

export interface FolderOutcome {
  readonly failure: Failure | null;
  readonly hash: string;
  readonly edits: number;
  readonly events: number;
}

export interface FolderExtras {
  readonly print?: (text: string) => void;
  readonly bug?: FolderBug;
}

const eventsMax = 400_000;
const restMsMax = 300_000;
const idleMs = 5_000;
const interleavedMax = 12;
const scratchRoot = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export async function runFolderPlan(plan: FolderPlan, extras: FolderExtras = {}): Promise<FolderOutcome> {
  const scratch = mkdtempSync(`${scratchRoot}/usync-folder-sim-`);
  const time = createVirtualTime(eventsMax);
  const random = createRandom(`run/${plan.seed}`);
  const { latencyMsMax } = plan.options;
  const world: FolderWorld = {
    plan,
    scratch,
    time,
    random: random.fork('world'),
    network: createNetwork(time, random.fork('network'), { latencyMsMin: 0, latencyMsMax, noticeMsMax: 2_000 }),
    trace: createTrace(time.nowMs, extras.print),
    servers: [],
    killSwitches: [],
    bug: extras.bug ?? null,
    visible: new Set(),
    fleeting: new Set(),
    touched: new Map(),
    everTouched: new Map(),
    restoring: new Set(),
    interleavingLeft: 0,
    contents: 0,
    edits: 0,
    failure: null,
    isHealing: false,
    isAtRest: false,
  };
  try {
    await live(world);
  } catch (error) {
    fail(world, 'ERROR', textOf(error));
  }
  for (const server of world.servers) {
    server.engine?.process.die();
    await server.engine?.release();
  }
  for (const killSwitch of world.killSwitches) closeConnections(killSwitch);
  rmSync(scratch, { recursive: true, force: true });
  return { failure: world.failure, hash: world.trace.hash(), edits: world.edits, events: time.eventCount() };
}

const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

const isBroken = (world: FolderWorld): boolean => world.failure !== null;

async function live(world: FolderWorld): Promise<void> {
  const { plan } = world;
  for (let index = 0; index < plan.options.servers; index++) {
    const server = createFolderServer(world, index);
    world.servers.push(server);
    furnish(world, server);
  }
  for (const server of world.servers) await drive(world, start(world, server));
  for (let phase = 0; phase < plan.options.phases && !isBroken(world); phase++) await livePhase(world, phase);
  if (isBroken(world)) return;
  world.isAtRest = true;
  await world.time.runUntil(world.time.nowMs() + idleMs, () => isBroken(world));
}

async function livePhase(world: FolderWorld, phase: number): Promise<void> {
  const { time, plan } = world;
  world.isHealing = false;
  world.touched = new Map();
  const unnamedBefore = unnamedFolders(world);
  world.interleavingLeft = interleavedMax;
  for (const server of world.servers) server.lostPower = false;
  const startMs = time.nowMs();
  for (const step of plan.steps) {
    if (step.phase !== phase) continue;
    time.at(startMs + step.atMs, () => {
      world.trace.line(`step ${JSON.stringify(step)}`);
      perform(world, step);
    });
  }
  await time.runUntil(startMs + plan.options.phaseMs, () => isBroken(world));
  world.isHealing = true;
  // What applications had begun they end.
  await time.runUntil(time.nowMs() + 4_000, () => isBroken(world));
  const isRestoring = (): boolean => [...world.restoring].some(({ engine }) => !engine.isDead());
  await time.runUntil(time.nowMs() + restMsMax, () => !isRestoring() || isBroken(world));
  const phaseEnd = lookAtEnd(world, unnamedBefore);
  await heal(world);
  await comeToRest(world, phase);
  if (!isBroken(world)) checkPhase(world, phaseEnd);
}

/** Lets virtual time pass until the work is done. */
async function drive(world: FolderWorld, work: Promise<void>): Promise<void> {
  let isDone = false;
  void work.catch((error: unknown) => fail(world, 'ERROR', textOf(error))).finally(() => (isDone = true));
  await world.time.runUntil(world.time.nowMs() + restMsMax, () => isDone || isBroken(world));
  if (!isDone) fail(world, 'ENDLESS', 'a call to a replica was never answered');
}

const pollMs = 3_000;

async function start(world: FolderWorld, server: VirtualFolderServer): Promise<void> {
  const engine = await startFolderEngine(world, server);
  if (engine === null || engine.process.isDead()) return;
  noteDurable(world, server);
  const poll = (): void => {
    engine.process.system.after(pollMs, () => {
      void drainOnce(world, server, engine).then(poll);
    });
  };
  void drainOnce(world, server, engine).then(poll);
  const exchange = { ...world, bug: null };
  Object.defineProperty(exchange, 'failure', {
    get: () => world.failure,
    set: (failure: Failure) => {
      world.failure = failure;
    },
  });
  for (const peer of world.servers) {
    if (peer === server || !peer.engine?.isOpen) continue;
    startPulling(exchange, server, peer);
    startPulling(exchange, peer, server);
  }
}

function perform(world: FolderWorld, step: FolderStep): void {
  const { network, servers, time } = world;
  if (step.kind === 'cut') {
    network.cut(step.from, step.to);
    time.after(step.forMs, () => network.heal(step.from, step.to));
    return;
  }
  const server = servers[step.server];
  if (!server) return;
  switch (step.kind) {
    case 'edit':
      return edit(world, server, step.seed);
    case 'restore':
      return restore(world, server, step.seed);
    case 'full':
      server.fs.free = step.free;
      time.after(step.forMs, () => (server.fs.free = virtualDiskBytes));
      return;
    case 'kill':
    case 'power-loss':
      return end(world, server, step);
  }
}

type End = Extract<FolderStep, { readonly kind: 'kill' | 'power-loss' }>;

function end(world: FolderWorld, server: VirtualFolderServer, step: End): void {
  const { engine } = server;
  if (engine === null) return;
  const stop = (): void => {
    if (step.kind === 'kill') endEngine(world, server);
    else {
      losePower(world, server);
      noteLeft(world, server);
    }
    comeBack(world, server, step.downMs);
  };
  if (step.afterSteps === 0) return stop();
  engine.killSwitch.statementsLeft = step.afterSteps;
  engine.killSwitch.onGone = stop;
}

function comeBack(world: FolderWorld, server: VirtualFolderServer, downMs: number): void {
  const { generation } = server;
  world.time.after(downMs, () => {
    if (server.engine !== null || server.generation !== generation || isBroken(world)) return;
    void start(world, server).catch((error: unknown) => fail(world, 'ERROR', `start: ${textOf(error)}`));
  });
}

/** From here on nothing stands in the way of agreement. */
async function heal(world: FolderWorld): Promise<void> {
  world.network.healAll();
  for (const server of world.servers) {
    server.fs.free = virtualDiskBytes;
    if (server.engine) server.engine.killSwitch.statementsLeft = null;
  }
  await world.time.runUntil(world.time.nowMs() + 4_000, () => isBroken(world));
  for (const server of world.servers)
    if (server.engine === null && !isBroken(world)) await drive(world, start(world, server));
}

/** What takes no part may stand in the way of an entry until a person makes room. */
const tidyAfterMs = 40_000;

function tidy(server: VirtualFolderServer): void {
  const { engine, disk, root } = server;
  if (engine?.side.status().pending === 0) return;
  server.actor = 'application';
  for (const { path, node } of leftOutBelow(root))
    if (node.kind === 'folder') disk.removeFolder(`/srv/files/${path}`);
    else disk.removeFile(`/srv/files/${path}`);
}

async function comeToRest(world: FolderWorld, phase: number): Promise<void> {
  const { time } = world;
  const startMs = time.nowMs();
  const endMs = startMs + restMsMax;
  let calm = 0;
  let last = '';
  while (time.nowMs() < endMs && !isBroken(world)) {
    await time.runUntil(time.nowMs() + 1_000, () => isBroken(world));
    const states = await currentStates(world);
    calm = new Set(states).size === 1 && states[0] === last ? calm + 1 : 0;
    last = states[0] ?? '';
    // Longer than a scan of everything takes to come.
    if (calm >= 4) return;
    if (time.nowMs() > startMs + tidyAfterMs) for (const server of world.servers) tidy(server);
  }
  if (isBroken(world)) return;
  const waits = world.servers.map(({ index, engine }) => {
    const pending = engine?.table.rows
      .pending(2)
      .map(({ path }) => [engine.table.rows.at(path), engine.table.disk.at(path)]);
    return `s${index} ${JSON.stringify([engine?.side.status(), engine?.side.waiting(5), pending])}`;
  });
  fail(
    world,
    'UNEQUAL',
    `after phase ${phase} the servers do not agree:\n${(await currentStates(world)).join('\n')}\n${waits.join('\n')}`,
  );
}

async function currentStates(world: FolderWorld): Promise<string[]> {
  const states: string[] = world.servers.map(() => '');
  let waiting = 0;
  for (const [index, { engine }] of world.servers.entries()) {
    if (engine?.isOpen !== true) continue;
    waiting++;
    void engine.replica
      .position()
      .then(({ vector }) => (states[index] = `${vectorText(vector)} pending ${engine.side.status().pending}`))
      .catch((error: unknown) => fail(world, 'ERROR', textOf(error)))
      .finally(() => waiting--);
  }
  await world.time.runUntil(world.time.nowMs() + 10_000, () => waiting === 0 || isBroken(world));
  return states.map((state, index) => (state.endsWith('pending 0') ? state : `s${index} ${state}`));
}
