import { captureEverything } from '../capture/capture-everything.js';
import { landChangeset } from './changeset-landing.js';
import { cutBranch, newEpoch } from './epochs.js';
import { mergeParts } from './merge.js';
import type { SqliteModule } from '../connection/sqlite-module.js';
import type { Merging } from '../stores/replica-context.js';
import { settleAfterDrain, settleWaiting } from './settle-waiting.js';
import { openSnapshot } from '../snapshot/snapshot-reader.js';
import { clearStaged } from '../snapshot/clear-staged.js';
import { resumeSnapshot } from '../snapshot/land-snapshot.js';
import { receiveSnapshot } from '../snapshot/snapshot-writer.js';

export interface MergingOptions {
  /** Where snapshots wait on their way; in memory when it is not given. */
  readonly spoolFolder?: string;
  readonly module?: SqliteModule;
}

/** The merging side of a replica: streams, snapshots, what waits, epochs. */
export function createMerging(options: MergingOptions = {}): Merging {
  const { module, spoolFolder = null } = options;
  const merging: Merging = {
    mergeParts: (context, parts) => mergeParts(context, parts, { settleAfterDrain, settleWaiting }),
    settleWaiting,
    settleAfterDrain,
    openSnapshot: (context) =>
      openSnapshot(context, {
        spoolFolder,
        capture: () => captureEverything(context, merging),
        ...(module && { module }),
      }),
    receiveSnapshot: async (context, vector) => receiveSnapshot(context, vector, spoolFolder),
    clearStaged,
    resumeSnapshot,
    newEpoch: (context) => newEpoch(context),
    async cutBranch(context, origin, theirs) {
      // The staged parts of one that was cut off half-way may name what gets another name.
      await landChangeset(context, { settleAfterDrain, settleWaiting }, { isResumed: true });
      await resumeSnapshot(context);
      return cutBranch(context, origin, theirs);
    },
  };
  return merging;
}
