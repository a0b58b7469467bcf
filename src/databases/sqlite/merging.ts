import { originIdOf } from '../../core/origin.js';
import { SyncError } from '../../core/sync-error.js';
import { mergeParts } from './merge.js';
import type { Merging } from './replica-context.js';
import { settleAfterDrain, settleWaiting } from './settle-waiting.js';

/** The merging side, composed for the replica. */
export function createMerging(): Merging {
  const around = { settleAfterDrain, settleWaiting };
  return {
    ...around,
    mergeParts: (context, parts) => mergeParts(context, parts, around),
    openSnapshot: () => Promise.reject(absent('openSnapshot')),
    receiveSnapshot: () => Promise.reject(absent('receiveSnapshot')),
    finishLanding: () => Promise.resolve(),
    newEpoch({ origins, identity }) {
      const origin = originIdOf(identity.server, identity.freshEpoch());
      origins.setOwn(origin);
      return origin;
    },
    reissueBranch: () => Promise.reject(absent('reissueBranch')),
  };
}

const absent = (what: string): SyncError => new SyncError('USYNC-1001', `${what} is not part of this build`);
