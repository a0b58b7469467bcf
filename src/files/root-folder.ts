/**
 * The one door to a synced folder. A path is walked name by name from an open handle of the root, and no link is ever
 * followed on the way, so that neither a hostile path nor a folder that somebody swaps for a link meanwhile leads outside.
 */
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SyncError } from '../core/sync-error.js';
import { nameOf, parentOf } from './entry-path.js';

export interface RootFolder {
  readonly realPath: string;
  /**
   * Runs `work` with a path by which the folder can be used while it runs: `place('')` is the folder itself, `place(name)`
   * something in it. Throws ENOENT, ENOTDIR or ELOOP where `folder` is no folder inside the root.
   */
  inFolder<T>(folder: string, work: (place: Place) => T): T;
  /** The same for the folder in which `path` stands. */
  at<T>(path: string, work: (place: string) => T): T;
  /** Whether another folder stands at the root's place than the one that was opened: unmounted, moved, replaced. */
  isReplaced(): boolean;
  close(): void;
}

export type Place = (name: string) => string;

/** Throws `USYNC-1700` when there is no folder. */
export function openRootFolder(path: string): RootFolder {
  const realPath = realPathOf(path);
  const root = openSync(realPath, constants.O_RDONLY | constants.O_DIRECTORY);
  const walk = hasHandlePaths(root) ? walkByHandles : walkByNames;
  let isOpen = true;
  const inFolder = <T>(folder: string, work: (place: Place) => T): T => {
    // The number of a closed handle may name another file by now.
    if (!isOpen) throw new SyncError('USYNC-1002', `The folder ${realPath} is closed.`);
    return walk({ root, realPath, folder }, work);
  };
  return {
    realPath,
    inFolder,
    at: (entry, work) => inFolder(parentOf(entry), (place) => work(place(nameOf(entry)))),
    isReplaced() {
      const opened = fstatSync(root);
      const found = statSync(realPath, { throwIfNoEntry: false });
      return found?.ino !== opened.ino || found.dev !== opened.dev;
    },
    close() {
      if (isOpen) closeSync(root);
      isOpen = false;
    },
  };
}

function realPathOf(path: string): string {
  try {
    const realPath = realpathSync(path);
    if (statSync(realPath).isDirectory()) return realPath;
  } catch (cause) {
    throw new SyncError('USYNC-1700', `The folder ${path} cannot be opened.`, { facts: { path }, cause });
  }
  throw new SyncError('USYNC-1700', `${path} is not a folder.`, { facts: { path } });
}

const handlePath = (handle: number): string => `/proc/self/fd/${handle}`;

const hasHandlePaths = (handle: number): boolean =>
  process.platform === 'linux' && existsSync(`${handlePath(handle)}/.`);

interface Walk {
  readonly root: number;
  readonly realPath: string;
  readonly folder: string;
}

function walkByHandles<T>({ root, folder }: Walk, work: (place: Place) => T): T {
  let handle = root;
  try {
    for (const name of folder === '' ? [] : folder.split('/')) {
      const next = openSync(`${handlePath(handle)}/${name}`, folderFlags);
      if (handle !== root) closeSync(handle);
      handle = next;
    }
    const place = handlePath(handle);
    return work((name) => (name === '' ? place : `${place}/${name}`));
  } finally {
    if (handle !== root) closeSync(handle);
  }
}

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Where handles have no paths: every name on the way is looked at, which leaves a moment between look and use. */
function walkByNames<T>({ realPath, folder }: Walk, work: (place: Place) => T): T {
  let place = realPath;
  for (const name of folder === '' ? [] : folder.split('/')) {
    place = join(place, name);
    if (!lstatSync(place).isDirectory())
      throw Object.assign(new Error(`ENOTDIR: not a folder, '${place}'`), { code: 'ENOTDIR' });
  }
  return work((name) => (name === '' ? place : join(place, name)));
}
