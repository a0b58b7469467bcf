/** What people look at and decide: the part of the engine behind `usync conflicts`, `quarantine`, `history`, `undo`. */
import type { EntryKind } from '../core/entry.js';
import type { ConflictRecord, QuarantineRecord, RowHistory, RowVersion, UndoStep } from '../databases/replica.js';
import type { WorkProgress } from './work-progress.js';

export interface DecisionCalls {
  /** What lost, newest first; without what was decided already, unless `withDecided`. */
  conflicts(request: ConflictsQuery): Promise<ConflictList>;
  /** Puts back what lost. `asked`: the server that wrote the row does it when it hears of it. */
  restoreConflict(id: string): Promise<RestoreReport>;
  /** Takes conflicts off the list, on every server. What lost stays in the log. Returns how many. */
  dismissConflicts(request: DismissRequest): Promise<{ readonly dismissed: number }>;
  /** Forgets conflicts that this server found before a time; other servers keep theirs. */
  forgetConflicts(foundBeforeMs: number): Promise<{ readonly forgotten: number }>;
  /** What is held back here, with what would free it. */
  quarantine(request: {
    readonly dataset?: string;
    readonly max: number;
    readonly idStart?: string;
  }): Promise<readonly QuarantineInfo[]>;
  /** Tries again to show everything that is held back. */
  retryHeld(): Promise<{ readonly held: number }>;
  /** Deletes a row that is held back, on every server. */
  dropHeld(id: string): Promise<QuarantineInfo>;
  /** What happened to one row, as far back as the journal goes. */
  rowHistory(request: HistoryQuery): Promise<RowHistoryInfo>;
  /** What happened to one path of a folder, to all below it, or to any, as far back as the journal goes. */
  pathHistory(request: PathQuery): Promise<PathHistory>;
  /**
   * Takes back what one server wrote since a time, or tells what that would change. One dataset after the other, each as a
   * whole: when the signal comes, the one under way stays as it was, too. Of databases: folders are left out, and to name
   * one throws `USYNC-1706`.
   */
  undo(request: UndoQuery, tools?: UndoTools): Promise<UndoReport>;
}

export interface ConflictsQuery {
  readonly dataset?: string;
  readonly max: number;
  readonly idStart?: string;
  readonly withDecided?: boolean;
}

export interface ConflictList {
  readonly conflicts: readonly ConflictInfo[];
  /** How many more there are than were asked for. */
  readonly more: number;
  /** How many this server has forgotten so far, by its bounds or because a person said so. */
  readonly forgotten: number;
}

export interface ConflictInfo extends Omit<ConflictRecord, 'lostOrigin' | 'keptOrigin'> {
  readonly dataset: string;
  /** Names of servers. */
  readonly lostBy: string;
  readonly keptBy: string | null;
  readonly decision: DecisionInfo | null;
}

/** `wanted`: waits for the server that knows the whole row. `refused`: it could not be put back; `why` says it. */
export type DecisionKind = 'restored' | 'dismissed' | 'wanted' | 'refused';

/** Whether a person still has to look at it. */
export const isOpen = (kind: DecisionInfo['kind'] | undefined): boolean => kind === undefined || kind === 'refused';

export interface DecisionInfo {
  /** `settled`: in the data itself, as by renaming or deleting a conflict copy. */
  readonly kind: DecisionKind | 'settled';
  /** The server where it was decided; null when only what came of it is known. */
  readonly by: string | null;
  readonly atMs: number;
  readonly why: string;
}

export interface DismissRequest {
  readonly dataset?: string;
  readonly ids?: readonly string[];
  /** All that are open. */
  readonly all?: boolean;
}

export interface RestoreReport {
  readonly kind: 'restored' | 'asked';
  /** How many rows changed; 0 when what lost stands already. */
  readonly rows: number;
  readonly conflict: ConflictInfo;
}

export interface QuarantineInfo extends Omit<QuarantineRecord, 'origin'> {
  readonly dataset: string;
  readonly writtenBy: string;
}

export interface HistoryQuery {
  readonly dataset?: string;
  readonly table: string;
  readonly key: readonly string[];
  readonly max: number;
}

export interface RowHistoryInfo extends Omit<RowHistory, 'versions'> {
  readonly dataset: string;
  readonly versions: readonly (Omit<RowVersion, 'origin'> & { readonly by: string })[];
}

export interface PathQuery {
  readonly dataset: string;
  /** From the root of the folder; absent: any. */
  readonly path?: string;
  readonly max: number;
}

export interface PathHistory {
  readonly dataset: string;
  readonly path: string | null;
  /** Newest first, by the stamps of the servers that wrote. */
  readonly events: readonly PathEvent[];
  /** False: more happened before, which was not asked for or which the journal no longer holds. */
  readonly isWhole: boolean;
}

export interface PathEvent {
  /** `attributes`: time or mode alone. `conflict`: an edit that lost the path `from` stands here as a conflict copy. */
  readonly kind: 'added' | 'changed' | 'moved' | 'deleted' | 'attributes' | 'conflict';
  readonly path: string;
  readonly entry: EntryKind;
  /** Where what was moved stood, or at which path a conflict copy lost. */
  readonly from: string | null;
  /** Name of the server; of a conflict copy the one whose edit it is. */
  readonly by: string;
  readonly atMs: number;
  readonly before: PathState | null;
  readonly now: PathState | null;
  /** What stood before is kept on this server: its number in the file history. */
  readonly keptAs: number | null;
}

/** Absent is what is not known, and of attributes what stayed. */
export interface PathState {
  readonly size?: number;
  readonly mode?: number;
  readonly modifiedMs?: number;
}

export interface UndoQuery {
  readonly dataset?: string;
  /** A name, an id, or the beginning of an id. */
  readonly server: string;
  readonly sinceMs: number;
  readonly isDryRun: boolean;
}

export interface UndoTools {
  readonly signal?: AbortSignal;
  /** After each dataset, with what was or would be done in it. */
  readonly onDataset?: (dataset: string, changes: number) => void;
  readonly onProgress?: (progress: WorkProgress) => void;
}

export interface UndoReport {
  readonly server: string;
  readonly steps: readonly (UndoStep & { readonly dataset: string })[];
  /** Datasets that were left as they were, since it was cancelled. */
  readonly notDone: readonly string[];
  /** Folders: their files are put back from the file history. */
  readonly leftOut: readonly string[];
}
