/** Runs one plan from the first statement to the last check. */
import { mkdirSync, mkdtempSync, existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { deadAfterMs } from '../../src/protocol/protocol-limits.js';
import { hintDrain, startCapture, textOfError } from './capture-loop.js';
import { startPulling } from './direct-exchange.js';
import { checkAtRest } from './final-checks.js';
import { createLedger } from './ledger.js';
import { lookAround, vectorText } from './observed-replica.js';
import { createJoiningServer, isAnyTableRenamed } from './newcomers.js';
import type { Plan, Step } from './plan.js';
import type { PlantedBug } from './planted-bug.js';
import { createRandom, type Random } from './random.js';
import type { ReplacedRows } from './replaced-rows.js';
import { hearOfRemoval, membersOf, removalsIn } from './removed-servers.js';
import { takeImage } from './server-image.js';
import { changeSchema, defaultCell, rebuildTable, tablesOf } from './server-schema.js';
import { startSessions, watchForEcho } from './session-exchange.js';
import { createNetwork } from './simulated-network.js';
import { closeConnections } from './simulated-sqlite.js';
import { sharedTables } from './shown-tables.js';
import { createSuccessions } from './successions.js';
import { dumpTables, dumpText, type TableDump } from './table-dump.js';
import { createTrace } from './trace.js';
import { createServer, endProcesses, goBackTo, startEngine, type VirtualServer } from './virtual-server.js';
import { createVirtualTime } from './virtual-time.js';
import { createWitnesses, noteWrite } from './witnesses.js';
import { writeStatements } from './workload.js';
import { fail, type Failure, type World } from './world.js';
import { createTokenSource } from './written-value.js';

export interface RunOutcome {
  readonly failure: Failure | null;
  readonly hash: string;
  readonly transactions: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly frames: number;
}

export interface RunExtras {
  readonly print?: (text: string) => void;
  readonly bug?: PlantedBug;
}

const eventsMax = 200_000;
const restMsMax = 600_000;
const idleMs = 10_000;
const scratchRoot = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export async function runPlan(plan: Plan, extras: RunExtras = {}): Promise<RunOutcome> {
  const folder = mkdtempSync(`${scratchRoot}/usync-sim-`);
  mkdirSync(folder, { recursive: true });
  const time = createVirtualTime(eventsMax);
  const random = createRandom(`run/${plan.seed}`);
  const world: World = {
    plan,
    folder,
    time,
    random: random.fork('world'),
    network: createNetwork(time, random.fork('network'), {
      latencyMsMin: 0,
      latencyMsMax: plan.options.latencyMsMax,
      noticeMsMax: 2_000,
    }),
    trace: createTrace(time.nowMs, extras.print),
    ledger: createLedger(plan.tables),
    vouched: new Set(),
    leftAt: new Map(),
    witnesses: createWitnesses(plan),
    successions: createSuccessions(plan),
    tokens: createTokenSource(),
    servers: [],
    killSwitches: [],
    bug: extras.bug ?? null,
    proofsByVector: new Map(),
    failure: null,
    isAtRest: false,
  };
  try {
    await live(world);
  } catch (error) {
    fail(world, 'ERROR', textOfError(error));
  }
  if (world.failure)
    extras.print?.(
      world.servers
        .map(
          (server) =>
            `--- s${server.index}\n${dumpTables(server.app)
              .map((dump) => `[${dump.name}]\n${dumpText(dump)}`)
              .join('\n')}`,
        )
        .join('\n'),
    );
  for (const server of world.servers) {
    server.engine?.process.die();
    server.app.close();
    const closing = server.engine?.replica.close().catch(() => undefined);
    // What a call waits for that is never answered, closing waits for too.
    if (!world.failure) await closing;
  }
  for (const killSwitch of world.killSwitches) closeConnections(killSwitch);
  rmSync(folder, { recursive: true, force: true });
  return {
    failure: world.failure,
    hash: world.trace.hash(),
    transactions: world.ledger.counts().transactions,
    events: time.eventCount(),
    virtualMs: time.nowMs(),
    frames: world.network.frameCount(),
  };
}

async function live(world: World): Promise<void> {
  const { plan, time } = world;
  watchForEcho(world);
  for (const { table, column } of plan.leftOut ?? []) {
    const design = plan.tables[table];
    const left = design?.columns.find(({ name }) => name === column);
    if (design && left) world.ledger.allow(design.name, left.name, defaultCell(left));
  }
  for (let index = 0; index < plan.options.servers; index++) world.servers.push(createServer(world, index));
  for (const server of world.servers) await drive(world, start(world, server));
  for (const step of plan.steps)
    time.at(
      step.atMs,
      () =>
        void perform(world, step).catch((error: unknown) =>
          fail(world, 'ERROR', `${step.kind}: ${textOfError(error)}`),
        ),
    );
  const isBroken = (): boolean => world.failure !== null;
  await time.runUntil(plan.options.writingMs, isBroken);
  for (const round of ['after the writing', 'after a last write'] as const) {
    await heal(world);
    if (!isBroken()) await comeToRest(world, round);
    if (isBroken() || round === 'after a last write') continue;
    world.ledger.noteAgreement();
    for (const removed of removalsIn(world).keys()) world.leftAt.set(removed, world.ledger.mark());
    for (const server of world.servers) writeLast(world, server);
  }
  // Connections that a cut left half-open are noticed and dialled again before rest is judged.
  if (plan.options.exchange === 'session') await time.runUntil(time.nowMs() + 2 * deadAfterMs, isBroken);
  if (isBroken()) return;
  world.isAtRest = true;
  await time.runUntil(time.nowMs() + idleMs, isBroken);
  if (isBroken()) return;
  await drive(world, checkAtRest(world));
}

/** Lets virtual time pass until the work is done: what it asks may need timers to be answered. */
async function drive(world: World, work: Promise<void>): Promise<void> {
  let isDone = false;
  void work.catch((error: unknown) => fail(world, 'ERROR', textOfError(error))).finally(() => (isDone = true));
  await world.time.runUntil(world.time.nowMs() + restMsMax, () => isDone || world.failure !== null);
  if (!isDone) fail(world, 'ENDLESS', 'a call to a replica was never answered');
}

async function start(world: World, server: VirtualServer): Promise<void> {
  const engine = await startEngine(world, server);
  if (!engine || engine.process.isDead()) return;
  startCapture(world, server, engine);
  for (const [a, b] of world.plan.options.links) {
    const peer = world.servers[a === server.index ? b : b === server.index ? a : -1];
    // Two that have one identity refuse each other; the others carry between them.
    if (!peer?.engine?.isOpen || peer.identity === server.identity) continue;
    if (world.plan.options.exchange === 'session') startSessions(world, server, peer);
    else {
      startPulling(world, server, peer);
      startPulling(world, peer, server);
    }
  }
}

async function perform(world: World, step: Step): Promise<void> {
  world.trace.line(`step ${JSON.stringify(step)}`);
  const { network, servers } = world;
  if (step.kind === 'cut') return network.cut(step.from, step.to);
  if (step.kind === 'heal') return network.heal(step.from, step.to);
  if (step.kind === 'break') return network.breakChannels(step.from, step.to);
  if (step.kind === 'join') {
    if (step.server !== servers.length || isAnyTableRenamed(world)) return;
    const source = servers[step.copyOf ?? -1] ?? null;
    return welcome(world, createJoiningServer(world, { ...step, index: step.server, source }));
  }
  const server = servers[step.server];
  if (!server) return;
  switch (step.kind) {
    case 'write':
      return write(world, server, {
        random: createRandom(step.seed),
        count: step.statements,
        rollsBack: step.rollsBack,
        attempt: 0,
      });
    case 'clock':
      return server.clock.jump(step.byMs);
    case 'kill':
      return kill(world, server, step);
    case 'backup':
      server.backup = takeImage(world, server, `backup${world.time.eventCount()}`);
      return;
    case 'restore':
      if (server.backup) goBackTo(world, server, server.backup);
      return comeBack(world, server, { downMs: step.downMs, isNoticed: step.isNoticed });
    case 'power-loss':
      if (server.flushed) goBackTo(world, server, server.flushed);
      return comeBack(world, server, { downMs: step.downMs, isNoticed: true });
    case 'remove': {
      const remover = servers[step.by];
      return remover && hearOfRemoval(world, remover, step.server, step.by);
    }
    case 'hear': {
      const by = removalsIn(world).get(step.removed);
      return by === undefined ? undefined : hearOfRemoval(world, server, step.removed, by);
    }
    case 'schema':
      changeSchema(world, server, step.change);
      return hintDrain(world, server);
    case 'migrate':
      for (const change of world.plan.migrations?.slice(0, step.upTo) ?? []) changeSchema(world, server, change);
      return hintDrain(world, server);
    case 'rebuild':
      rebuildTable(world, server, step.table);
      return hintDrain(world, server);
    case 'audit':
      if (server.engine?.isOpen) await server.engine.replica.audit();
      return;
    case 'prune':
      if (server.engine?.isOpen)
        await server.engine.replica.prune({
          covered: (await server.engine.replica.position()).vector,
          ageMaxMs: 0,
          bytesMax: 0,
        });
      return;
    case 'clone':
      return clone(world, server, step);
  }
}

async function welcome(world: World, server: VirtualServer): Promise<void> {
  world.servers.push(server);
  await start(world, server);
}

interface Write {
  readonly random: Random;
  readonly count: number;
  readonly rollsBack: boolean;
  readonly attempt: number;
}

/** The longest that an application may wait for its lock (virtual time). */
const writeWaitMs = 10;
const writeAttemptsMax = 500;

function write(world: World, server: VirtualServer, given: Write): void {
  const { app } = server;
  try {
    app.exec('BEGIN IMMEDIATE');
  } catch (error) {
    if (given.attempt > writeAttemptsMax)
      return fail(world, 'BLOCKED', `the application of s${server.index} could not write: ${textOfError(error)}`);
    world.time.after(writeWaitMs, () => write(world, server, { ...given, attempt: given.attempt + 1 }));
    return;
  }
  const before = sharedTables(world, server);
  const steps: ReplacedRows = new Map();
  const application = { db: app, tables: tablesOf(world, server) };
  const succession = world.successions.begin(server.index, application);
  writeStatements(
    {
      ...application,
      tokens: world.tokens,
      replaced: steps,
      trace(sql) {
        world.trace.line(`s${server.index}   ${sql}`);
        succession.note(sql);
      },
    },
    given.random,
    {
      count: given.count,
      weights: world.plan.options.statementWeights,
    },
  );
  const after = sharedTables(world, server);
  if (given.rollsBack || emptiesUnseen(app, before, after)) {
    app.exec('ROLLBACK');
    return;
  }
  app.exec('COMMIT');
  succession.commit();
  noteWrite(world, { server: server.index, before, after, steps });
  world.trace.line(`s${server.index} wrote`);
  lookAround(world, server);
  hintDrain(world, server);
}

function kill(
  world: World,
  server: VirtualServer,
  step: { readonly afterStatements: number; readonly downMs: number },
): void {
  const { engine } = server;
  if (!engine) return;
  const finish = (): void => comeBack(world, server, { downMs: step.downMs, isNoticed: false });
  if (step.afterStatements === 0) {
    endProcesses(world, server, engine);
    return finish();
  }
  engine.killSwitch.statementsLeft = step.afterStatements;
  const before = engine.killSwitch.onGone;
  engine.killSwitch.onGone = () => {
    before();
    world.trace.line(`s${server.index} killed at a statement`);
    finish();
  };
}

function clone(
  world: World,
  original: VirtualServer,
  { to, isNoticed }: { readonly to: number; readonly isNoticed: boolean },
): void {
  const machine = world.servers[to];
  if (!machine) return;
  const image = takeImage(world, original, `clone${world.time.eventCount()}`);
  machine.identity = original.identity;
  machine.changes.splice(0, machine.changes.length, ...original.changes);
  [machine.backup, machine.flushed] = [null, null];
  // What the machine itself wrote is gone with it, unless somebody has it.
  goBackTo(world, machine, { ...image, mark: 0 });
  comeBack(world, machine, { downMs: 500, isNoticed });
}

/** Starts the engine again after a while, unless something else ended or started it meanwhile. */
function comeBack(
  world: World,
  server: VirtualServer,
  given: { readonly downMs: number; readonly isNoticed: boolean },
): void {
  const { generation } = server;
  if (server.engine) return;
  world.time.after(given.downMs, () => {
    if (server.engine || server.generation !== generation || world.failure) return;
    void restart(world, server, given.isNoticed);
  });
}

async function restart(world: World, server: VirtualServer, isNoticed: boolean): Promise<void> {
  if (isNoticed && world.bug?.reusesEpoch !== true) server.newEpochAtStart = true;
  await start(world, server).catch((error: unknown) => fail(world, 'ERROR', `start: ${textOfError(error)}`));
}

/** Links healed, servers up, schemas equal: from here on nothing stands in the way of agreement. */
async function heal(world: World): Promise<void> {
  world.network.healAll();
  for (const [removed, by] of removalsIn(world))
    for (const server of world.servers) await drive(world, hearOfRemoval(world, server, removed, by));
  for (const server of world.servers) {
    if (server.engine) server.engine.killSwitch.statementsLeft = null;
    if (world.plan.propagates === true) continue;
    for (const change of world.plan.migrations ?? []) changeSchema(world, server, change);
    for (const other of world.servers) for (const change of other.changes) changeSchema(world, server, change);
  }
  await world.time.runUntil(world.time.nowMs() + 6_000, () => world.failure !== null);
  for (const server of world.servers) if (!server.engine && !world.failure) await drive(world, start(world, server));
}

async function comeToRest(world: World, when: string): Promise<void> {
  const { time } = world;
  const endMs = time.nowMs() + restMsMax;
  let calm = 0;
  let last = '';
  while (time.nowMs() < endMs && world.failure === null) {
    await time.runUntil(time.nowMs() + 1_000, () => world.failure !== null);
    const vectors = await currentVectors(world);
    const isCalm = new Set(vectors).size === 1 && vectors[0] === last;
    last = vectors[0] ?? '';
    calm = isCalm ? calm + 1 : 0;
    if (calm >= 5) return;
  }
  if (world.failure) return;
  await drive(world, traceJournals(world));

  fail(world, 'UNEQUAL', `${when} the servers do not agree: ${(await currentVectors(world)).join(' / ')}`);
}

/** For reading a failed run: what each server would give its neighbours. */
async function traceJournals(world: World): Promise<void> {
  for (const from of world.servers)
    for (const to of world.servers) {
      if (from === to || !from.engine?.isOpen || !to.engine?.isOpen) continue;
      const { vector } = await to.engine.replica.position();
      const { parts, ...read } = await from.engine.replica.readJournal({ vector, after: 0, bytesMax: 1_000_000 });
      const names = parts.map(({ origin, stamp }) => `${origin}:${stamp}`);
      world.trace.line(`s${from.index} would give s${to.index} ${JSON.stringify({ ...read, names })}`);
    }
}

/** Asked like any caller asks: the answer may need virtual time. */
async function currentVectors(world: World): Promise<string[]> {
  const members = membersOf(world);
  const vectors: string[] = members.map(() => '');
  let waiting = 0;
  for (const [index, { engine }] of members.entries()) {
    if (!engine?.isOpen) continue;
    waiting++;
    void engine.replica
      .position()
      .then(({ vector, isLanding }) => (vectors[index] = isLanding ? 'landing' : vectorText(vector)))
      .catch((error: unknown) => fail(world, 'ERROR', textOfError(error)))
      .finally(() => waiting--);
  }
  await world.time.runUntil(world.time.nowMs() + 10_000, () => waiting === 0 || world.failure !== null);
  return vectors;
}

/**
 * A known limit: a table that was rebuilt, and whose rows were all deleted before anybody looked, is taken for one that was
 * made anew, which ends no rows.
 */
const emptiesUnseen = (app: VirtualServer['app'], before: readonly TableDump[], after: readonly TableDump[]): boolean =>
  after.some(
    ({ name, rows }) =>
      rows.length === 0 &&
      before.some((dump) => dump.name === name && dump.rows.length > 0) &&
      app
        .prepare(
          `SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? AND substr(name, 1, 7) = '_usync_'`,
        )
        .get(name) === undefined,
  );

/** Every server writes once more: what was healed must also work. */
function writeLast(world: World, server: VirtualServer): void {
  write(world, server, { random: world.random.fork(`last/${server.index}`), count: 2, rollsBack: false, attempt: 0 });
}
