/**
 * The only door to the disk of a synced folder. Real in a server; in the simulation of folders a file system in memory
 * that can lose power between any two calls. Calls mean what POSIX says of them and throw errors with its codes
 * (`code`: `ENOENT`, `EEXIST`, `ENOSPC`). All but `syncContent` are synchronous: between two of them only other processes
 * act.
 */
import type { BigIntStats } from 'node:fs';
import { errorMessageOf } from '../core/sync-error.js';

export type FileStats = Pick<
  BigIntStats,
  | 'dev'
  | 'ino'
  | 'mode'
  | 'nlink'
  | 'size'
  | 'mtimeNs'
  | 'ctimeNs'
  | 'isFile'
  | 'isDirectory'
  | 'isSymbolicLink'
  | 'isSocket'
  | 'isFIFO'
>;

export interface Disk {
  /** Flags are those of `constants` in `node:fs`. A folder can be opened for reading. */
  open(path: string, flags: number, mode?: number): number;
  /**
   * Opens a file of one's own for reading that its mode forbids to read, by giving its owner that right; with how it was
   * before. Throws `EACCES` where the system knows no way to that.
   */
  openOwn(path: string): { readonly handle: number; readonly before: FileStats };
  close(handle: number): void;
  /** Fills `bytes` from this place of the file; how many bytes came. */
  read(handle: number, bytes: Uint8Array, offset: number): number;
  write(handle: number, bytes: Uint8Array, offset: number): number;
  truncate(handle: number, size: number): void;
  /** Makes content and attributes of a file, or the names in a folder, survive a power loss. */
  sync(handle: number): void;
  /** The same, beside the work of this thread. */
  syncContent(handle: number): Promise<void>;
  statsOf(handle: number): FileStats;
  setMode(handle: number, mode: number): void;
  /** Both times, in seconds since 1970. */
  setTimes(handle: number, seconds: number): void;

  /** Null where nothing is. The last name is not followed when it is a link. */
  look(path: string): FileStats | null;
  /** As `look`; a link is followed. */
  lookThrough(path: string): FileStats | null;
  readLink(path: string): string;
  /** As bytes: a name need not be UTF-8. */
  namesIn(path: string): Buffer[];
  realPath(path: string): string;
  makeFolder(path: string, mode?: number): void;
  setModeAt(path: string, mode: number): void;
  removeFolder(path: string): void;
  makeLink(target: string, path: string): void;
  /** A second name of one file. */
  linkFile(from: string, to: string): void;
  /** To a new file; shares the blocks where the file system can. */
  copyFile(from: string, to: string): void;
  rename(from: string, to: string): void;
  /** Removes the name of a file or link. */
  removeFile(path: string): void;
  space(path: string): { readonly free: number; readonly total: number };

  /** A path of what is open, whatever becomes of its name. Only where `hasHandlePaths` says so. */
  handlePath(handle: number): string;
  hasHandlePaths(handle: number): boolean;
  /** Hints that something in a folder may have changed. The returned function ends them. */
  watch(path: string, listener: WatchListener): () => void;
}

export interface WatchListener {
  onHint(name: string | null): void;
  onEnd(): void;
}

export const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;

/** No room, or none for this user. */
export const isDiskFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '');

/** Paths of what is open mean nothing to people. */
const handlePlace = /\/proc\/self\/fd\/\d+\/?/g;

/** What a disk refused, in words, with what the system says of it. */
export function diskErrorText(error: unknown): string {
  const text = errorMessageOf(error).replaceAll(handlePlace, '');
  const words = isDiskFull(error) ? 'the disk has no room' : refusals.get(codeOf(error) ?? '');
  return words === undefined ? text : `${words} (${text})`;
}

const refusals: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'the user of this process may not do that'],
  ['EPERM', 'the user of this process may not do that'],
  ['EROFS', 'the disk can only be read'],
  ['EIO', 'the disk has a fault'],
  ['ENAMETOOLONG', 'the name is too long for this disk'],
]);
