import { branchOrigin, isYounger, partingOf, type History, type HistoryPoint } from '../../../core/branch.js';
import { originIdOf, serverIdOfOrigin, type OriginId } from '../../../core/origin.js';
import { renameCells, renameInVector, renameLife, type OriginRenaming } from '../../../core/rename-origin.js';
import type { Stamp } from '../../../core/stamp.js';
import { emptyChain, type VectorEntry, type VersionVector } from '../../../core/version-vector.js';
import { SyncError } from '../../../core/sync-error.js';
import type { CutOutcome } from '../../replica.js';
import { captureEverything } from '../capture/capture-everything.js';
import { integerAt } from '../connection/row-values.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { drainFirst } from './drain-first.js';
import { memoryOf } from './merge-changeset.js';
import { decodeStaged } from './staged-changeset.js';
import { dropKeptShadows } from '../stores/kept-shadows.js';
import { raiseFlag } from '../stores/merging-flag.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { settleAfterDrain, settleRenamed, settleWaiting } from './settle-waiting.js';
import { shadowColumns } from '../stores/shadow-store.js';
import { inTransaction, whenFree } from '../stores/store-transaction.js';
import { shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';

/** Everything that is captured from here on has a new origin. Inside a transaction. */
export function newEpoch({ identity, origins }: ReplicaContext): OriginId {
  const origin = originIdOf(identity.server, identity.freshEpoch());
  origins.setOwn(origin);
  return origin;
}

/**
 * Finds where the history of `origin` here and a peer's part. When the branch here is the younger one it is cut: it gets
 * the origin that its first changeset's chain makes, like at everybody else who holds it. One transaction; its cost is a
 * look at every shadow.
 */
export async function cutBranch(context: ReplicaContext, origin: OriginId, theirs: History): Promise<CutOutcome> {
  const branch = (): CutOutcome | HistoryPoint => {
    // What lands was named before: it is finished first, and the fork found again.
    if (context.meta.text('landing') !== null) return 'none';
    const parting = partingOf(context.histories.of(origin), theirs);
    if (!parting) return 'none';
    return isYounger(parting.mine, parting.theirs) ? parting.mine : 'theirs';
  };
  const found = await whenFree(context.system, branch);
  if (typeof found === 'string') return found;
  await captureEverything(context, { settleAfterDrain, settleWaiting });
  return whenFree(context.system, () =>
    inTransaction(context, () => {
      // Rows may have been written or moved unseen: the fork is found again, too.
      if (hasSchemaMoved(context)) return 'none';
      drainFirst(context);
      const now = branch();
      if (typeof now === 'string') return now;
      renameBranch(context, origin, now);
      return 'renamed';
    }),
  );
}

/**
 * A name that is new here may be that of a branch which is held here under its old one: then somebody cut it. It is
 * renamed, so that nothing is merged under two names. True when something was. Inside a transaction.
 */
export function followNames(context: ReplicaContext, names: Iterable<OriginId>): boolean {
  const { origins, histories } = context;
  let hasRenamed = false;
  for (const name of names) {
    if (origins.entry(name).stamp > 0 || !hasSibling(origins.vector(), name)) continue;
    const branch = histories.namesake(name);
    if (!branch) continue;
    renameBranch(context, branch.origin, branch.point);
    hasRenamed = true;
  }
  return hasRenamed;
}

function hasSibling(vector: VersionVector, name: OriginId): boolean {
  const server = serverIdOfOrigin(name);
  for (const origin of vector.keys()) if (serverIdOfOrigin(origin) === server) return true;
  return false;
}

/** Inside a transaction, in which nothing was changed yet but by a drain. */
function renameBranch(context: ReplicaContext, origin: OriginId, first: HistoryPoint): void {
  const { origins, journal, histories, seen, strays, tables, system } = context;
  const to = branchOrigin(origin, first.chain);
  const head = origins.entry(origin);
  if (to === origin || origins.entry(to).stamp > 0) {
    throw new SyncError('USYNC-1601', `the branch of ${origin} cannot be named ${to}: that name is taken`);
  }
  const renaming: OriginRenaming = { origin, from: first.stamp, before: entryBefore(context, origin, first), to };
  memoryOf(context).begin();
  dropKeptShadows(context);
  for (const table of tables.all()) renameShadows(context, table, renaming);
  renameBeside(context, renaming);
  seen.rename(renaming, seenInBranch(context, renaming, head.stamp));
  strays.rename(renaming, head.stamp);
  journal.dropBranch(origin, first.stamp);
  journal.setTail(renameInVector(journal.tail(), renaming));
  histories.rename(renaming);
  origins.advance(origin, renaming.before);
  origins.advance(to, head);
  // Everything is told anew under the names that it has now.
  origins.setOwn(origins.own() === origin ? to : origins.own());
  journal.appendGap(origins.vector(), system.nowMs());
  memoryOf(context).begin();
  settleRenamed(context);
  raiseFlag(context, false);
  memoryOf(context).begin();
}

/** The changeset that both branches go on from. */
function entryBefore({ histories, journal }: ReplicaContext, origin: OriginId, { prev }: HistoryPoint): VectorEntry {
  if (prev === 0) return { stamp: prev, chain: emptyChain };
  const known = histories.find(origin, prev) ?? journal.tail().get(origin);
  if (known?.stamp === prev) return { stamp: prev, chain: known.chain };
  throw new SyncError('USYNC-1601', `nothing is remembered of ${origin} before its branch`, { facts: { prev } });
}

/** Names only: the stamps of cells keep their origin, so it is said where it was that of the life. */
function renameShadows({ connection, origins, shadows }: ReplicaContext, table: SyncedTable, renaming: OriginRenaming) {
  const keys = shadowKeyColumns(table);
  const named = connection
    .cached(`SELECT ${keys.join(', ')}, ${shadowColumns('s')} FROM ${table.shadowSql} s WHERE r IS NOT NULL`)
    .allExact();
  for (const row of named) {
    const shadow = shadows.read(row, keys.length);
    const renamed = shadow.row && renameLife(shadow.row, renaming);
    if (renamed !== shadow.row) shadows.put(table, row.slice(0, keys.length), { ...shadow, row: renamed });
  }
  const [from, to] = [origins.numberOf(renaming.origin), origins.numberOf(renaming.to)].map(BigInt);
  if (from === undefined || to === undefined) return;
  connection
    .cached(`UPDATE ${table.shadowSql} SET b = coalesce(b, o), o = ? WHERE o = ? AND s >= ?`)
    .run(to, from, BigInt(renaming.from));
}

/** Lives that hide, cells that are kept beside rows, aliases, and where lives moved to. */
function renameBeside(context: ReplicaContext, renaming: OriginRenaming): void {
  const { asides, aliases, connection, origins } = context;
  for (const name of asides.tables()) {
    for (const aside of asides.all(name)) {
      asides.remove(name, aside.life);
      asides.put({
        ...aside,
        life: renameLife(aside.life, renaming),
        row: renameLife(aside.row, renaming),
        behind: aside.behind && renameLife(aside.behind, renaming),
        cells: renameCells(aside.cells, renaming),
      });
    }
  }
  for (const { name } of context.tables.all()) {
    for (const { life, cells } of asides.allExtraCells(name)) {
      asides.removeExtraCells(name, life);
      asides.putExtraCells(name, renameLife(life, renaming), renameCells(cells, renaming));
    }
  }
  const known = [...aliases.all()];
  connection.exec('DELETE FROM _usync_aliases');
  aliases.reload();
  for (const { table, from, to, at } of known) {
    aliases.put({ table, from: renameLife(from, renaming), to: renameLife(to, renaming), at });
  }
  connection
    .cached('UPDATE _usync_moved SET origin = ? WHERE origin = ? AND stamp >= ?')
    .run(BigInt(origins.numberOf(renaming.to)), BigInt(origins.numberOf(renaming.origin)), BigInt(renaming.from));
}

/** Whom the branch has seen further since the parting; null when not all of its changesets are in the journal. */
function seenInBranch(
  { connection, journal, origins }: ReplicaContext,
  { origin, from }: OriginRenaming,
  head: Stamp,
): ReadonlySet<OriginId> | null {
  const others = new Set<OriginId>();
  const stamps = connection
    .cached('SELECT stamp, prev FROM _usync_journal WHERE origin = ? AND stamp >= ? ORDER BY stamp DESC')
    .all(BigInt(origins.numberOf(origin)), BigInt(from));
  let expected = head;
  for (const row of stamps) {
    const part = journal.part(origin, expected, 0);
    if (integerAt(row, 0) !== expected || !part) return null;
    for (const other of decodeStaged(part).header?.seen.keys() ?? []) others.add(other);
    if (expected === from) return others;
    expected = integerAt(row, 1) as Stamp;
  }
  return null;
}
