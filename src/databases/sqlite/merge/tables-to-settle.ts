import type { ReplicaContext } from '../stores/replica-context.js';
import type { SyncedTable } from '../schema/synced-table.js';

/**
 * What waited for a table or a column that is here now is settled only when nothing that an application wrote is unseen:
 * settling takes what the tables show for what is known. Kept in the database, so that a crash forgets none.
 */
export function addPendingSettle(context: ReplicaContext, tables: Iterable<SyncedTable>): void {
  const numbers = new Set(pendingSettles(context));
  for (const { number } of tables) numbers.add(number);
  if (numbers.size > 0) setPendingSettles(context, [...numbers]);
}

/** Lists that name rows of the table show other numbers now than their text says: an application gave these rows new ones. */
export const settleListsOf = (context: ReplicaContext, { name }: SyncedTable): void =>
  addPendingSettle(
    context,
    context.tables.all().filter(({ schema }) => schema.lists?.some(({ parentTable }) => parentTable === name) === true),
  );

export const hasPendingSettle = (context: ReplicaContext): boolean => pendingSettles(context).length > 0;

export const pendingSettles = ({ meta }: ReplicaContext): number[] =>
  JSON.parse(meta.text('pending-settle') ?? '[]') as number[];

export const setPendingSettles = ({ meta }: ReplicaContext, numbers: readonly number[]): void =>
  meta.set('pending-settle', numbers.length === 0 ? null : JSON.stringify(numbers));
