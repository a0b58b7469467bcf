import type { SyncError } from '../core/sync-error.js';
import type { ConflictLog } from '../databases/entry-table.js';

/** What people should hear of a folder as it happens. */
export type FolderNews =
  | { readonly kind: 'conflicts'; readonly count: number }
  /** A guard holds deletions, or nothing can be done in the folder. */
  | { readonly kind: 'stopped'; readonly code: string; readonly text: string; readonly nextStep: string }
  | { readonly kind: 'goes-on' };

export interface NewsTeller {
  /** After each round, with what stops the folder now. Tells what was not told yet. */
  tell(problem: SyncError | null): void;
}

export function createNewsTeller(conflicts: ConflictLog, onNews: (news: FolderNews) => void): NewsTeller {
  let lastConflict = conflicts.last();
  let lastText: string | null = null;
  return {
    tell(problem) {
      const count = conflicts.countAfter(lastConflict);
      lastConflict = conflicts.last();
      if (count > 0) onNews({ kind: 'conflicts', count });
      const text = problem?.message ?? null;
      if (text === lastText) return;
      lastText = text;
      if (problem === null) onNews({ kind: 'goes-on' });
      else onNews({ kind: 'stopped', code: problem.code, text: problem.message, nextStep: problem.nextStep });
    },
  };
}
