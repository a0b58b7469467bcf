import { addPending } from './pending-reconcile.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { integerAt } from '../connection/row-values.js';
import { inTransaction, whenFree } from '../stores/store-transaction.js';
import type { SyncedTable } from '../schema/synced-table.js';

/**
 * `REPLACE` removes a row that holds the same unique value without running its delete trigger. Where the constraint is
 * declared in the table, capture notes the rival. A CREATE UNIQUE INDEX must stay droppable, so no trigger may name its
 * columns: such tables are counted after they were written, and compared as a whole when rows are missing. So are tables that
 * cascade to themselves: who gives a row the key of its own parent by REPLACE loses both, and no trigger tells of the parent.
 */
export async function findEvictions(context: ReplicaContext): Promise<void> {
  const watched = watchedTables(context);
  for (const [number, { isDue, nextMs }] of watched) {
    const table = context.tables.byNumber(number);
    const startMs = context.system.monotonicMs();
    if (!table || !isDue || startMs < nextMs) continue;
    const isComplete = await whenFree(context.system, () => rowCount(context, table) >= shadowCount(context, table));
    const costMs = context.system.monotonicMs() - startMs;
    watched.set(number, { isDue: false, nextMs: startMs + costMs * restPerCost });
    if (isComplete) continue;
    await whenFree(context.system, () => inTransaction(context, () => addPending(context, table, 'life')));
  }
}

/** Of a table that an application wrote. Every drain tells it, also one that merging makes. */
export function watchForEvictions(context: ReplicaContext, table: SyncedTable): void {
  if (!hasUndeclaredUnique(table) && !cascadesToItself(context, table)) return;
  const watched = watchedTables(context);
  watched.set(table.number, { ...unseen, ...watched.get(table.number), isDue: true });
}

/** Whether a table that was written before waits to be counted, and may be now. */
export function isCountingDue(context: ReplicaContext): boolean {
  const nowMs = context.system.monotonicMs();
  return [...watchedTables(context).values()].some(({ isDue, nextMs }) => isDue && nowMs >= nextMs);
}

/** Counting takes at most this part of the time, however large the table and however often it is written. */
const restPerCost = 50;

interface Watched {
  readonly isDue: boolean;
  readonly nextMs: number;
}

const unseen: Watched = { isDue: true, nextMs: 0 };
const watchedByContext = new WeakMap<ReplicaContext, Map<number, Watched>>();

function watchedTables(context: ReplicaContext): Map<number, Watched> {
  const known = watchedByContext.get(context) ?? new Map<number, Watched>();
  watchedByContext.set(context, known);
  return known;
}

const hasUndeclaredUnique = ({ form }: SyncedTable): boolean => form.uniques.some((unique) => !unique.isDeclared);

function cascadesToItself({ tables }: ReplicaContext, table: SyncedTable): boolean {
  const above = new Set<string>();
  const waiting = [table];
  for (let child = waiting.pop(); child; child = waiting.pop())
    for (const { onDelete, parentTable } of child.schema.references) {
      if (onDelete !== 'cascade' || above.has(parentTable)) continue;
      above.add(parentTable);
      const parent = tables.byName(parentTable);
      if (parent) waiting.push(parent);
    }
  return above.has(table.name);
}

function rowCount({ connection }: ReplicaContext, table: SyncedTable): number {
  const named = table.form.key.some((column) => column.canBeNull)
    ? ` WHERE ${table.keySql.map((key) => `${key} IS NOT NULL`).join(' AND ')}`
    : '';
  return integerAt(connection.cached(`SELECT count(*) FROM ${table.sql}${named}`).get() ?? [0n], 0);
}

/** The digest counts rows that are held back here too; then the shadows themselves are counted. */
const shadowCount = ({ asides, tables, shadows }: ReplicaContext, table: SyncedTable): number =>
  asides.isEmpty(table.name) ? tables.digest(table).rows : shadows.count(table);
