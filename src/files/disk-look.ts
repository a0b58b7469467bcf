import type { DiskRecord } from '../databases/entry-table.js';
import { codeOf, type Disk, type FileStats, diskErrorText } from '../system/disk.js';
import { parentOf } from './entry-path.js';
import type { RootFolder } from './root-folder.js';

/** What stands at a path, without its content. */
export type DiskLook =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'folder'; readonly mode: number; readonly mark: string; readonly mtime: number }
  | { readonly kind: 'link'; readonly target: string; readonly mark: string; readonly mtime: number }
  | FileLook
  /** A device, a socket, a pipe. */
  | { readonly kind: 'special'; readonly what: string }
  /** It cannot be told what stands there: nothing may be concluded from it. */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface FileLook {
  readonly kind: 'file';
  readonly size: number;
  readonly mode: number;
  readonly mark: string;
  readonly mtime: number;
  /** The later of the times of content and of attributes, in milliseconds. */
  readonly changedMs: number;
}

/** Looks without following a link. Never throws for what a disk can hold. */
export function lookAt(disk: Disk, place: string): DiskLook {
  try {
    const stats = disk.look(place);
    if (stats === null) return { kind: 'nothing' };
    if (stats.isSymbolicLink()) {
      return { kind: 'link', target: disk.readLink(place), mark: markOf(stats), mtime: microseconds(stats) };
    }
    return lookOf(stats);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'nothing' };
    return { kind: 'unknown', reason: diskErrorText(error) };
  }
}

/** Whether what stands at a path of the folder is as recorded; what cannot be reached is not. */
export function standsAsRecorded(root: RootFolder, path: string, record: DiskRecord | null): boolean {
  return (
    isFolderThere(root, parentOf(path)) && root.at(path, (place) => isAsRecorded(lookAt(root.disk, place), record))
  );
}

export function isFolderThere(root: RootFolder, folder: string): boolean {
  try {
    return root.inFolder(folder, () => true);
  } catch {
    return false;
  }
}

/** A file that nobody may read: 0 is the mode that is not known. Whoever sets it sets its permission bits alone, which are none. */
const noPermissions = 0o1000;

/** The same from the stats of an open file. */
export function lookOf(stats: FileStats): DiskLook {
  const mtime = microseconds(stats);
  const mode = Number(stats.mode & 0o777n);
  if (stats.isDirectory()) return { kind: 'folder', mode, mark: `d ${mode} ${stats.ino}`, mtime };
  if (!stats.isFile()) return { kind: 'special', what: specialName(stats) };
  const changedMs = Number((stats.mtimeNs > stats.ctimeNs ? stats.mtimeNs : stats.ctimeNs) / 1_000_000n);
  const known = mode === 0 ? noPermissions : mode;
  return { kind: 'file', size: Number(stats.size), mode: known, mark: markOf(stats), mtime, changedMs };
}

const microseconds = ({ mtimeNs }: FileStats): number => timeInRange(Number(mtimeNs / 1000n));

/** From 1970 to 2255: what lies outside is told as the nearest of these, so that every disk can hold it. */
export const timeInRange = (mtime: number): number => Math.min(Math.max(mtime, 0), Number.MAX_SAFE_INTEGER);

/** Times alone can be set at will: the inode and its change time cannot. */
const markOf = ({ size, mtimeNs, ctimeNs, ino, mode }: FileStats): string =>
  `${size} ${mtimeNs} ${ctimeNs} ${ino} ${mode & 0o777n}`;

/** Whether what stands there is what the record says; then its content needs no second look. */
export function isAsRecorded(look: DiskLook, record: DiskRecord | null): boolean {
  if (record === null) return look.kind === 'nothing';
  return 'mark' in look && look.mark === record.mark && record.mark !== '';
}

/** Whether two marks are of one folder, whatever its mode is. */
export const isSameFolder = (mark: string, other: string): boolean => mark.split(' ')[2] === other.split(' ')[2];

/** The same of a file that was recorded, whatever was done to its names since. */
export const isStillRecorded = (look: DiskLook, { mark }: DiskRecord): boolean =>
  'mark' in look && isUnchanged({ ...look, mark }, look);

/** The same file, into which nobody wrote meanwhile and whose mode nobody changed, whatever was done to its names. */
export function isUnchanged(before: DiskLook, after: DiskLook): boolean {
  if (before.kind !== after.kind || !('mark' in before) || !('mark' in after)) return false;
  const [p, q] = [before.mark.split(' '), after.mark.split(' ')];
  return [0, 1, 3, 4].every((part) => p[part] === q[part]);
}

const specialName = (stats: FileStats): string => (stats.isSocket() ? 'socket' : stats.isFIFO() ? 'pipe' : 'device');
