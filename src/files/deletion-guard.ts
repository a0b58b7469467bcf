import { SyncError } from '../core/sync-error.js';

/**
 * Stops a loss from spreading: an emptied or mostly emptied folder is more often a mistake than a wish. What is held is
 * still missing here; it is neither deleted elsewhere nor put back until a person says which.
 */
export interface DeletionGuard {
  /** Null when so many may be deleted now; else why they wait. */
  obstacle(gone: number, recorded: number): SyncError | null;
  /** A person said that what is missing is meant to be gone. */
  accept(): void;
}

/** Fewer deletions than this within a minute are never held, unless nothing is left. */
const heldFrom = 100;
const windowMs = 60_000;

export function createDeletionGuard(dataset: string, nowMs: () => number): DeletionGuard {
  let isAccepted = false;
  let recent: { readonly atMs: number; readonly count: number }[] = [];
  return {
    obstacle(gone, recorded) {
      const since = nowMs() - windowMs;
      recent = recent.filter(({ atMs }) => atMs > since);
      const before = recent.reduce((sum, { count }) => sum + count, 0);
      const isEmptied = gone >= 2 && gone >= recorded;
      const isMost = gone + before >= heldFrom && (gone + before) * 2 > recorded + before;
      if (!isAccepted && (isEmptied || isMost)) {
        const text = `${gone} of ${recorded} entries of dataset ${dataset} are gone from the disk at once.`;
        return new SyncError('USYNC-1702', text, { facts: { gone, recorded } });
      }
      if (gone > 0) {
        isAccepted = false;
        recent.push({ atMs: nowMs(), count: gone });
      }
      return null;
    },
    accept: () => {
      isAccepted = true;
    },
  };
}
