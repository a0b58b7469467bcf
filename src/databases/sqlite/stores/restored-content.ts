import { SyncError } from '../../../core/sync-error.js';
import { foreignCommitCounter } from '../connection/commit-counter.js';
import type { ReplicaContext } from './replica-context.js';

/** The commit of another program after which the state was last found as it is known here. */
const lookedAt = new WeakMap<ReplicaContext, number>();

/**
 * Throws USYNC-1208 where the state in the file is not the one that is known here. Only this replica writes the state, so
 * another program has put a backup into the open database, as SQLite's own tools for that do. What is known is kept, for
 * whoever opens the database again to see that it went back. Costs one pragma; a read of two small tables after a commit of
 * another program.
 */
export function refuseRestored(context: ReplicaContext): void {
  const { connection, meta, origins } = context;
  const commits = foreignCommitCounter(connection);
  if (commits === lookedAt.get(context)) return;
  if (!meta.isAsStored() || !origins.isAsStored())
    throw new SyncError('USYNC-1208', `a backup was put over the content of ${connection.location}`);
  lookedAt.set(context, commits);
}
