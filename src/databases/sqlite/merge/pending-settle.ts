import { drainInTransaction } from '../capture/drain.js';
import { pendingReconciles } from '../capture/pending-reconcile.js';
import type { Merging, ReplicaContext } from '../stores/replica-context.js';
import { hasPendingSettle, pendingSettles, setPendingSettles } from './tables-to-settle.js';

export const mustSettle = (context: ReplicaContext): boolean =>
  hasPendingSettle(context) && context.meta.text('landing') === null && pendingReconciles(context).length === 0;

/** Inside a write transaction, when the schema has not moved. */
export function settlePending(
  context: ReplicaContext,
  merging: Pick<Merging, 'settleAfterDrain' | 'settleWaiting'>,
): void {
  const { tables } = drainInTransaction(context);
  if (tables.size > 0) merging.settleAfterDrain(context, tables);
  for (const number of pendingSettles(context)) {
    const table = context.tables.byNumber(number);
    if (table) merging.settleWaiting(context, table.name);
  }
  setPendingSettles(context, []);
}
