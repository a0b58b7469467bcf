import { SyncError } from '../core/sync-error.js';
import type { Replica } from '../databases/replica.js';

/**
 * The replica as sessions see it: closed until `isReady`. A database that was opened again must be held against the
 * witness before anything is drained or merged, and sessions call at any time.
 */
export function createGatedReplica(replica: Replica, isReady: () => boolean): Replica {
  const gated =
    <Args extends readonly unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      isReady()
        ? call(...args)
        : Promise.reject(new SyncError('USYNC-1002', `Dataset ${replica.dataset} is not open at the moment.`));
  return {
    dataset: replica.dataset,
    onHint: (listener) => replica.onHint(listener),
    open: gated(() => replica.open()),
    drain: gated(() => replica.drain()),
    position: gated(() => replica.position()),
    readJournal: gated((request) => replica.readJournal(request)),
    merge: gated((parts) => replica.merge(parts)),
    flush: gated(() => replica.flush()),
    openSnapshot: gated(() => replica.openSnapshot()),
    receiveSnapshot: gated((vector) => replica.receiveSnapshot(vector)),
    proof: gated(() => replica.proof()),
    audit: gated((table) => replica.audit(table)),
    bucketSums: gated((request) => replica.bucketSums(request)),
    bucketRows: gated((request) => replica.bucketRows(request)),
    prune: gated((request) => replica.prune(request)),
    newEpoch: gated((reason) => replica.newEpoch(reason)),
    history: gated((origin) => replica.history(origin)),
    cutBranch: gated((origin, theirs) => replica.cutBranch(origin, theirs)),
    setHeirs: gated((heirs) => replica.setHeirs(heirs)),
    setNumberLane: gated((lane) => replica.setNumberLane(lane)),
    tables: gated(() => replica.tables()),
    conflicts: gated((request) => replica.conflicts(request)),
    conflictsForgotten: gated(() => replica.conflictsForgotten()),
    forgetConflicts: gated((foundBeforeMs) => replica.forgetConflicts(foundBeforeMs)),
    restoreConflict: gated((id) => replica.restoreConflict(id)),
    quarantine: gated((request) => replica.quarantine(request)),
    retryHeld: gated(() => replica.retryHeld()),
    dropHeld: gated((id) => replica.dropHeld(id)),
    rowHistory: gated((request) => replica.rowHistory(request)),
    undo: gated((request, signal) => replica.undo(request, signal)),
    recentChanges: gated((request) => replica.recentChanges(request)),
    applyWrites: gated((writes) => replica.applyWrites(writes)),
    close: () => replica.close(),
    ...(replica.folder && { folder: replica.folder }),
  };
}
