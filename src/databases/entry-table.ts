/**
 * The contract of a folder dataset's state: a database of its own in the data folder. Its table of entries is replicated
 * by the same engine as any other table; this is the application's side of it. Beside it stands what only this server
 * knows: what is on its disk, which chunks its contents have, what was replaced or deleted.
 *
 * 1. Calls are synchronous and short. Whatever is written outside `atomically` is a transaction of its own.
 * 2. What is committed survives power loss.
 * 3. `pending` names every path whose rows changed, by merging or by `mark`, until `settled` says that nothing is left
 *    to do there. It survives a restart.
 */
import type { Entry, EntryVersion } from '../core/entry.js';

export interface EntryTable {
  /** All or nothing. Merges of the replica wait meanwhile. */
  atomically<T>(work: () => T): T;
  readonly rows: EntryRows;
  readonly disk: DiskRecords;
  readonly contents: ContentRecords;
  readonly history: HistoryRecords;
  readonly conflicts: ConflictLog;
  /** A value that this server keeps for itself. */
  value(name: string): string | null;
  setValue(name: string, value: string): void;
  close(): void;
}

/** The rows that all servers share. */
export interface EntryRows {
  at(path: string): Entry[];
  /** Directly in a folder, by path; "" is the root. */
  in(folder: string, max: number): Entry[];
  /** Files by path, the next ones after `path`. */
  filesAfter(path: string, max: number): Entry[];
  isPending(path: string): boolean;
  /** Every path once, in order, the next ones after `path`. */
  pathsAfter(path: string, max: number): string[];
  /** Whether any entry stands below the path. */
  isBelow(path: string): boolean;
  /** Paths that have a row of this version. */
  holding(version: EntryVersion): string[];
  /** Does nothing when the path has a row of this version. */
  insert(entry: Entry): void;
  end(path: string, version: EntryVersion): void;
  setAttributes(path: string, version: EntryVersion, attributes: AgedAttributes): void;
  /** Conflict copies that stand, by path. */
  copies(max: number): Entry[];
  counts(): { readonly entries: number; readonly bytes: number };
  /** In the order of their sequences; those after `after`. */
  pending(max: number, after?: number): PendingPath[];
  /** The greatest sequence so far; 0 when nothing is pending. */
  lastPending(): number;
  pendingCount(): number;
  mark(path: string): void;
  /** Marks every path at which a row and what is recorded of the disk are not of one version. */
  markDiffering(): void;
  /** Paths that have a row, and neither anything on disk nor a mark. */
  unplaced(): string[];
  /** Unless the path was marked again meanwhile. */
  settled(pending: readonly PendingPath[]): void;
  /** Rows written inside do not mark their paths: the caller knows that they are true on disk. */
  unmarked<T>(work: () => T): T;
}

export interface Attributes {
  readonly mode: number;
  readonly mtime: number;
}

export interface AgedAttributes extends Attributes {
  readonly modeAge: number;
}

export interface PendingPath {
  readonly path: string;
  readonly sequence: number;
}

/** What was last seen or placed on the disk of this server. */
export interface DiskRecord extends AgedAttributes {
  readonly path: string;
  readonly version: EntryVersion;
  readonly size: number;
  /** What the system tells of the file; while it is the same, the content is. Empty: look again. */
  readonly mark: string;
  /** A folder without a row, which stands only for what is left out of the dataset inside it. */
  readonly isKept: boolean;
}

export interface Intended {
  readonly path: string;
  readonly version: EntryVersion;
}

export interface DiskRecords {
  at(path: string): DiskRecord | null;
  /** Records directly in a folder; "" is the root. */
  in(folder: string): DiskRecord[];
  /** Folders in which something is recorded and which are not recorded themselves: nobody looks there otherwise. */
  foldersGone(): string[];
  put(record: DiskRecord): void;
  remove(path: string): void;
  /** The records of a folder and of all below it take its new name. */
  moveFolder(from: string, to: string): void;
  /** Paths where this version stands. */
  holding(version: EntryVersion): string[];
  /** The same of many versions; those that stand nowhere are not in it. */
  holdingAny(versions: readonly EntryVersion[]): ReadonlyMap<EntryVersion, readonly string[]>;
  count(): number;
  /** What is about to be put on disk, so that after a crash it is not taken for an edit. */
  intend(placing: readonly Intended[]): void;
  intended(): Intended[];
  forgetIntended(paths: readonly string[]): void;
}

export interface ContentRecords {
  putList(version: EntryVersion, list: Uint8Array): void;
  list(version: EntryVersion): Uint8Array | null;
  /** Contents that hold a chunk whose hash begins so, with its number in their list. */
  holdingChunk(prefix: bigint): { readonly version: EntryVersion; readonly number: number }[];
  /** Forgets lists of versions that stand nowhere any more. */
  prune(): void;
}

export interface HistoryRecord extends Attributes {
  readonly id: number;
  readonly path: string;
  readonly version: EntryVersion;
  readonly size: number;
  /** Name of the file in the history folder. */
  readonly file: string;
  readonly reason: 'replaced' | 'deleted';
  readonly atMs: number;
}

/** `kept`: for a conflict copy, which is about to stand beside what replaces the file. */
export type KeptReason = HistoryRecord['reason'] | 'kept';

export interface HistoryRecords {
  add(record: Omit<HistoryRecord, 'id' | 'reason'> & { readonly reason: KeptReason }): void;
  /** Newest first; of one path or of all. What is kept for a conflict copy is told of when it was replaced. */
  list(request: { readonly path?: string; readonly max: number }): HistoryRecord[];
  count(): number;
  /** Names of all files that have a record. */
  files(): ReadonlySet<string>;
  byId(id: number): HistoryRecord | null;
  holding(version: EntryVersion): HistoryRecord[];
  /** Which of these versions it holds. */
  holdingAny(versions: readonly EntryVersion[]): ReadonlySet<EntryVersion>;
  /** What exceeds the bounds, or was kept for a copy that stands by now, oldest first; never the content of an entry that stands nowhere on this disk. */
  excess(bounds: HistoryBounds): HistoryRecord[];
  remove(id: number): void;
}

export interface HistoryBounds {
  readonly olderThanMs: number;
  readonly versionsMax: number;
  readonly bytesMax: number;
}

/** An edit that lost its name. */
export interface FileConflict {
  /** Where its conflict copy stands, or stood. */
  readonly path: string;
  readonly version: EntryVersion;
  readonly copyOf: string;
  readonly author: string;
  /** When what lost was written. */
  readonly time: number;
  /** When this server heard of it. */
  readonly noticedMs: number;
  /** When its copy went: put back, renamed, edited or deleted. Null: it stands. */
  readonly settledMs: number | null;
}

/** Every conflict copy that this server heard of. It follows the entries by itself. */
export interface ConflictLog {
  /** Those that stand first, then the newest. */
  list(max: number): FileConflict[];
  /** The number of the newest; 0 when there is none. */
  last(): number;
  /** How many came after the one of this number. */
  countAfter(last: number): number;
  /** Of those that are settled. Returns how many. */
  forgetBefore(noticedMs: number): number;
  /** Keeps so many of those that are settled, the newest. */
  forgetBeyond(max: number): void;
  /** How many have been forgotten so far. */
  forgotten(): number;
}
