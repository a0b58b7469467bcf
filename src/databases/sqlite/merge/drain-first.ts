import { drainInTransaction } from '../capture/drain.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { memoryOf } from './merge-changeset.js';
import { settleAfterDrain } from './settle-waiting.js';

/**
 * Drains what was noted since everything was captured, in the transaction that settles: settling takes what the tables show
 * for what is known. The caller asked `hasSchemaMoved` first.
 */
export function drainFirst(context: ReplicaContext): void {
  memoryOf(context).begin();
  const drained = drainInTransaction(context);
  if (drained.tables.size > 0) settleAfterDrain(context, drained.tables);
}
