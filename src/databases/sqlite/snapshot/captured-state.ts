import { notedRange } from '../capture/drain.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { beginReading } from '../connection/transaction.js';
import { isFresh } from '../stores/is-fresh.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/** So often what was written meanwhile is captured before a state is read in another way. */
export const capturingLooksMax = 20;

/**
 * Begins the open transaction with its first read, so that a lock is met here: from then on it sees one state. Null when
 * that state holds what was not captured: such rows would be told of with the stamps of what they were before.
 */
export function capturedState(context: ReplicaContext): ReplicaContext | null {
  beginReading(context.connection);
  // It has nothing to give yet.
  if (isFresh(context)) return context;
  return hasSchemaMoved(context) || notedRange(context) !== null ? null : context;
}
