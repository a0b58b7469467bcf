/**
 * One virtual server with one folder: a file system in memory, the applications on it, and the real folder replica. A
 * kill ends the engine between two steps and leaves disk and database as they stand; a power loss takes what was not
 * synced as well.
 */
import type { ContentPeers, ContentRequest } from '../../src/core/content-request.js';
import type { Epoch } from '../../src/core/origin.js';
import { SyncError } from '../../src/core/sync-error.js';
import type { EntryTable } from '../../src/databases/entry-table.js';
import type { Replica } from '../../src/databases/replica.js';
import { localEntryTables } from '../../src/databases/sqlite/entries/entry-schema.js';
import { openSqliteEntryTable } from '../../src/databases/sqlite/entries/sqlite-entry-table.js';
import { createSqliteReplica } from '../../src/databases/sqlite/sqlite-replica.js';
import { sha256 } from '../../src/files/content-hash.js';
import { createFolderReplica } from '../../src/files/folder-replica.js';
import { createFolderSide } from '../../src/files/folder-side.js';
import type { FolderSide } from '../../src/files/folder-side-contract.js';
import type { Disk } from '../../src/system/disk.js';
import { workOf } from '../cases/folder-servers.js';
import type { Random } from '../simulation/random.js';
import { createGate, gatedReplica, type Gate } from '../simulation/gated-replica.js';
import {
  createKillSwitch,
  createSimulatedModule,
  copyDatabase,
  takeStep,
  type KillSwitch,
} from '../simulation/simulated-sqlite.js';
import {
  createClock,
  createProcess,
  type SimulatedClock,
  type SimulatedProcess,
} from '../simulation/simulated-system.js';
import { makeMachineStill } from '../simulation/still-machine.js';
import { serverIdOf } from '../simulation/server-id.js';
import { fail } from '../simulation/world.js';
import { interleave } from './application-runner.js';
import { judgeChange, judgeReach, noteStanding } from './disk-oracle.js';
import type { Folder, PlainFile } from './file-node.js';
import { settleMs, type FolderWorld } from './folder-world.js';
import { createVirtualDisk } from './virtual-disk.js';
import { createFileSystem, type VirtualFileSystem } from './virtual-file-system.js';

export interface VirtualFolderServer {
  readonly index: number;
  readonly clock: SimulatedClock;
  readonly fs: VirtualFileSystem;
  /** The synced folder. */
  readonly root: Folder;
  /** As applications use it. */
  readonly disk: Disk;
  actor: 'application' | 'engine';
  /** Contents that an application of this server deleted or overwrote. */
  readonly released: Set<string>;
  readonly visibleSince: Map<PlainFile, { readonly hash: string; readonly sinceMs: number }>;
  databasePath: string;
  /** The database as the last power loss would leave it. */
  durablePath: string | null;
  engine: RunningFolder | null;
  generation: number;
  /** Applications end with the power. */
  powerLosses: number;
  /** Power was lost in this phase. */
  lostPower: boolean;
  newEpochAtStart: boolean;
  readonly wakers: Set<() => void>;
  wake(): void;
}

export interface RunningFolder {
  readonly server: number;
  readonly replica: Replica;
  readonly side: FolderSide;
  readonly table: EntryTable;
  readonly process: SimulatedProcess;
  readonly killSwitch: KillSwitch;
  isOpen: boolean;
  /** Closes the database, whatever the process waits for. */
  release(): Promise<void>;
}

export const rootPath = '/srv/files';

export function createFolderServer(world: FolderWorld, index: number): VirtualFolderServer {
  const clock = createClock(world.time, world.plan.options.skewMs[index] ?? 0, 1);
  const fs = createFileSystem({ nowMs: () => clock.nowMs() });
  const application = createVirtualDisk(fs, {
    step: () => undefined,
    later: () => Promise.resolve(),
    deliver: () => undefined,
    isSuperUser: true,
  });
  for (const path of ['/srv', rootPath, '/srv/outside', '/outside', `${rootPath}/keep`]) application.makeFolder(path);
  const root = folderAt(fs, ['srv', 'files']);
  const wakers = new Set<() => void>();
  const server: VirtualFolderServer = {
    index,
    clock,
    fs,
    root,
    disk: application,
    actor: 'application',
    released: new Set(),
    visibleSince: new Map(),
    databasePath: `${world.scratch}/s${index}.g0.db`,
    durablePath: null,
    engine: null,
    generation: 0,
    powerLosses: 0,
    lostPower: false,
    newEpochAtStart: false,
    wakers,
    wake: () => {
      for (const waker of wakers) waker();
    },
  };
  fs.onChange = (change) => judgeChange(world, server, change);
  return server;
}

function folderAt({ top }: VirtualFileSystem, names: readonly string[]): Folder {
  let folder = top;
  for (const name of names) {
    const node = folder.entries.get(name)?.node;
    if (node?.kind !== 'folder') throw new Error(`no folder ${name}`);
    folder = node;
  }
  return folder;
}

export async function startFolderEngine(
  world: FolderWorld,
  server: VirtualFolderServer,
): Promise<RunningFolder | null> {
  makeMachineStill();
  const generation = ++server.generation;
  const name = `s${server.index}`;
  const random = world.random.fork(`engine/${server.index}/${generation}`);
  const process = createSlowProcess(world, server, random.fork('process'));
  const killSwitch = createKillSwitch();
  world.killSwitches.push(killSwitch);
  const module = withoutWaiting(createSimulatedModule(killSwitch, () => server.clock.nowMs()));
  const { bug } = world;
  const disk = engineDisk(world, server, { process, killSwitch });
  const path = server.databasePath;
  try {
    const real = openSqliteEntryTable(path, { module });
    const table = keepsDurable(world, server, bug?.table?.(real, { server, world }) ?? real);
    const replica = entriesReplica(world, server, { process, module, random });
    const gate = createGate(world, name, { killSwitch, process });
    const side = createFolderSide({
      dataset: 'files',
      path: rootPath,
      author: `server-${server.index}`,
      ignore: [],
      protectedPaths: { databases: [], folders: [] },
      history: { daysMax: 30, versionsMax: 1e6, bytesMax: 1e12 },
      settleMs: bug?.settleMs ?? settleMs,
      rescanMs: 3_000,
      table,
      peers: contentPeers(world, server, gate),
      system: process.system,
      disk,
      // No thread of its own: the order of all that happens is that of the plan.
      hashAside: (bytes) => Promise.resolve(sha256(bytes)),
      onCaptured: () => hintDrain(world, server, engine),
    });
    const folder = gatedReplica(
      createFolderReplica({ entries: replica, work: workOf(side), localTables: localEntryTables }),
      gate,
    );
    const engine: RunningFolder = {
      server: server.index,
      replica: tracedReplica(world, server, folder),
      side,
      table,
      process,
      killSwitch,
      isOpen: false,
      async release() {
        await replica.close().catch(() => undefined);
        real.close();
      },
    };
    server.engine = engine;
    killSwitch.onGone = () => endEngine(world, server);
    await engine.replica.open();
    if (server.newEpochAtStart) await engine.replica.newEpoch('the witness remembers more');
    server.newEpochAtStart = false;
    engine.isOpen = true;
    world.trace.line(`${name} opened`);
    return engine;
  } catch (error) {
    if (!process.isDead())
      fail(world, 'OPEN', `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return null;
  }
}

interface EntriesParts {
  readonly process: SimulatedProcess;
  readonly module: Module;
  readonly random: Random;
}

const entriesReplica = (
  world: FolderWorld,
  { index, databasePath }: VirtualFolderServer,
  parts: EntriesParts,
): Replica =>
  createSqliteReplica({
    path: databasePath,
    dataset: 'files',
    identity: {
      server: serverIdOf(index),
      serverName: `server-${index}`,
      freshEpoch: () => parts.random.next().toString(16).padStart(8, '0') as Epoch,
    },
    system: parts.process.system,
    observe: (level, event) => {
      if (level === 'warn' || level === 'error') world.trace.line(`s${index} reports ${JSON.stringify(event)}`);
    },
    module: parts.module,
    idleMs: 0,
    watchesCommits: false,
    tables: Object.fromEntries(localEntryTables.map((each) => [each, { exclude: true }])),
  });

/** Time passes in each pause, so that a loop that waits for time to pass ends. */
function createSlowProcess(world: FolderWorld, server: VirtualFolderServer, random: Random): SimulatedProcess {
  const process = createProcess(world.time, server.clock, random);
  const { system } = process;
  return {
    ...process,
    system: {
      ...system,
      pause: () =>
        new Promise((resolve) => void system.after(random.between(1, world.plan.options.pauseMsMax), resolve)),
    },
  };
}

type Module = ReturnType<typeof createSimulatedModule>;

/** Virtual time stands still while SQLite waits for a lock: it is told at once. */
const withoutWaiting = (module: Module): Module => ({
  ...module,
  open(location, options) {
    const database = module.open(location, options);
    return {
      get isOpen() {
        return database.isOpen;
      },
      get isTransaction() {
        return database.isTransaction;
      },
      exec: (sql) => database.exec(sql.replace(/busy_timeout = \d+/, 'busy_timeout = 0')),
      prepare: (sql) => database.prepare(sql),
      close: () => database.close(),
    };
  },
});

function engineDisk(
  world: FolderWorld,
  server: VirtualFolderServer,
  { process, killSwitch }: { readonly process: SimulatedProcess; readonly killSwitch: KillSwitch },
): Disk {
  const { lostHints } = world.plan.options;
  const disk = createVirtualDisk(server.fs, {
    step: (call, path) => {
      takeStep(killSwitch);
      world.trace.line(`s${server.index} ${call} ${path}`);
      interleave(world, server, call);
      server.actor = 'engine';
    },
    later: () => new Promise((resolve) => void process.system.after(world.random.below(5), resolve)),
    deliver: (hint) => {
      if (!world.random.chance(lostHints)) process.system.after(world.random.below(30), hint);
    },
    onReach: (_, folder, call) => judgeReach(world, server, folder, call),
  });
  return world.bug?.disk?.(disk, { server, world }) ?? disk;
}

/** What the entry table commits survives power loss: what the database is at that moment is kept. */
function keepsDurable(world: FolderWorld, server: VirtualFolderServer, table: EntryTable): EntryTable {
  if (
    !world.plan.steps.some(
      ({ kind, ...step }) => kind === 'power-loss' && 'server' in step && step.server === server.index,
    )
  )
    return table;
  let depth = 0;
  return {
    ...table,
    atomically(work) {
      depth++;
      try {
        return table.atomically(work);
      } finally {
        if (--depth === 0 && server.engine?.killSwitch.isGone !== true) noteDurable(world, server);
      }
    },
  };
}

export function noteDurable(world: FolderWorld, server: VirtualFolderServer): void {
  server.durablePath = `${world.scratch}/s${server.index}.durable.db`;
  copyDatabase(server.databasePath, server.durablePath);
}

function contentPeers(world: FolderWorld, server: VirtualFolderServer, gate: Gate): ContentPeers {
  const travel = (): Promise<void> =>
    new Promise((resolve) => void world.time.after(world.random.below(world.plan.options.latencyMsMax + 1), resolve));
  const isOpen = (a: number, b: number): boolean => world.network.isOpen(a, b) && world.network.isOpen(b, a);
  const fetch = async (requests: readonly ContentRequest[]): Promise<(Uint8Array | null)[]> => {
    const pieces: (Uint8Array | null)[] = requests.map(() => null);
    let isAnybody = false;
    for (const peer of world.random.shuffle(world.servers.filter((other) => other !== server))) {
      await travel();
      const { engine } = peer;
      if (!engine?.isOpen || !isOpen(server.index, peer.index)) continue;
      isAnybody = true;
      for (const [index, request] of requests.entries()) pieces[index] ??= askOne(engine, request) ?? null;
      await travel();
    }
    if (!isAnybody) throw new SyncError('USYNC-1703', 'No server that carries the dataset is connected.');
    return pieces;
  };
  const isNowhere = async (request: ContentRequest): Promise<boolean> => {
    for (const peer of world.servers) {
      if (peer === server) continue;
      await travel();
      const { engine } = peer;
      if (!engine?.isOpen || !isOpen(server.index, peer.index) || askOne(engine, request) !== null) return false;
    }
    return true;
  };
  return { fetch: (requests) => gate(fetch(requests)), isNowhere: (request) => gate(isNowhere(request)) };
}

/** Undefined: a server that is killed by the question, or cannot read now, does not answer. */
function askOne({ side, killSwitch }: RunningFolder, request: ContentRequest): Uint8Array | null | undefined {
  try {
    return side.read([request])[0] ?? null;
  } catch (error) {
    if (killSwitch.isGone || error instanceof SyncError) return undefined;
    throw error;
  }
}

function tracedReplica(world: FolderWorld, server: VirtualFolderServer, replica: Replica): Replica {
  return {
    ...replica,
    async drain() {
      const outcome = await replica.drain();
      if (world.isAtRest && outcome.changesets > 0)
        fail(world, 'ECHO', `s${server.index} captured ${outcome.changesets} changesets at rest`);
      if (outcome.changesets > 0) world.trace.line(`s${server.index} drained ${outcome.rows}`);
      return outcome;
    },
    async merge(parts) {
      const outcome = await replica.merge(parts);
      if (world.isAtRest && outcome.merged > 0) fail(world, 'ECHO', `s${server.index} merged at rest`);
      world.trace.line(`s${server.index} merged ${outcome.merged}`);
      return outcome;
    },
  };
}

export function hintDrain(world: FolderWorld, server: VirtualFolderServer, engine: RunningFolder): void {
  engine.process.system.after(world.random.below(100), () => void drainOnce(world, server, engine));
}

export async function drainOnce(world: FolderWorld, server: VirtualFolderServer, engine: RunningFolder): Promise<void> {
  if (!engine.isOpen || engine.process.isDead()) return;
  try {
    while ((await engine.replica.drain()).hasMore);
    server.wake();
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (!text.includes('USYNC-1201') && !engine.process.isDead())
      fail(world, 'ERROR', `drain at s${server.index}: ${text}`);
  }
}

/** kill -9, now. */
export function endEngine(world: FolderWorld, server: VirtualFolderServer): void {
  const { engine } = server;
  server.actor = 'application';
  if (engine === null) return;
  engine.killSwitch.isGone = true;
  engine.process.die();
  server.engine = null;
  for (const watched of server.fs.top.watches) server.fs.top.watches.delete(watched);
  const left = `${world.scratch}/s${server.index}.g${server.generation}.db`;
  copyDatabase(server.databasePath, left);
  server.databasePath = left;
  world.trace.line(`s${server.index} killed`);
}

export function losePower(world: FolderWorld, server: VirtualFolderServer): void {
  endEngine(world, server);
  server.lostPower = true;
  server.powerLosses++;
  // How long a content stood that the loss takes is known now and never again.
  noteStanding(world);
  if (server.durablePath !== null && world.random.chance(0.5)) {
    copyDatabase(server.durablePath, server.databasePath);
    server.newEpochAtStart = true;
  }
  server.fs.losePower(world.random.fork(`power/${server.index}/${server.generation}`));
  world.trace.line(`s${server.index} lost power`);
}
