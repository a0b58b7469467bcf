/** What the disk's side of a folder does, and what it is made of. */
import type { ContentPeers, ContentRequest } from '../core/content-request.js';
import type { Entry } from '../core/entry.js';
import type { EntryTable, FileConflict, HistoryRecord } from '../databases/entry-table.js';
import type { FileContent, FileRequest, FolderEntries, FolderStatus, WaitingEntry } from '../databases/folder-calls.js';
import type { Disk } from '../system/disk.js';
import type { HashAside } from '../system/hash-aside.js';
import type { System } from '../system/system.js';
import type { FolderNews } from './folder-news.js';
import type { MetEntries } from './met-entries.js';
import type { ProtectedPaths } from './protected-files.js';
import type { TellWork } from './scan-work.js';

export interface FolderSide {
  /**
   * Opens the folder and starts to work. Where it is missing or must not be touched (`USYNC-1700`, `USYNC-1701`), `status` says
   * so, and it is tried again.
   */
  open(): Promise<void>;
  /** Merging may have changed the table. */
  onTable(): void;
  /** Looks at everything that is dirty by now and places what can be placed. Rejects with what stops the folder. */
  settle(): Promise<void>;
  /** Looks at everything, hints or not. */
  rescan(): Promise<void>;
  meet(chunk: Uint8Array): MetEntries;
  read(requests: readonly ContentRequest[]): readonly (Uint8Array | null)[];
  status(): FolderStatus;
  waiting(max: number): readonly WaitingEntry[];
  /** What takes no part: first for reasons of its own, then by the ignore rules. */
  leftOut(max: number): readonly WaitingEntry[];
  unportable(max: number): readonly WaitingEntry[];
  /** What is missing while its deletions are held, by path. */
  missing(max: number): readonly string[];
  copies(max: number): readonly Entry[];
  conflicts(max: number): readonly FileConflict[];
  forgetConflicts(noticedBeforeMs: number): number;
  conflictsForgotten(): number;
  history(request: { readonly path?: string; readonly max: number }): readonly HistoryRecord[];
  /** Puts a file of the history back at its path, as an edit of this server. Rejects with `USYNC-1704`. */
  restore(id: number): Promise<HistoryRecord>;
  /** Gives a conflict copy the name that it lost, as an edit of this server. Rejects with `USYNC-1800` or `USYNC-1801`. */
  restoreCopy(path: string): Promise<void>;
  /** A person says that what is missing is meant to be gone, and that this is the folder. */
  accept(): Promise<boolean>;
  /** A person says that what is held as missing is to come back. Resolves with how many entries that are. */
  putBack(): Promise<number>;
  entries(folder: string, max: number): FolderEntries;
  files(request: { readonly after: string; readonly max: number }): readonly Entry[];
  content(request: FileRequest): FileContent;
  write(path: string, bytes: Uint8Array): Promise<string>;
  remove(path: string): Promise<void>;
  close(): Promise<void>;
}

export interface FolderSideOptions {
  readonly dataset: string;
  readonly path: string;
  readonly author: string;
  readonly ignore: readonly string[];
  readonly protectedPaths: ProtectedPaths;
  readonly history: { readonly daysMax: number; readonly versionsMax: number; readonly bytesMax: number };
  readonly settleMs: number;
  readonly rescanMs: number;
  readonly table: EntryTable;
  readonly peers: ContentPeers;
  readonly system: System;
  readonly disk: Disk;
  readonly hashAside: HashAside;
  /** Entries were captured. */
  readonly onCaptured: () => void;
  /** Told of conflicts, and of what stops the folder, as it happens. Absent: nobody asks. */
  readonly onNews?: (news: FolderNews) => void;
  /** Told how far a long look is, and null at its end. Absent: nothing is counted for that. */
  readonly onWork?: TellWork;
}
