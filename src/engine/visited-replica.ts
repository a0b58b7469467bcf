import { SyncError } from '../core/sync-error.js';
import type { Replica } from '../databases/replica.js';

/**
 * The replica as one session sees it, of which it turns out only after its hello whether it is a visit: who looks before
 * it joins reads, and changes nothing here, whatever it sends.
 */
export function createVisitedReplica(replica: Replica, isVisit: () => boolean): Replica {
  const guarded =
    <Args extends readonly unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      isVisit()
        ? Promise.reject(new SyncError('USYNC-1504', 'A server that looks before it joins cannot change anything.'))
        : call(...args);
  return {
    ...replica,
    drain: guarded(() => replica.drain()),
    merge: guarded((parts) => replica.merge(parts)),
    receiveSnapshot: guarded((vector) => replica.receiveSnapshot(vector)),
    newEpoch: guarded((reason) => replica.newEpoch(reason)),
    cutBranch: guarded((origin, theirs) => replica.cutBranch(origin, theirs)),
  };
}
