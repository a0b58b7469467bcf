import type { ReplicaContext } from './replica-context.js';

/** Switches the triggers of capture off and on, inside a transaction: no other connection ever sees the flag raised. */
export function raiseFlag({ connection }: Pick<ReplicaContext, 'connection'>, isMerging: boolean): void {
  connection.cached('UPDATE _usync_merging SET merging = ?').run(isMerging ? 1n : 0n);
}
