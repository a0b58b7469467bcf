import { drainInTransaction } from '../capture/drain.js';
import { pendingReconciles } from '../capture/pending-reconcile.js';
import type { Merging, ReplicaContext } from '../stores/replica-context.js';
import type { SyncedTable } from '../schema/synced-table.js';

/**
 * What waited for a table or a column that is here now is settled only when nothing that an application wrote is unseen:
 * settling takes what the tables show for what is known. Kept in the database, so that a crash forgets none.
 */
export function addPendingSettle(context: ReplicaContext, tables: Iterable<SyncedTable>): void {
  const numbers = new Set(read(context));
  for (const { number } of tables) numbers.add(number);
  if (numbers.size > 0) write(context, [...numbers]);
}

export const hasPendingSettle = (context: ReplicaContext): boolean => read(context).length > 0;

export const mustSettle = (context: ReplicaContext): boolean =>
  hasPendingSettle(context) && context.meta.text('landing') === null && pendingReconciles(context).length === 0;

/** Inside a write transaction, when the schema has not moved. */
export function settlePending(
  context: ReplicaContext,
  merging: Pick<Merging, 'settleAfterDrain' | 'settleWaiting'>,
): void {
  const { tables } = drainInTransaction(context);
  if (tables.size > 0) merging.settleAfterDrain(context, tables);
  for (const number of read(context)) {
    const table = context.tables.byNumber(number);
    if (table) merging.settleWaiting(context, table.name);
  }
  write(context, []);
}

const read = ({ meta }: ReplicaContext): number[] => JSON.parse(meta.text('pending-settle') ?? '[]') as number[];

const write = ({ meta }: ReplicaContext, numbers: readonly number[]): void =>
  meta.set('pending-settle', numbers.length === 0 ? null : JSON.stringify(numbers));
