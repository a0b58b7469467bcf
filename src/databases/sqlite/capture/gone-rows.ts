import { rowKey, type RowKey } from '../../../core/life-state.js';
import type { LifeName } from '../../../core/life.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { inTransaction, whenFree } from '../stores/store-transaction.js';
import { addPending } from './pending-reconcile.js';

/**
 * A row that is known to be shown is not in its table: an application's REPLACE removed it unseen (see `evicted-rows.ts`), and
 * nothing has counted the table since. Merging takes what tables show for what is known, so it must not go on.
 */
export class RowGone extends Error {
  readonly table: SyncedTable;

  constructor(table: SyncedTable) {
    super(`a row of ${table.name} was removed unseen`);
    this.table = table;
  }
}

/** Bounds what is remembered. Who is told of again is compared again, and no more. */
const toldMax = 10_000;
const toldByContext = new WeakMap<ReplicaContext, Set<RowKey>>();

/**
 * Throws `RowGone`, once for each life: where a comparison does not find it either, it is no application's doing. While something
 * lands in slices nothing is drained, and the row may have been deleted in the open.
 */
export function tellGone(context: ReplicaContext, table: SyncedTable, life: LifeName): void {
  if (context.meta.text('landing') !== null) return;
  const told = toldByContext.get(context) ?? new Set<RowKey>();
  toldByContext.set(context, told);
  const name = rowKey(table.name, life);
  if (told.has(name)) return;
  if (told.size >= toldMax) told.clear();
  told.add(name);
  throw new RowGone(table);
}

/** The table is compared as a whole by the next capture. */
export const compareAgain = (context: ReplicaContext, { table }: RowGone): Promise<void> =>
  whenFree(context.system, () => inTransaction(context, () => addPending(context, table, 'life')));

/** Does the work again where it met a row that was removed unseen: capture, which comes first in it, finds that now. */
export async function withoutGoneRows<T>(context: ReplicaContext, work: () => Promise<T> | T): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RowGone)) throw error;
      await compareAgain(context, error);
    }
  }
}
