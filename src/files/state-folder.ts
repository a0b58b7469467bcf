/** What Universal Sync keeps inside a synced folder: its mark, files on their way, and what was replaced or deleted. */
import { constants } from 'node:fs';
import { SyncError } from '../core/sync-error.js';
import { codeOf } from '../system/disk.js';
import { nameOf, parentOf, stateFolder } from './entry-path.js';
import type { RootFolder } from './root-folder.js';
import { readText, removeIfThere, writeAll } from './whole-file.js';

/** Files of one name each; temporary ones are named by their version, so that a cut transfer goes on where it was. */
export const temporaryFolder = `${stateFolder}/temporary`;
export const historyFolder = `${stateFolder}/history`;
const markPath = `${stateFolder}/id`;
const markBytesMax = 1024;

/** Makes the folders that are missing. */
export function prepareStateFolder(root: RootFolder): void {
  for (const path of [stateFolder, temporaryFolder, historyFolder]) {
    try {
      root.at(path, (place) => root.disk.makeFolder(place, 0o700));
      syncFolder(root, parentOf(path));
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

/** Makes again what somebody removed while the folder is in use: its mark is looked at elsewhere, and is not made again. */
export function mendStateFolder(root: RootFolder): void {
  root.inFolder(stateFolder, (place) => {
    const isWhole = [temporaryFolder, historyFolder].every((path) => root.disk.look(place(nameOf(path))) !== null);
    if (!isWhole) prepareStateFolder(root);
  });
}

/** The id that this folder was given; null when it has none. */
export function readFolderId(root: RootFolder): string | null {
  try {
    return root.at(markPath, (place) => readText(root.disk, place, markBytesMax).trim());
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return null;
    throw new SyncError('USYNC-1700', `The folder ${root.realPath} cannot be read.`, { cause: error });
  }
}

export function writeFolderId(root: RootFolder, id: string): void {
  root.at(markPath, (place) => {
    const { disk } = root;
    removeIfThere(disk, place);
    const handle = disk.open(place, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    writeAll(disk, handle, { bytes: Buffer.from(`${id}\n`), offset: 0 });
    disk.sync(handle);
    disk.close(handle);
  });
  syncFolder(root, stateFolder);
}

export const namesInFolder = (root: RootFolder, folder: string): string[] =>
  root.inFolder(folder, (place) => root.disk.namesIn(place('')).map(String));

/** Makes renames in a folder survive power loss. A folder that is gone by now needs none. */
export function syncFolder(root: RootFolder, folder: string): void {
  try {
    root.inFolder(folder, (place) => {
      const handle = root.disk.open(place(''), constants.O_RDONLY);
      try {
        root.disk.sync(handle);
      } finally {
        root.disk.close(handle);
      }
    });
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '')) throw error;
  }
}

/** For what the next start looks at again: what cannot be removed now stays until then. */
export function removeQuietly(root: RootFolder, path: string): void {
  try {
    root.at(path, (place) => removeIfThere(root.disk, place));
  } catch {
    // See above.
  }
}
