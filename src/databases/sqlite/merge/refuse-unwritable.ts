import { SyncError } from '../../../core/sync-error.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/**
 * Throws USYNC-1306 while a synced table cannot be written, as in the middle of a migration: nothing is merged then, and what
 * applications write is captured all the same.
 */
export function refuseUnwritable({ tables }: ReplicaContext): void {
  for (const { name, form } of tables.all())
    if (form.obstacle !== null) throw new SyncError('USYNC-1306', `${name}: ${form.obstacle}`);
}
