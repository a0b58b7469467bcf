import { captureChanges } from './capture-changes.js';
import { makeRoomForOthers } from './bag-matching.js';
import type { Comparison } from './comparison.js';
import { batchOfNotes, batchOfTable, batchSize, clearBatches, emptyBatch } from './comparison-batch.js';
import { createDirectSink, createStagedSink, type DrainSink, type StagedSink } from './drain-sink.js';
import { followKeyMoves } from '../merge/key-moves.js';
import { watchForEvictions } from './evicted-rows.js';
import { noticeKeyless } from './keyless-rows.js';
import { noteKind } from './note-kind.js';
import type { NoteRange } from './note-store.js';
import { beginOwnChangeset, type OwnChangeset } from './own-changeset.js';
import { ruledColumns } from './known-values.js';
import { pendingReconciles, removePending } from './pending-reconcile.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { settleListsOf } from '../merge/tables-to-settle.js';
import { inTransaction, reloadStores, whenFree } from '../stores/store-transaction.js';
import type { SyncedTable } from '../schema/synced-table.js';
import { transact } from '../connection/transaction.js';

/** What a drain took: nothing when no note named a row that differs. */
export interface Drained {
  readonly changesets: number;
  readonly rows: number;
  readonly tables: ReadonlySet<string>;
}

export const nothingDrained: Drained = { changesets: 0, rows: 0, tables: new Set() };

/** Called inside the write transaction of a drain that found something. */
export type AfterDrain = (tables: ReadonlySet<string>) => void;

/**
 * Turns every note into changes of one changeset, together with tables that are to be compared as a whole: rows that
 * were written unseen may be named by rows that were noted, or the other way round. `hasSchemaMoved` must have been asked
 * before. When the schema moves under a large drain, nothing is written and the next call takes it.
 */
export async function drainNotes(context: ReplicaContext, after: AfterDrain): Promise<Drained> {
  const size = await whenFree(context.system, () => notedSize(context));
  // Nothing to write, so no lock to take: this is asked before every merge, and now and then at rest.
  if (size === 'none') return nothingDrained;
  if (size === 'large') {
    const drained = await drainStaged(context, after);
    if (drained) return drained;
  }
  return whenFree(context.system, () =>
    inTransaction(context, () => {
      if (hasSchemaMoved(context)) return nothingDrained;
      const drained = drainInTransaction(context);
      if (drained.tables.size > 0) after(drained.tables);
      return drained;
    }),
  );
}

function notedSize(context: ReplicaContext): 'none' | 'small' | 'large' {
  const range = rangeToDrain(context);
  if (!range) return 'none';
  if (wholeTables(context).size > 0) return 'large';
  const { notesAtOnceMax } = context.pace;
  if (range.upTo - range.after <= notesAtOnceMax) return 'small';
  return context.notes.endOf(range.after, notesAtOnceMax) < range.upTo ? 'large' : 'small';
}

/** Drains whatever is noted inside the open write transaction: before merging, when `drainNotes` has taken the bulk. */
export function drainInTransaction(context: ReplicaContext): Drained {
  const range = rangeToDrain(context);
  if (!range) return nothingDrained;
  const changeset = beginOwnChangeset(context, { isDuty: false });
  const whole = wholeTables(context);
  const tables = compareNoted(context, { range, whole, changeset, sink: createDirectSink(context) });
  return finishDrain(context, { range, whole, changeset, tables });
}

/** Null when it cannot be staged (keys were changed) or the schema moved meanwhile. */
async function drainStaged(context: ReplicaContext, after: AfterDrain): Promise<Drained | null> {
  const { system } = context;
  const read = await whenFree(system, () => readStaged(context));
  if (!read) return null;
  try {
    return await whenFree(system, () =>
      inTransaction(context, () => {
        if (hasSchemaMoved(context)) return nothingDrained;
        const drained = finishDrain(context, read);
        read.sink.write();
        if (drained.tables.size > 0) after(drained.tables);
        return drained;
      }),
    );
  } catch (error) {
    reloadStores(context);
    throw error;
  } finally {
    read.sink.clear();
  }
}

/** One attempt: a lock that it meets undoes its temporary tables too, so each attempt has a sink of its own. */
function readStaged(context: ReplicaContext): (FinishedWork & { readonly sink: StagedSink }) | null {
  const sink = createStagedSink(context);
  try {
    const read = transact(context.connection, 'deferred', () => {
      const range = rangeToDrain(context);
      if (!range || hasSchemaMoved(context)) return null;
      const changeset = beginOwnChangeset(context, { isDuty: false, putPart: (part) => sink.putPart(part) });
      const whole = wholeTables(context);
      const tables = compareNoted(context, { range, whole, changeset, sink });
      return tables && { range, whole, changeset, tables, sink };
    });
    if (!read) sink.clear();
    return read;
  } catch (error) {
    sink.clear();
    reloadStores(context);
    throw error;
  }
}

interface NotedWork {
  readonly range: NoteRange;
  /** To be compared as a whole. */
  readonly whole: ReadonlySet<SyncedTable>;
  readonly changeset: OwnChangeset;
  readonly sink: DrainSink;
}

/** The tables that differ; null when keys were changed and the sink is staged: shadows must move at once then. */
function compareNoted(
  context: ReplicaContext,
  work: NotedWork & { readonly sink: { readonly isStaged: true } },
): Set<string> | null;
function compareNoted(context: ReplicaContext, work: NotedWork): Set<string>;
function compareNoted(context: ReplicaContext, { range, whole, changeset, sink }: NotedWork): Set<string> | null {
  const namingByTable = new Map(pendingReconciles(context).map(({ table, naming }) => [table.number, naming]));
  // Bags whose rowids may have moved are compared as a whole before long.
  const isLater = (table: SyncedTable): boolean => table.isBag && namingByTable.has(table.number);
  const kinds = new Map(context.notes.tablesIn(range).map(({ table, kinds: ofTable }) => [table, ofTable]));
  const noted = [...kinds.keys()].flatMap((table) => context.tables.byNumber(table) ?? []);
  const tables = [...new Set([...noted, ...whole])].filter((table) => !isLater(table));
  const leaving = noted.filter((table) => isLater(table) && kinds.get(table.number)?.has(noteKind.delete) === true);
  if (sink.isStaged && leaving.length > 0) return null;
  for (const table of leaving) makeRoomForOthers(context, table, range);
  // What rows showed before is known for rows as they stand now, so such tables are read and written in one transaction.
  if (sink.isStaged && tables.some((table) => ruledColumns(table).length > 0)) return null;
  const comparisons: Comparison[] = [];
  clearBatches(context.connection, widestKey(tables));
  for (const table of tables) {
    watchForEvictions(context, table);
    const bare = comparisonOf(context, { table, changeset, sink });
    // A table that nobody has adopted: its old rows are named by their keys when it is compared as a whole. A row that was
    // inserted since capture began is another row than one that took the same key elsewhere, so it is named now.
    noticeKeyless(context, table, range);
    const leavesOld = namingByTable.get(table.number) === 'genesis';
    const batch = whole.has(table)
      ? batchOfTable(context.connection, table, range)
      : batchOfNotes(context.connection, table, { range, leavesOld, kinds: kinds.get(table.number) ?? noKinds });
    const comparison = { ...bare, batch };
    if (batchSize(comparison.batch) === 0) continue;
    if (kinds.get(table.number)?.has(noteKind.movedFrom) === true) {
      if (sink.isStaged) return null;
      comparisons.push({ ...comparison, ...followKeyMoves(comparison, range) });
      settleListsOf(context, table);
    } else comparisons.push(comparison);
  }
  captureChanges(comparisons);
  return new Set(comparisons.map(({ table }) => table.name));
}

const noKinds: ReadonlySet<number> = new Set();

const widestKey = (tables: readonly SyncedTable[]): number =>
  Math.max(1, ...tables.map((table) => table.keySql.length));

export const comparisonOf = (
  context: ReplicaContext,
  options: Pick<Comparison, 'table' | 'changeset' | 'sink'>,
): Comparison => ({
  ...options,
  context,
  batch: emptyBatch,
  // Rows of a bag may be equal, so their content is no name.
  naming: context.meta.text('migrated') !== null && !options.table.isBag ? 'migration' : 'life',
  isMigration: context.meta.text('migrated') !== null,
  oldKeys: new Map(),
  takenKeys: [],
  occurrenceOf: () => 0n,
});

interface FinishedWork extends Pick<NotedWork, 'range' | 'whole'> {
  readonly changeset: OwnChangeset;
  readonly tables: Set<string>;
}

function finishDrain(context: ReplicaContext, { range, whole, changeset, tables }: FinishedWork): Drained {
  for (const table of whole) removePending(context, table);
  context.meta.set('cursor', range.upTo);
  context.notes.forget(range.upTo);
  if (changeset.rows === 0) return nothingDrained;
  changeset.finish();
  return { changesets: 1, rows: changeset.rows, tables };
}

/** The notes that wait; null when there are none, or when a snapshot is landing: nothing is drained then. */
export function notedRange(context: ReplicaContext): NoteRange | null {
  if (context.meta.text('landing') !== null) return null;
  const after = context.meta.number('cursor') ?? 0;
  const upTo = context.notes.newest();
  return upTo > after ? { after, upTo } : null;
}

/** As `notedRange`, but not null either when tables are to be compared that nobody noted. */
function rangeToDrain(context: ReplicaContext): NoteRange | null {
  const range = notedRange(context);
  if (range || context.meta.text('landing') !== null || wholeTables(context).size === 0) return range;
  const cursor = context.meta.number('cursor') ?? 0;
  return { after: cursor, upTo: cursor };
}

/** Bags are matched by content first, and rows of old are adopted in slices: both on their own. */
const wholeTables = (context: ReplicaContext): ReadonlySet<SyncedTable> =>
  new Set(
    pendingReconciles(context).flatMap(({ table, naming }) => (naming === 'life' && !table.isBag ? [table] : [])),
  );
