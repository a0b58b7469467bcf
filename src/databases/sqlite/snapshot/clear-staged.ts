import { SyncError } from '../../../core/sync-error.js';
import { stampIn } from '../../../core/version-vector.js';
import { landingSnapshot } from '../merge/landing-marker.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { inTransaction, reloadStores, whenFree } from '../stores/store-transaction.js';
import { dropChunks } from './kept-snapshot.js';

/** At opening: what is staged and needed no more. A snapshot whose landing was cut off is landed by the next call. */
export async function clearStaged(context: ReplicaContext): Promise<void> {
  if (!(await whenFree(context.system, () => landingSnapshot(context)))) await dropChunks(context);
  const staged = context.journal
    .staged()
    .filter(({ origin, stamp }) => stamp <= stampIn(context.origins.vector(), origin));
  if (staged.length === 0) return;
  try {
    await whenFree(context.system, () =>
      inTransaction(context, () => {
        for (const { origin, stamp } of staged) context.journal.dropParts(origin, stamp);
      }),
    );
  } catch (error) {
    reloadStores(context);
    throw error instanceof SyncError
      ? error
      : new SyncError('USYNC-1000', 'staged parts cannot be dropped', { cause: error });
  }
}
