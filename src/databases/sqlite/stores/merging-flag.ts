import { guardTables } from '../merge/trigger-guard.js';
import type { ReplicaContext } from './replica-context.js';

/**
 * Switches the triggers of capture off and on, inside a transaction: no other connection ever sees the flag raised. While
 * it is raised, triggers of the application write no rows of synced tables (`trigger-guard.ts`).
 */
export function raiseFlag(context: ReplicaContext, isMerging: boolean): void {
  if (isMerging) guardTables(context);
  context.connection.cached('UPDATE _usync_merging SET merging = ?').run(isMerging ? 1n : 0n);
}
