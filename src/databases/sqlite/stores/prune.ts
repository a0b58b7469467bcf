import type { PruneOutcome, PruneRequest } from '../../replica.js';
import type { ReplicaContext } from './replica-context.js';
import { inTransaction, pause, whenFree } from './store-transaction.js';

/** Prunes in short transactions, with pauses for the application's writers. */
export async function pruneJournal(context: ReplicaContext, request: PruneRequest): Promise<PruneOutcome> {
  const { system, journal, pace } = context;
  let [entries, bytes] = [0, 0];
  for (;;) {
    const startMs = system.monotonicMs();
    const pruned = await whenFree(system, () =>
      inTransaction(context, () => journal.prune(request, system.nowMs(), pace.prunedAtOnce)),
    );
    entries += pruned.entries;
    bytes += pruned.bytes;
    if (pruned.entries < pace.prunedAtOnce) return { entries, bytes };
    await pause(system, pace.pauseMs(system.monotonicMs() - startMs));
  }
}
