import type { ReplicaContext } from '../stores/replica-context.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** A table that is to be compared as a whole. Kept in the database, so that a crash forgets none. */
export interface PendingReconcile {
  readonly table: SyncedTable;
  /** `genesis`: its rows were there before anybody noted them, and are named by their keys. */
  readonly naming: 'life' | 'genesis';
}

export function addPending(context: ReplicaContext, table: SyncedTable, naming: PendingReconcile['naming']): void {
  const pending = read(context);
  if (!pending.has(table.number)) write(context, pending.set(table.number, naming));
}

export function removePending(context: ReplicaContext, table: SyncedTable): void {
  const pending = read(context);
  if (pending.delete(table.number)) write(context, pending);
}

export const pendingReconciles = (context: ReplicaContext): PendingReconcile[] =>
  [...read(context)].flatMap(([number, naming]) => {
    const table = context.tables.byNumber(number);
    return table ? [{ table, naming }] : [];
  });

const read = ({ meta }: ReplicaContext): Map<number, PendingReconcile['naming']> =>
  new Map(JSON.parse(meta.text('pending-reconcile') ?? '[]') as [number, PendingReconcile['naming']][]);

const write = ({ meta }: ReplicaContext, pending: ReadonlyMap<number, string>): void =>
  meta.set('pending-reconcile', pending.size === 0 ? null : JSON.stringify([...pending]));
