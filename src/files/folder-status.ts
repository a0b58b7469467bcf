/** How a folder stands, for people. */
import type { SyncError } from '../core/sync-error.js';
import type { EntryTable } from '../databases/entry-table.js';
import type { FolderStatus, WaitingEntry } from '../databases/folder-calls.js';
import type { FolderContext } from './folder-context.js';
import type { WaitingList } from './waiting-list.js';

export interface FolderLook {
  /** Null while the folder is not open. */
  readonly context: FolderContext | null;
  readonly unwatched: number;
  readonly unsettled: number;
  readonly isReading: boolean;
  readonly problem: SyncError | null;
}

export function folderStatus(
  table: EntryTable,
  { context, unwatched, unsettled, isReading, problem }: FolderLook,
): FolderStatus {
  return {
    ...table.rows.counts(),
    pending: table.rows.pendingCount(),
    unsettled,
    isReading,
    waiting: context?.waiting.count() ?? 0,
    leftOut: context?.leftOut.count() ?? 0,
    unwatched,
    problem: problem === null ? null : { code: problem.code, text: problem.message },
  };
}

/** What waits with a reason, then what is only not done yet. */
export function waitingEntries(table: EntryTable, waiting: WaitingList | null, max: number): readonly WaitingEntry[] {
  const reasoned = waiting?.list(max) ?? [];
  const told = new Set(reasoned.map(({ path }) => path));
  const others = table.rows.pending(max).filter(({ path }) => !told.has(path));
  return [...reasoned, ...others.map(({ path }) => ({ path, reason: 'it is on its way' }))].slice(0, max);
}

/** What nobody asked for comes first. */
export function leftOutEntries({ leftOut, ignored }: FolderContext, max: number): readonly WaitingEntry[] {
  const unasked = leftOut.list(max);
  return [...unasked, ...ignored.list(max - unasked.length)];
}
