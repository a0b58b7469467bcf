/**
 * The one door to a synced folder. A path is walked name by name from an open handle of the root, and no link is ever
 * followed on the way, so that neither a hostile path nor a folder that somebody swaps for a link meanwhile leads outside.
 */
import { constants } from 'node:fs';
import { join } from 'node:path';
import { SyncError } from '../core/sync-error.js';
import type { Disk } from '../system/disk.js';
import { nameOf, parentOf } from './entry-path.js';

export interface RootFolder {
  readonly disk: Disk;
  readonly realPath: string;
  /**
   * Runs `work` with a path by which the folder can be used while it runs: `place('')` is the folder itself, `place(name)`
   * something in it. Throws ENOENT, ENOTDIR or ELOOP where `folder` is no folder inside the root.
   */
  inFolder<T>(folder: string, work: (place: Place) => T): T;
  /** The same for the folder in which `path` stands. */
  at<T>(path: string, work: (place: string) => T): T;
  /**
   * While `work` runs, folders that were walked to stay open: many entries of a few folders cost a few walks. A folder
   * that somebody moves meanwhile is still the one that was found, as if it had been moved a moment later. `work` must
   * not wait for anything.
   */
  together<T>(work: () => T): T;
  /** Keeps a folder open. It stays the one that was found, whatever becomes of its name. Throws as `inFolder` does. */
  hold(folder: string): HeldFolder;
  /** Whether another folder stands at the root's place than the one that was opened: unmounted, moved, replaced. */
  isReplaced(): boolean;
  close(): void;
}

export interface HeldFolder {
  /** Throws where the root is closed. */
  place(name: string): string;
  close(): void;
}

export type Place = (name: string) => string;

/** Throws `USYNC-1700` when there is no folder. */
export function openRootFolder(disk: Disk, path: string): RootFolder {
  const realPath = realPathOf(disk, path);
  const root = disk.open(realPath, constants.O_RDONLY | constants.O_DIRECTORY);
  const hasHandlePaths = disk.hasHandlePaths(root);
  const walk = hasHandlePaths ? walkByHandles : walkByNames;
  let isOpen = true;
  let held: HeldFolders | null = null;
  const inFolder = <T>(folder: string, work: (place: Place) => T): T => {
    // The number of a closed handle may name another file by now.
    if (!isOpen) throw new SyncError('USYNC-1002', `The folder ${realPath} is closed.`);
    const place = held?.placeOf(folder) ?? null;
    return place === null ? walk({ disk, root, realPath, folder }, work) : work(placesIn(place));
  };
  return {
    disk,
    realPath,
    inFolder,
    at: (entry, work) => inFolder(parentOf(entry), (place) => work(place(nameOf(entry)))),
    together(work) {
      if (held !== null || !hasHandlePaths) return work();
      held = holdFolders(disk, root);
      try {
        return work();
      } finally {
        held.release();
        held = null;
      }
    },
    hold(folder) {
      if (!hasHandlePaths) return { place: (name) => inFolder(folder, (place) => place(name)), close: () => undefined };
      const handle = inFolder(folder, (place) => disk.open(place(''), folderFlags & ~constants.O_NOFOLLOW));
      const place = placesIn(disk.handlePath(handle));
      return {
        place: (name) => (isOpen ? place(name) : inFolder(folder, (inside) => inside(name))),
        close: () => disk.close(handle),
      };
    },
    isReplaced() {
      const opened = disk.statsOf(root);
      const found = disk.lookThrough(realPath);
      return found?.ino !== opened.ino || found.dev !== opened.dev;
    },
    close() {
      if (isOpen) disk.close(root);
      isOpen = false;
    },
  };
}

function realPathOf(disk: Disk, path: string): string {
  try {
    const realPath = disk.realPath(path);
    if (disk.lookThrough(realPath)?.isDirectory() === true) return realPath;
  } catch (cause) {
    throw new SyncError('USYNC-1700', `The folder ${path} cannot be opened.`, { facts: { path }, cause });
  }
  throw new SyncError('USYNC-1700', `${path} is not a folder.`, { facts: { path } });
}

interface Walk {
  readonly disk: Disk;
  readonly root: number;
  readonly realPath: string;
  readonly folder: string;
}

function walkByHandles<T>({ disk, root, folder }: Walk, work: (place: Place) => T): T {
  let handle = root;
  try {
    for (const name of folder === '' ? [] : folder.split('/')) {
      const next = disk.open(`${disk.handlePath(handle)}/${name}`, folderFlags);
      if (handle !== root) disk.close(handle);
      handle = next;
    }
    return work(placesIn(disk.handlePath(handle)));
  } finally {
    if (handle !== root) disk.close(handle);
  }
}

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

const placesIn =
  (folder: string): Place =>
  (name) =>
    name === '' ? folder : `${folder}/${name}`;

interface HeldFolders {
  /** Null where no more are held open. Throws as a walk does. */
  placeOf(folder: string): string | null;
  release(): void;
}

function holdFolders(disk: Disk, root: number): HeldFolders {
  const handles = new Map<string, number>([['', root]]);
  const hold = (folder: string): number | null => {
    const known = handles.get(folder);
    if (known !== undefined) return known;
    const parent = hold(parentOf(folder));
    if (parent === null || handles.size > heldMax) return null;
    const handle = disk.open(`${disk.handlePath(parent)}/${nameOf(folder)}`, folderFlags);
    handles.set(folder, handle);
    return handle;
  };
  return {
    placeOf(folder) {
      const handle = hold(folder);
      return handle === null ? null : disk.handlePath(handle);
    },
    release() {
      for (const handle of handles.values()) if (handle !== root) disk.close(handle);
    },
  };
}

const heldMax = 100;

/** Where handles have no paths: every name on the way is looked at, which leaves a moment between look and use. */
function walkByNames<T>({ disk, realPath, folder }: Walk, work: (place: Place) => T): T {
  let place = realPath;
  for (const name of folder === '' ? [] : folder.split('/')) {
    place = join(place, name);
    const look = disk.look(place);
    if (look?.isDirectory() === true) continue;
    const code = look === null ? 'ENOENT' : 'ENOTDIR';
    throw Object.assign(new Error(`${code}: no folder, '${place}'`), { code });
  }
  return work((name) => (name === '' ? place : join(place, name)));
}
