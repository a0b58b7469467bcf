import type { ChangeBlock, ChangesetHeader } from '../../../core/changeset.js';
import { beginOwnChangeset } from '../capture/own-changeset.js';
import { confirmDuties } from './confirm-duty.js';
import { applyBlocks, memoryOf, scopeOf, settle, type MergeMemory } from './merge-changeset.js';
import { createRowMerger, type MergeScope } from './merge-rows.js';
import { pendingReconciles } from '../capture/pending-reconcile.js';
import { addPendingSettle } from './tables-to-settle.js';
import { raiseFlag } from '../stores/merging-flag.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { LifeName } from '../../../core/life.js';
import { nulledColumns } from '../stores/nulled-columns.js';
import { childrenOf } from './table-calm.js';

/**
 * What an own changeset freed or must hide: rows that wait in the tables that it touched, or for their rows.
 * Inside the transaction that drained. Settling takes what tables show for what is known, so it waits for tables that are
 * still to be compared.
 */
export function settleAfterDrain(context: ReplicaContext, tables: ReadonlySet<string>): void {
  if (pendingReconciles(context).length > 0) {
    addPendingSettle(
      context,
      [...tables].flatMap((name) => context.tables.byName(name) ?? []),
    );
    return;
  }
  const touched = new Set<string>();
  const nulled: Nulled[] = [];
  for (const name of tables) {
    touched.add(name);
    const table = context.tables.byName(name);
    for (const child of table ? childrenOf(context, table) : []) {
      touched.add(child.name);
      if (table) nulled.push(...nulledIn(context, child, table));
    }
  }
  const waiting = [...touched].filter((name) => !context.asides.isEmpty(name));
  const displaced = [...tables].flatMap((name) => {
    const table = context.tables.byName(name);
    return table ? toMove(context, table).map((at) => ({ table, at })) : [];
  });
  if (waiting.length > 0 || displaced.length > 0 || nulled.length > 0)
    settleAsides(context, waiting, { displaced, nulled });
}

/** A row that shows NULL or a default instead of a key that nobody shows, or did not. */
interface Nulled {
  readonly table: SyncedTable;
  readonly life: LifeName;
}

function nulledIn(context: ReplicaContext, child: SyncedTable, table: SyncedTable): Nulled[] {
  const columns = nulledColumns(context, child, table);
  if (columns.length === 0) return [];
  return [...context.asides.allExtraCells(child.name)].flatMap(({ life, cells }) =>
    columns.some((column) => cells.has(column)) ? [{ table: child, life }] : [],
  );
}

interface Displaced {
  readonly table: SyncedTable;
  readonly at: bigint;
}

/** Rows at substitutes whose number may be theirs by now: it is free, or its holder may have gone and come back younger. */
const toMove = (context: ReplicaContext, table: SyncedTable): bigint[] =>
  context.displaced.mayMove(table, { looksAtAll: !context.aliases.isEmpty() });

/**
 * Looks again at all that waits in a table (null: in any): its schema changed, or somebody else is to confirm. Inside a
 * transaction.
 */
export function settleWaiting(context: ReplicaContext, table: string | null): void {
  const names = table === null ? context.tables.all().map(({ name }) => name) : [table];
  const waiting = names.filter((name) => !context.asides.isEmpty(name) || context.asides.hasExtraCells(name));
  const displaced = displacedIn(context, names);
  if (waiting.length > 0 || displaced.length > 0) settleAsides(context, waiting, { displaced, nulled: [] });
}

const displacedIn = (context: ReplicaContext, names: readonly string[]): Displaced[] =>
  names.flatMap((name) => {
    const table = context.tables.byName(name);
    return table ? context.displaced.mayMove(table, { looksAtAll: true }).map((at) => ({ table, at })) : [];
  });

/**
 * Names have changed, and with them ages of rows with one stamp, and the substitutes of displaced rows: everything that
 * does not stand in calm is looked at again. Inside a transaction.
 */
export function settleRenamed(context: ReplicaContext): void {
  const names = context.tables.all().map(({ name }) => name);
  settleAsides(context, names, { displaced: displacedIn(context, names), nulled: [] });
}

interface AlsoSettled {
  readonly displaced: readonly Displaced[];
  readonly nulled: readonly Nulled[];
}

function settleAsides(context: ReplicaContext, tables: readonly string[], { displaced, nulled }: AlsoSettled): void {
  const memory = memoryOf(context);
  memory.begin();
  const { set } = memory;
  for (const name of tables) {
    const table = context.tables.byName(name);
    if (!table) continue;
    for (const aside of [...context.asides.all(name)]) set.loadAside(aside);
    if (!context.asides.hasExtraCells(name)) continue;
    for (const { life } of [...context.asides.allExtraCells(name)]) {
      const loaded = set.loadLife(table, life, null);
      if (loaded) set.put(loaded.state);
    }
  }
  for (const { table, at } of displaced) set.loadKey(table, [at]);
  for (const { table, life } of nulled) set.loadLife(table, life, null);
  const scope = scopeOf(context, memory, ownHeader(context));
  raiseFlag(context, true);
  settleAndConfirm(scope, memory);
  raiseFlag(context, false);
}

function settleAndConfirm(scope: MergeScope, memory: MergeMemory): void {
  settle(scope);
  confirmDuties(scope, (confirming: MergeScope, blocks) => {
    applyBlocks(memory, confirming, blocks, createRowMerger(confirming, confirming.by));
    settle(confirming);
  });
  memory.set.clear();
}

/**
 * Writes a changeset of the own origin that no application's write stands behind: a person's decision about rows that no
 * application sees. It is merged here as one from elsewhere. Inside a transaction, after a drain.
 */
export function mergeOwn(context: ReplicaContext, blocks: readonly ChangeBlock[]): void {
  const memory = memoryOf(context);
  memory.begin();
  const changeset = beginOwnChangeset(context, { isDuty: false });
  for (const block of blocks) changeset.add(block);
  const scope = scopeOf(context, memory, changeset);
  raiseFlag(context, true);
  applyBlocks(memory, scope, blocks, createRowMerger(scope, changeset.origin));
  changeset.finish();
  settleAndConfirm(scope, memory);
  raiseFlag(context, false);
}

const ownHeader = ({ origins }: ReplicaContext): Pick<ChangesetHeader, 'origin' | 'stamp'> => {
  const origin = origins.own();
  return { origin, stamp: origins.entry(origin).stamp };
};
