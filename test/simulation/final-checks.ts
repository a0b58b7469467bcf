/** The promises that are judged when everything has come to rest. */
import { emptyVector } from '../../src/core/version-vector.js';
import { textOfError } from './capture-loop.js';
import { lookAround, vectorText } from './observed-replica.js';
import type { LeftOut } from './plan.js';
import { membersOf, removalsIn } from './removed-servers.js';
import { droppedHere } from './server-schema.js';
import { leftOutOn, shownTables, withoutLeftOut } from './shown-tables.js';
import { keepsRowsApart } from './successions.js';
import { dumpText, type TableDump } from './table-dump.js';
import type { RunningReplica, VirtualServer } from './virtual-server.js';
import { fail, type World } from './world.js';
import { tokensIn } from './written-value.js';

export async function checkAtRest(world: World): Promise<void> {
  for (const removed of removalsIn(world).keys()) world.ledger.leave(removed, world.vouched);
  const engines = membersOf(world).flatMap((server) => (server.engine ? [{ server, engine: server.engine }] : []));
  try {
    await checkEqual(world, engines);
    if (world.failure) return;
    for (const { server, engine } of engines) await checkOne(world, server, engine);
    if (world.failure) return;
    await checkLedger(world, engines);
    if (!world.failure) await checkReplay(world, engines);
  } catch (error) {
    fail(world, 'ERROR', `while checking: ${textOfError(error)}`);
  }
}

interface Running {
  readonly server: VirtualServer;
  readonly engine: RunningReplica;
}

const textOf = (dumps: readonly TableDump[]): string =>
  dumps.map((dump) => `[${dump.name}]\n${dumpText(dump)}`).join('\n');

async function checkEqual(world: World, engines: readonly Running[]): Promise<void> {
  const [first, ...others] = engines;
  if (!first) return;
  const vector = vectorText((await first.engine.replica.proof()).vector);
  for (const other of others) {
    const otherVector = vectorText((await other.engine.replica.proof()).vector);
    if (otherVector !== vector)
      fail(world, 'VECTORS', `s${first.server.index} ${vector} / s${other.server.index} ${otherVector}`);
    const leftOut = [first, other].flatMap(({ server }) => notShownOn(world, server));
    const text = textOf(withoutLeftOut(world.plan, leftOut, shownTables(world, first.server)));
    const otherText = textOf(withoutLeftOut(world.plan, leftOut, shownTables(world, other.server)));
    if (otherText !== text)
      fail(
        world,
        'TABLES',
        `s${first.server.index} and s${other.server.index} show different rows:\n${differingLines(text, otherText)}`,
      );
  }
}

/** What this server leaves out, or dropped for itself. */
const notShownOn = (world: World, server: VirtualServer): LeftOut[] => [
  ...leftOutOn(world, server),
  ...droppedHere(world, server),
];

function differingLines(a: string, b: string): string {
  const inA = new Set(a.split('\n'));
  const inB = new Set(b.split('\n'));
  return [
    ...[...inA].filter((line) => !inB.has(line)).map((line) => `- ${line}`),
    ...[...inB].filter((line) => !inA.has(line)).map((line) => `+ ${line}`),
  ]
    .slice(0, 20)
    .map((line) => line.slice(0, 400))
    .join('\n');
}

async function checkOne(world: World, server: VirtualServer, engine: RunningReplica): Promise<void> {
  const integrity = (server.app.prepare('PRAGMA integrity_check').get() as { integrity_check: string }).integrity_check;
  if (integrity !== 'ok') fail(world, 'INTEGRITY', `s${server.index}: ${integrity}`);
  const broken = server.app.prepare('PRAGMA foreign_key_check').all();
  if (broken.length > 0) fail(world, 'REFERENCES', `s${server.index}: ${JSON.stringify(broken[0])}`);
  const before = vectorText((await engine.replica.position()).vector);
  const audit = await engine.replica.audit();
  const differing = audit.tables.filter((table) => table.differing > 0);
  if (differing.length > 0)
    fail(world, 'AUDIT', `s${server.index}: content differs from the kept digest: ${JSON.stringify(differing)}`);
  const after = vectorText((await engine.replica.position()).vector);
  if (after !== before) fail(world, 'AUDIT', `s${server.index}: the audit found changes: ${before} / ${after}`);
  lookAround(world, server);
}

async function checkLedger(world: World, engines: readonly Running[]): Promise<void> {
  // One that leaves nothing out shows all that there is.
  const whole = engines.find(({ server }) => notShownOn(world, server).length === 0);
  if (!whole) return;
  const dumps = shownTables(world, whole.server);
  checkInvention(world, dumps);
  for (const witness of world.witnesses) {
    const broken = witness.judge(dumps);
    if (broken) fail(world, broken.promise, broken.text);
  }
  const visible = new Map<string, number>();
  for (const dump of dumps)
    for (const row of dump.rows)
      for (const cell of row)
        for (const token of new Set(tokensIn(cell))) visible.set(token, (visible.get(token) ?? 0) + 1);
  const revivable = new Set(
    world.plan.tables.flatMap((table) =>
      [...table.references, ...(table.keyReferences ?? [])]
        .filter(({ onDelete }) => onDelete === 'RESTRICT' || onDelete === 'NO ACTION')
        .map(({ parent }) => world.plan.tables[parent]?.name ?? ''),
    ),
  );
  const hasRevivals = revivable.size > 0;
  const twice = tablesDrainedTwice(world);
  for (const { token, table, server } of world.ledger.deleted())
    if (!hasRevivals && !twice.has(table) && visible.has(token))
      fail(world, 'RESURRECTED', `row ${token} of ${table}, made on s${server}, was deleted and is back`);
  for (const { token, table } of world.ledger.deleted())
    if ((visible.get(token) ?? 0) > 1 && !twice.has(table) && !world.ledger.isMoved(token))
      fail(world, 'DOUBLED', `row ${token} of ${table}`);
  for (const [removed, mark] of world.leftAt)
    for (const token of world.ledger.writtenSince(removed, mark))
      if (visible.has(token)) fail(world, 'DOOR', `${token}, written on s${removed} when all had heard of its removal`);
  const kept = await keptAside(engines);
  await checkPolicies(world, visible, engines);
  const lost = world.ledger
    .standing()
    .filter(({ token, table, column }) => !visible.has(token) && !kept.has(token) && !isDropped(world, table, column));
  if (lost.length > 0)
    for (const { server, engine } of engines)
      for (const record of await engine.replica.conflicts({ max: 100_000 }))
        world.trace.line(`s${server.index} conflict ${JSON.stringify(record)}`);
  if (lost.length > 0)
    fail(
      world,
      'LOST',
      `${lost.length} values are neither shown nor in the conflict log: ${lost
        .slice(0, 5)
        .map(({ token, table, server }) => `${token} of ${table} written on s${server}`)
        .join(', ')}`,
    );
}

/**
 * What was not drained when an image was taken is drained on both sides (decision 0003). Rows without a key then stand
 * twice, and who deletes one of them has not deleted the other.
 */
function tablesDrainedTwice({ plan }: World): Set<string> {
  const goesBack = plan.steps.some(({ kind }) => kind === 'restore' || kind === 'power-loss' || kind === 'clone');
  return new Set(goesBack ? plan.tables.filter(({ key }) => key.kind === 'bag').map(({ name }) => name) : []);
}

/** Rows that clash and are not to become one are shown or held back, each by itself. */
async function checkPolicies(
  world: World,
  visible: ReadonlyMap<string, number>,
  engines: readonly Running[],
): Promise<void> {
  const { plan, ledger } = world;
  const isClear = !plan.steps.some(({ kind }) => ['restore', 'power-loss', 'clone', 'join'].includes(kind));
  const apart = plan.tables.filter(keepsRowsApart);
  if (!isClear || apart.length === 0) return;
  const names = new Set(apart.map(({ name }) => name));
  const held = new Set<string>();
  for (const { engine } of engines)
    for (const record of await engine.replica.quarantine({ max: 100_000 }))
      for (const token of tokensIn(JSON.stringify(record))) held.add(token);
  for (const { token, table, column, isBorn } of ledger.standing()) {
    if (!isBorn || !names.has(table) || visible.has(token) || held.has(token)) continue;
    if (!isDropped(world, table, column) && !wentWithFormer(world, token))
      fail(world, 'POLICY', `row ${token} of ${table} is neither shown nor held back`);
  }
}

/** It was put in the place of a row, so it is a change of that one, which somebody else deleted or changed as well. */
function wentWithFormer({ ledger, successions }: World, token: string): boolean {
  for (let each = successions.formerOf(token); each; each = successions.formerOf(each.former))
    if (ledger.isGoneElsewhere(each.former, each.server)) return true;
  return false;
}

/**
 * A migration took it away; or gave its column another name: who has not renamed it yet does not see what others wrote by the
 * new name, and a write or delete of his stands in its place without a note (a known limit).
 */
const isDropped = ({ plan }: World, table: string, column: string): boolean =>
  (plan.migrations ?? []).some(
    (change) =>
      plan.tables[change.table]?.name === table &&
      (change.kind === 'drop-table' ||
        ((change.kind === 'drop-column' || change.kind === 'rename-column') && change.column === column)),
  );

function checkInvention(world: World, dumps: readonly TableDump[]): void {
  for (const dump of dumps) {
    const table = world.plan.tables.find((each) => each.name === dump.name);
    const exempt = new Set([
      ...(table?.key.kind === 'generated' ? [table.key.column] : []),
      ...(table?.references.map(({ column }) => column) ?? []),
      ...(table?.declared?.map(({ column }) => column) ?? []),
      ...(table?.keyReferences?.flatMap(({ columns }) => columns) ?? []),
      ...(table?.columns
        .filter(({ isUnique, isOfUnique, rule }) => isUnique === true || isOfUnique === true || rule === 'counter')
        .map((column) => column.name) ?? []),
    ]);
    for (const [at, column] of dump.columns.entries()) {
      if (exempt.has(column)) continue;
      for (const row of dump.rows) {
        const cell = row[at] ?? '';
        if (!world.ledger.isAllowed(dump.name, column, cell))
          fail(world, 'INVENTED', `${dump.name}.${column} shows ${cell.slice(0, 100)}, which no application wrote`);
      }
    }
  }
}

/** Tokens in the conflict log, in the quarantine and in lives that are not shown, of any server. */
async function keptAside(engines: readonly Running[]): Promise<Set<string>> {
  const kept = new Set<string>();
  const add = (text: string): void => {
    for (const token of tokensIn(text)) kept.add(token);
  };
  for (const { server, engine } of engines) {
    for (const record of await engine.replica.conflicts({ max: 100_000 })) add(readable(record.lost));
    for (const record of await engine.replica.quarantine({ max: 100_000 })) add(JSON.stringify(record));
    for (const table of ['_usync_lives', '_usync_cells'])
      for (const row of server.app.prepare(`SELECT cells FROM ${table}`).all())
        add(Buffer.from((row as { cells: Uint8Array }).cells).toString('latin1'));
  }
  return kept;
}

/** The text as it is, and with each run of hex digits decoded, since blobs are shown as hex. */
const readable = (text: string): string =>
  `${text} ${(text.match(/[0-9a-fA-F]{4,}/g) ?? []).map((hex) => Buffer.from(hex, 'hex').toString('latin1')).join(' ')}`;

/** Delivering again changes nothing: the whole journal of one server is given to another one. */
async function checkReplay(world: World, engines: readonly Running[]): Promise<void> {
  for (const [at, from] of engines.entries()) {
    const to = engines[(at + 1) % engines.length];
    if (!to) continue;
    const before = await to.engine.replica.proof();
    const read = await from.engine.replica.readJournal({ vector: emptyVector, after: 0, bytesMax: 10_000_000 });
    const outcome = await to.engine.replica.merge(read.parts);
    const after = await to.engine.replica.proof();
    if (outcome.merged !== 0)
      fail(world, 'REPLAY', `s${to.server.index} merged ${outcome.merged} changesets again from s${from.server.index}`);
    if (vectorText(before.vector) !== vectorText(after.vector))
      fail(world, 'REPLAY', `s${to.server.index}: the vector moved`);
    if (JSON.stringify([...before.digest]) !== JSON.stringify([...after.digest]))
      fail(world, 'REPLAY', `s${to.server.index}: the digest moved`);
  }
}
