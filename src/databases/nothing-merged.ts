import type { MergeOutcome } from './replica.js';

/** What a merge has come to that has not begun. */
export const nothingMerged: Omit<MergeOutcome, 'vector'> = {
  merged: 0,
  covered: 0,
  rows: 0,
  conflicts: 0,
  quarantined: 0,
  hasGap: false,
  forks: [],
};
