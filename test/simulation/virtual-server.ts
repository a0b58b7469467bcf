/**
 * One virtual server: the application's database and its own connection, and the replica on it. A kill ends the
 * processes and leaves the files as they stand; the application comes back at once, the replica after a while.
 */
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import type { Epoch } from '../../src/core/origin.js';
import type { Replica, ReplicaIdentity } from '../../src/databases/replica.js';
import type { DatasetTurns } from '../../src/engine/dataset-turns.js';
import type { RunningSession } from '../../src/engine/session-runner.js';
import { openSimulatedReplica } from './open-replica.js';
import type { Image } from './server-image.js';
import { observedReplica } from './observed-replica.js';
import { createClock, createProcess, type SimulatedClock, type SimulatedProcess } from './simulated-system.js';
import {
  copyDatabase,
  createKillSwitch,
  createSimulatedModule,
  openApplication,
  type KillSwitch,
} from './simulated-sqlite.js';
import { createTableSql, indexSqls, logTablesSql, type TableChange } from './table-design.js';
import { serverIdOf } from './server-id.js';
import { heirsFor } from './removed-servers.js';
import { tableRulesOf } from './table-rules-of.js';
import { undrainedRows } from './undrained-rows.js';
import { fail, type World } from './world.js';

export interface VirtualServer {
  readonly index: number;
  /** Shared by clones. */
  identity: ReplicaIdentity;
  readonly clock: SimulatedClock;
  /** Schema changes that the application made here, in order. */
  readonly changes: TableChange[];
  path: string;
  app: DatabaseSyncInstance;
  /** The running engine's part; null while it is down. */
  engine: RunningReplica | null;
  /** Older images, with the point of the ledger at which each was taken. */
  backup: Image | null;
  /** The image at the last flush: what power loss leaves. */
  flushed: Image | null;
  generation: number;
  /** The next start takes a new epoch before anything is captured: the witness saw that the database went back. */
  newEpochAtStart: boolean;
  /** Came to a group that was there: captures nothing before it has taken what the group has. */
  readonly isJoining: boolean;
  /** Who wants to know that this server may have something new. */
  readonly wakers: Set<() => void>;
  /** Who was removed, by whom, as far as this server has heard. */
  readonly removals: Map<number, number>;
  wake(): void;
}

export interface RunningReplica {
  readonly server: number;
  readonly generation: number;
  readonly replica: Replica;
  readonly process: SimulatedProcess;
  readonly killSwitch: KillSwitch;
  /** The sessions that run now, and whose turn it is to catch up. */
  readonly sessions: Set<RunningSession>;
  turns: DatasetTurns | null;
  isOpen: boolean;
}

export function createServer(world: World, index: number, isJoining = false): VirtualServer {
  const { options } = world.plan;
  const random = world.random.fork(`server/${index}`);
  const clock = createClock(world.time, options.skewMs[index] ?? 0, options.clockRate[index] ?? 1);
  const path = `${world.folder}/s${index}.g0.db`;
  const app = openApplication(path, () => clock.nowMs());
  app.exec(`PRAGMA journal_mode = ${options.journalMode}`);
  const { tables } = world.plan;
  for (const sql of [
    ...logTablesSql,
    ...tables.flatMap((table) => (table.isLater === true ? [] : [createTableSql(table, tables), ...indexSqls(table)])),
  ])
    app.exec(sql);
  const identity: ReplicaIdentity = {
    server: serverIdOf(index),
    serverName: `server-${index}`,
    freshEpoch: () => random.next().toString(16).padStart(8, '0') as Epoch,
  };
  const wakers = new Set<() => void>();
  const wake = (): void => {
    for (const waker of wakers) waker();
    for (const session of server.engine?.sessions ?? []) session.changed('shop');
  };
  const server: VirtualServer = {
    index,
    identity,
    clock,
    changes: [],
    path,
    app,
    engine: null,
    backup: null,
    flushed: null,
    generation: 0,
    newEpochAtStart: false,
    isJoining,
    wakers,
    removals: new Map(),
    wake,
  };
  return server;
}

/** Starts the replica on the server's file. What it reports is traced; failures end the run. */
export async function startEngine(world: World, server: VirtualServer): Promise<RunningReplica | null> {
  const generation = ++server.generation;
  const process = createProcess(world.time, server.clock, world.random.fork(`process/${server.index}/${generation}`));
  const killSwitch = createKillSwitch();
  world.killSwitches.push(killSwitch);
  const module = createSimulatedModule(killSwitch, () => server.clock.nowMs());
  const real = openSimulatedReplica({
    path: server.path,
    identity: server.identity,
    system: process.system,
    module,
    tables: tableRulesOf(world.plan, server.index, world.bug?.ignores),
    propagatesSchema: world.plan.propagates === true && world.bug?.ignoresSpread !== true,
    idleMs: world.random.pick([0, 0, 0, 0, 5_000, 300]),
    trace: (text) => world.trace.line(`s${server.index} ${text}`),
  });
  const engine: RunningReplica = {
    server: server.index,
    generation,
    process,
    killSwitch,
    sessions: new Set(),
    turns: null,
    isOpen: false,
    replica: observedReplica(world, server, { killSwitch, process, real }),
  };
  server.engine = engine;
  killSwitch.onGone = () => endProcesses(world, server, engine);
  try {
    const report = await engine.replica.open();
    if (server.removals.size > 0) await engine.replica.setHeirs(heirsFor(world, server));
    if (server.newEpochAtStart) await engine.replica.newEpoch('the witness remembers more');
    server.newEpochAtStart = false;
    engine.isOpen = true;
    world.trace.line(
      `s${server.index} opened as ${report.origin} unadopted=${report.unadoptedRows} ${report.notices.map((notice) => notice.code).join(' ')}`,
    );
    return engine;
  } catch (error) {
    fail(
      world,
      'OPEN',
      `server ${server.index}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    return null;
  }
}

/** kill -9 of everything on the machine, now. The application restarts at once on what is left. */
export function endProcesses(world: World, server: VirtualServer, engine: RunningReplica | null): void {
  const left = nextPath(world, server);
  copyDatabase(server.path, left);
  replaceFile(world, server, { engine, path: left });
}

/** Everything stops and the server's files become the image. */
export function goBackTo(world: World, server: VirtualServer, image: Image): void {
  const path = nextPath(world, server);
  copyDatabase(image.path, path);
  server.changes.length = image.changes;
  world.ledger.forget(server.index, image.mark);
  replaceFile(world, server, { engine: server.engine, path });
  world.ledger.noteDrainedTwice(undrainedRows(server.app));
}

function replaceFile(world: World, server: VirtualServer, next: { engine: RunningReplica | null; path: string }): void {
  if (next.engine) {
    next.engine.killSwitch.isGone = true;
    next.engine.process.die();
  }
  server.engine = null;
  world.network.dropServer(server.index);
  server.app.close();
  server.path = next.path;
  server.app = openApplication(next.path, () => server.clock.nowMs());
}

const nextPath = (world: World, server: VirtualServer): string =>
  `${world.folder}/s${server.index}.p${world.time.eventCount()}.db`;
