/**
 * What happens in a world: applications write what they see, one-way syncs (whole, cut, by snapshot), partitions,
 * removals; and in half of the seeds backups that are restored, noticed or not, and clones that run twice.
 */
import { countSomewhere, writeSomething } from './application.js';
import { check } from './check-failure.js';
import { checkCascade, checkRevival } from './promises.js';
import { covers, mergeChangeset } from './model-merging.js';
import { serverOf } from './model-names.js';
import { mergeSnapshot, streamFor } from './model-snapshots.js';
import { copyReplica, type ModelCell, type ModelValue, stateText, type ModelReplica } from './model-state.js';
import { agreeOnNames } from './model-forks.js';
import { viewOfModel, visibleIn, visibleText } from './model-view.js';
import { beginChangeset, confirmModel } from './model-writing.js';
import { comparableTables, migrate } from './world-skew.js';
import {
  doubleMarker,
  factsFor,
  groupsOf,
  note,
  nowOf,
  trustEachOther,
  type ModelServer,
  type World,
} from './world.js';

function sync(
  world: World,
  from: ModelServer,
  to: ModelServer,
  { allowSnapshot = true, isCut = false }: { readonly allowSnapshot?: boolean; readonly isCut?: boolean } = {},
): void {
  const { random } = world;
  if (!trustEachOther(from, to)) return;
  for (const [gone, heir] of Object.entries(from.replica.heirs)) learnRemoval(to.replica, from.replica, { gone, heir });
  if (!trustEachOther(from, to)) return confirmAll(world, to);
  if (!agreeOnNames(from.replica, to.replica)) return;
  const { changesets, needsSnapshot } = streamFor(from.replica, to.replica.vector);
  if (allowSnapshot && random.chance(0.08)) {
    if (mergeSnapshot(to.replica, from.replica)) world.totals.snapshots++;
    return confirmAll(world, to);
  }
  const count = isCut ? random.below(changesets.length + 1) : changesets.length;
  for (const changeset of changesets.slice(0, count)) {
    const outcome = mergeChangeset(to.replica, changeset);
    if (outcome === 'fork') return confirmAll(world, to);
    if (outcome === 'covered' && !world.rules.membersVouch) continue;
    check(outcome === 'merged', 'STREAM: a changeset could not be merged', () => `${outcome} ${changeset.origin}`);
    if (random.chance(0.3)) confirmAll(world, to);
  }
  if (needsSnapshot && count === changesets.length && mergeSnapshot(to.replica, from.replica)) world.totals.snapshots++;
  confirmAll(world, to);
}

export function confirmAll(world: World, server: ModelServer, isForced = false): void {
  if (server.isLazy && !isForced && world.random.chance(0.8)) return;
  for (let round = 0; ; round++) {
    check(round < 60, 'ENDLESS: confirmations of one server do not stop');
    const before = viewOfModel(server.replica);
    const changeset = confirmModel(server.replica, nowOf(world, server), world.nonce++);
    if (!changeset) return;
    world.totals.confirmations += changeset.changes.length;
    note(world, changeset);
    const facts = factsFor(world, server);
    for (const change of changeset.changes) {
      if (change.kind === 'insert') checkRevival(world.schema, facts, before, change.row);
      if (change.kind === 'end') checkCascade(world.schema, facts, before, change.lives[0] ?? '');
    }
  }
}

interface Removal {
  readonly gone: string;
  readonly heir: string;
}

/** Two heirs for one: the smaller. */
function learnRemoval(replica: ModelReplica, from: ModelReplica, { gone, heir }: Removal): void {
  const mine = replica.heirs[gone];
  if (mine !== undefined && heir >= mine) return;
  replica.heirs[gone] = heir;
  replica.cutOffs[gone] = from.cutOffs[gone] ?? {};
}

function remove({ replica }: ModelServer, gone: string): void {
  replica.cutOffs[gone] = Object.fromEntries(Object.entries(replica.vector).filter(([of]) => serverOf(of) === gone));
  learnRemoval(replica, replica, { gone, heir: replica.server });
}

/** A removed server falls silent, or it goes on writing, syncing, and removing others, wherever nobody knows. */
function removeServer(world: World): void {
  const { random } = world;
  if (world.servers.length < 3) return;
  const gone = random.pick(world.servers);
  const rest = world.servers.filter((server) => server !== gone);
  if (rest.some((server) => server.replica.server === gone.replica.server)) return;
  if (!world.removedGoOn) world.servers = rest;
  world.totals.removals++;
  const remover = random.pick(rest);
  remove(remover, gone.replica.server);
  if (random.chance(0.2) && rest.length > 2) remove(random.pick(rest), gone.replica.server);
  if (world.removedGoOn && random.chance(0.3)) remove(gone, remover.replica.server);
}

/** A backup comes back: with everything of that time, except that the group is known as it is now. */
function restore(world: World, server: ModelServer): void {
  const backup = server.backups.length ? world.random.pick(server.backups) : null;
  if (!backup) return;
  const replica = copyReplica(backup);
  Object.assign(replica.heirs, server.replica.heirs);
  // Noticed: a new epoch before the first drain. Not noticed: it goes on under the name it had.
  if (world.random.chance(0.3)) replica.origin = `${replica.server}epoch${world.nonce++}`;
  server.replica = replica;
  world.totals.restores++;
}

/** What was written before the copy was taken, and not drained by then, is drained on both sides. */
function drainOnBoth(world: World, replicas: readonly ModelReplica[], now: number): void {
  const table = world.random.pick(world.schema);
  const key = table.key === 'generated' ? 60 + world.random.below(5) : `k${world.random.below(5)}`;
  const marker = doubleMarker + world.nonce;
  for (const replica of replicas) {
    const known = replica.schema.find(({ name }) => name === table.name);
    if (!known) continue;
    const writer = beginChangeset(replica, { now: now + world.random.below(3), written: now, nonce: world.nonce++ });
    if (visibleIn(viewOfModel(replica), table.name).some((row) => row.key === key)) continue;
    const cell = (value: ModelValue): ModelCell => ({ value, at: writer.at });
    const columns: Record<string, ModelCell> = { a: cell(0), b: cell(marker) };
    if (table.key !== 'bag') columns['key'] = cell(key);
    if (known.unknown?.includes('b') === true) delete columns['b'];
    for (const { column } of known.references)
      Object.assign(columns, { [column]: cell(null), [`meant_${column}`]: cell(null) });
    for (const column of [...known.uniques.map((unique) => unique.column), ...Object.keys(known.rules ?? {})])
      columns[column] = cell(null);
    const life = writer.nextLife();
    writer.put({ kind: 'insert', life, row: life, table: table.name, columns });
    note(world, writer.commit());
  }
}

/** The same machine twice: both go on as the same server, from now or from a backup on. */
function clone(world: World, server: ModelServer): void {
  if (world.totals.clones >= 2) return;
  const source = server.backups.length && world.random.chance(0.5) ? world.random.pick(server.backups) : server.replica;
  const replica = copyReplica(source);
  Object.assign(replica.heirs, server.replica.heirs);
  world.servers.push({ replica, skew: server.skew, isLazy: server.isLazy, backups: [] });
  if (source === server.replica) drainOnBoth(world, [server.replica, replica], nowOf(world, server));
  world.totals.clones++;
}

function stepFork(world: World): void {
  const server = world.random.pick(world.servers);
  const dice = world.random.below(10);
  if (dice < 5) server.backups.push(copyReplica(server.replica));
  else if (dice < 9) restore(world, server);
  else clone(world, server);
  // On both sides of the copy.
  if (world.rules.hasColumnRules)
    for (const each of world.servers) if (each.replica.server === server.replica.server) countSomewhere(world, each);
}

export function stepWorld(world: World): void {
  const { random, servers } = world;
  if (world.isForking && random.chance(0.12)) return stepFork(world);
  if (world.rules.hasSkew && random.chance(0.02)) migrate(random.pick(servers).replica, world.schema);
  const dice = random.below(100);
  if (dice < 3) world.groups = random.chance(0.5) ? null : new Map(servers.map((server) => [server, random.below(2)]));
  else if (dice < 4) removeServer(world);
  else if (dice < 45) {
    for (let i = 0, burst = random.chance(0.1) ? 8 : 1; i < burst; i++) {
      const server = random.pick(servers);
      writeSomething(world, server);
      if (random.chance(0.3)) confirmAll(world, server);
    }
  } else {
    const [from, to] = [random.pick(servers), random.pick(servers)];
    if (from === to || (world.groups && world.groups.get(from) !== world.groups.get(to))) return;
    sync(world, from, to, { isCut: random.chance(0.3) });
    checkEqualPositions(world, to);
  }
}

export const isSamePosition = (a: ModelReplica, b: ModelReplica): boolean =>
  covers(a.vector, b.vector) &&
  covers(b.vector, a.vector) &&
  [...a.points].every(([origin, points]) => points.at(-1)?.chain === b.points.get(origin)?.at(-1)?.chain);

function checkEqualPositions({ servers }: World, { replica }: ModelServer): void {
  for (const { replica: other } of servers) {
    if (other === replica || !isSamePosition(other, replica)) continue;
    const names = (): string => `${other.origin} ${replica.origin}`;
    check(stateText(other) === stateText(replica), 'EQUAL vectors, unequal state', names);
    const tables = comparableTables(other, replica);
    const isShownAlike = visibleText(viewOfModel(other), tables) === visibleText(viewOfModel(replica), tables);
    check(isShownAlike, 'DIGEST: equal vectors, other rows', names);
  }
}

/**
 * Writing stops, links heal: sync until nothing moves. A removal that only a removed server knew never happened for the
 * others: a person removes the silent server again.
 */
export function untilQuiet(world: World): void {
  world.groups = null;
  const held = new Map(world.servers.map((server) => [server, [...server.replica.archive.keys()]]));
  untilRest(world);
  for (const server of world.servers) checkEqualPositions(world, server);
  for (const { replica } of world.servers) migrate(replica, world.schema);
  untilRest(world);
  for (const group of groupsOf(world)) {
    const alive = new Set(group.map(({ replica }) => replica.server));
    for (const id of world.ids) if (!alive.has(id) && group[0] && !(id in group[0].replica.heirs)) remove(group[0], id);
  }
  untilRest(world);
  for (const group of groupsOf(world))
    for (const server of group)
      for (const chain of held.get(server) ?? [])
        check(group[0]?.replica.archive.has(chain) === true, 'LOST: a changeset that a member held', () => chain);
  world.totals.cuts = Math.max(...world.servers.map((server) => server.replica.cuts.size));
}

function untilRest(world: World): void {
  const fingerprint = (): string =>
    JSON.stringify(world.servers.map(({ replica }) => [replica.vector, replica.heirs, replica.cuts.size]));
  for (let round = 0, before = ''; before !== fingerprint(); round++) {
    check(round < 40, 'ENDLESS: the servers do not come to rest');
    before = fingerprint();
    for (const server of world.servers) confirmAll(world, server, true);
    for (const from of world.servers)
      for (const to of world.servers) if (from !== to) sync(world, from, to, { allowSnapshot: false });
    for (const server of world.servers) confirmAll(world, server, true);
    world.rounds = Math.max(world.rounds, round);
  }
}
