/**
 * What a replica of a folder dataset answers besides the calls of every replica: about the disk, not about the table.
 *
 * 1. `read` gives bytes as they stand: whoever asks checks them.
 * 2. `accept`, `putBack` and `restore` are decisions of a person; what they do is an edit like any other.
 */
import type { ContentRequest } from '../core/content-request.js';
import type { Entry } from '../core/entry.js';
import type { FileConflict, HistoryRecord } from './entry-table.js';

export interface FolderCalls {
  read(requests: readonly ContentRequest[]): Promise<readonly (Uint8Array | null)[]>;
  status(): Promise<FolderStatus>;
  /** Entries that cannot be read or placed, each with its reason. */
  waiting(max: number): Promise<readonly WaitingEntry[]>;
  /** What takes no part, with the reason: first what nobody asked to leave out, then what the ignore rules name. */
  leftOut(max: number): Promise<readonly WaitingEntry[]>;
  /** Names of the dataset that other systems cannot hold, or not beside each other. */
  unportable(max: number): Promise<readonly WaitingEntry[]>;
  /** What is missing from the disk while a guard holds its deletions, by path. */
  missing(max: number): Promise<readonly string[]>;
  /** Conflict copies that stand. */
  copies(max: number): Promise<readonly Entry[]>;
  /** Every conflict copy that this server heard of: those that stand first, then the newest. */
  conflicts(max: number): Promise<readonly FileConflict[]>;
  /** Of those that are settled, what this server found before a time. Resolves with how many. */
  forgetConflicts(noticedBeforeMs: number): Promise<number>;
  /** How many have been forgotten so far. */
  conflictsForgotten(): Promise<number>;
  history(request: { readonly path?: string; readonly max: number }): Promise<readonly HistoryRecord[]>;
  /** Puts a file of the history back at its path; what stands there goes to the history. Throws `USYNC-1704`. */
  restore(id: number): Promise<HistoryRecord>;
  /** Gives a conflict copy the name that it lost; what has the name goes to the history. Throws `USYNC-1800` or `USYNC-1801`. */
  restoreCopy(path: string): Promise<void>;
  /**
   * What is missing is meant to be gone, and this is the folder. False, and nothing done, when no guard has stopped it: an
   * answer without a question would let the next loss pass.
   */
  accept(): Promise<boolean>;
  /** What is held as missing comes back, from peers or the history. Resolves with how many entries that are. */
  putBack(): Promise<number>;
  /** What stands directly in a folder, by the table; "" is the root. */
  entries(folder: string, max: number): Promise<FolderEntries>;
  /** Files by path, the next ones after `after`. */
  files(request: { readonly after: string; readonly max: number }): Promise<readonly Entry[]>;
  /** A piece of a file as it stands on disk. Throws `USYNC-1908` or `USYNC-1907`. */
  content(request: FileRequest): Promise<FileContent>;
  /**
   * Writes a whole file, as an application beside this server would; what it replaces goes to the history. Resolves with its
   * SHA-256. Rejects with `USYNC-1907`, `USYNC-1207`, or `USYNC-1801` while another writes into the file.
   */
  write(path: string, bytes: Uint8Array): Promise<string>;
  /** Deletes a file; it goes to the history. Rejects with `USYNC-1908`, `USYNC-1907` or `USYNC-1801`. */
  remove(path: string): Promise<void>;
}

export interface FolderEntries {
  readonly entries: readonly FolderEntry[];
  readonly isComplete: boolean;
}

export interface FolderEntry extends Entry {
  /** `pending`: not yet on disk as the table says. `waiting`: it cannot be, for `reason`. */
  readonly state: 'placed' | 'pending' | 'waiting';
  readonly reason: string | null;
}

export interface FileRequest {
  readonly path: string;
  readonly offset: number;
  readonly bytesMax: number;
}

export interface FileContent {
  readonly bytes: Uint8Array;
  /** Of the whole file. */
  readonly size: number;
  readonly modifiedMs: number;
  /** Changes when the file does: pieces with different marks do not belong together. */
  readonly mark: string;
}

export interface FolderStatus {
  readonly entries: number;
  readonly bytes: number;
  /** Paths that are not yet on disk as the table says. */
  readonly pending: number;
  /** Paths that changed on disk a moment ago and are not in the table yet, since their writer may not be done. */
  readonly unsettled: number;
  /** A look at the disk takes longer than a moment: the table does not say yet what it will find. */
  readonly isReading: boolean;
  readonly waiting: number;
  /** What takes no part and is named by no ignore rule. */
  readonly leftOut: number;
  /** Folders that the system allows no watch for: what changes in them is found by looking, twice a minute. */
  readonly unwatched: number;
  /** What stops the whole folder, or holds its deletions. */
  readonly problem: { readonly code: string; readonly text: string } | null;
}

export interface WaitingEntry {
  readonly path: string;
  readonly reason: string;
}
