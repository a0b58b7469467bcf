import { captureChanges } from './capture-changes.js';
import { batchOfSlice, clearBatches } from './comparison-batch.js';
import { comparisonOf, drainInTransaction, nothingDrained, type AfterDrain, type Drained } from './drain.js';
import { createDirectSink, createStagedSink } from './drain-sink.js';
import { ruledColumns } from './known-values.js';
import { matchBag } from './bag-matching.js';
import { beginOwnChangeset, type OwnChangeset } from './own-changeset.js';
import { removePending, type PendingReconcile } from './pending-reconcile.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { inTransaction, pause, reloadStores, whenFree } from '../stores/store-transaction.js';
import type { SqlValue } from '../../../core/value.js';
import type { SyncedTable } from '../schema/synced-table.js';
import { transact } from '../connection/transaction.js';

/** Keys of one slice of a first adoption: some tens of milliseconds of lock. */
const sliceRows = 2000;
const everything = Number.MAX_SAFE_INTEGER;

/**
 * Compares a whole table with its shadows. What was written unseen becomes one changeset, read and encoded without a
 * lock. Rows that nobody had adopted are taken in slices, each a changeset of its own, with pauses as long as the locks.
 * Null: the schema moved meanwhile, to be followed first.
 */
export async function reconcile(
  context: ReplicaContext,
  pending: PendingReconcile,
  tools: ReconcileTools,
): Promise<Drained | null> {
  if (pending.table.isBag) await matchBag(context, pending.table);
  return pending.naming === 'genesis' ? adopt(context, pending, tools) : compareWhole(context, pending, tools.after);
}

export interface ReconcileTools {
  readonly after: AfterDrain;
  /** Told after each slice of rows that nobody had adopted. */
  readonly took?: (rows: number) => void;
}

async function adopt(
  context: ReplicaContext,
  pending: PendingReconcile,
  { after, took }: ReconcileTools,
): Promise<Drained | null> {
  const { system } = context;
  let position: readonly SqlValue[] | null = null;
  let drained = nothingDrained;
  for (;;) {
    const startMs = system.monotonicMs();
    const from: readonly SqlValue[] | null = position;
    const slice: AdoptedSlice | null = await whenFree(system, () =>
      inTransaction(context, () => (hasSchemaMoved(context) ? null : adoptSlice(context, pending, { from, after }))),
    );
    if (!slice) return null;
    took?.(slice.rows);
    drained = {
      changesets: drained.changesets + slice.changesets,
      rows: drained.rows + slice.rows,
      tables: slice.tables,
    };
    if (slice.last === null) return drained;
    position = slice.last;
    await pause(system, system.monotonicMs() - startMs);
  }
}

interface AdoptedSlice extends Drained {
  /** Key of the last row that was looked at; null when none was left. */
  readonly last: readonly SqlValue[] | null;
}

interface SliceWork {
  readonly from: readonly SqlValue[] | null;
  readonly after: AfterDrain;
}

function adoptSlice(
  context: ReplicaContext,
  { table, naming }: PendingReconcile,
  { from, after }: SliceWork,
): AdoptedSlice {
  // What was inserted in the pause before this slice is no row of old.
  const noted = drainInTransaction(context);
  if (noted.tables.size > 0) after(noted.tables);
  clearBatches(context.connection, table.keySql.length);
  const { batch, last } = batchOfSlice(context.connection, table, { after: from, count: sliceRows });
  if (last === null) {
    removePending(context, table);
    return { ...nothingDrained, last };
  }
  const changeset = beginOwnChangeset(context, { isDuty: false });
  const bare = comparisonOf(context, { table, changeset, sink: createDirectSink(context) });
  captureChanges([{ ...bare, batch, naming, occurrenceOf: occurrences(context, bare.table.shadowSql) }]);
  if (changeset.rows === 0) return { ...nothingDrained, last };
  changeset.finish();
  const tables = new Set([table.name]);
  after(tables);
  return { changesets: 1, rows: changeset.rows, tables, last };
}

/** Which of the rows with this content it is: those that have a shadow were adopted before. */
function occurrences({ connection }: ReplicaContext, shadowSql: string): (hash: number) => bigint {
  const seen = new Map<number, bigint>();
  let hasAny: boolean | null = null;
  return (hash) => {
    hasAny ??= connection.prepare(`SELECT 1 FROM ${shadowSql} LIMIT 1`).get() !== undefined;
    const counted = (): bigint =>
      hasAny === true
        ? BigInt(Number(connection.cached(`SELECT count(*) FROM ${shadowSql} WHERE h = ?`).get(BigInt(hash))?.[0] ?? 0))
        : 0n;
    const before = seen.get(hash) ?? counted();
    seen.set(hash, before + 1n);
    return before;
  };
}

async function compareWhole(
  context: ReplicaContext,
  { table }: PendingReconcile,
  after: AfterDrain,
): Promise<Drained | null> {
  const { connection, system } = context;
  if (ruledColumns(table).length > 0) return compareAtOnce(context, table, after);
  const sink = createStagedSink(context);
  try {
    const changeset = await whenFree(system, () =>
      transact(connection, 'deferred', (): OwnChangeset | null => {
        if (hasSchemaMoved(context)) return null;
        clearBatches(connection, table.keySql.length);
        const { batch } = batchOfSlice(connection, table, { after: null, count: everything });
        const found = beginOwnChangeset(context, { isDuty: false, putPart: (part) => sink.putPart(part) });
        captureChanges([{ ...comparisonOf(context, { table, changeset: found, sink }), batch }]);
        return found;
      }),
    );
    if (!changeset) return null;
    return await whenFree(system, () =>
      inTransaction(context, () => {
        if (hasSchemaMoved(context)) throw new SchemaMoved();
        removePending(context, table);
        if (changeset.rows > 0) changeset.finish();
        sink.write();
        if (changeset.rows === 0) return nothingDrained;
        const tables = new Set([table.name]);
        after(tables);
        return { changesets: 1, rows: changeset.rows, tables };
      }),
    );
  } catch (error) {
    reloadStores(context);
    if (error instanceof SchemaMoved) return null;
    throw error;
  } finally {
    sink.clear();
  }
}

/** What a column with a rule held before is known for rows as they stand now: read and written in one transaction. */
function compareAtOnce(context: ReplicaContext, table: SyncedTable, after: AfterDrain): Promise<Drained | null> {
  return whenFree(context.system, () =>
    inTransaction(context, () => {
      if (hasSchemaMoved(context)) return null;
      clearBatches(context.connection, table.keySql.length);
      const { batch } = batchOfSlice(context.connection, table, { after: null, count: everything });
      const changeset = beginOwnChangeset(context, { isDuty: false });
      captureChanges([{ ...comparisonOf(context, { table, changeset, sink: createDirectSink(context) }), batch }]);
      removePending(context, table);
      if (changeset.rows === 0) return nothingDrained;
      changeset.finish();
      after(new Set([table.name]));
      return { changesets: 1, rows: changeset.rows, tables: new Set([table.name]) };
    }),
  );
}

/** Undoes what the reading had put into the caches. */
class SchemaMoved extends Error {}
