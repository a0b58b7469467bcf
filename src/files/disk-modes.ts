import { constants } from 'node:fs';
import { randomHex } from '../system/random.js';
import { codeOf } from '../system/disk.js';
import type { System } from '../system/system.js';
import type { RootFolder } from './root-folder.js';
import { temporaryFolder } from './state-folder.js';

/**
 * Whether a disk keeps permission bits: FAT and exFAT show the same for every file, which is nobody's wish. Where no file
 * can be made to try it with, as on a full disk, it is taken for one that keeps them if our own folder's show.
 */
export function probeModes(root: RootFolder, system: System): boolean {
  try {
    return keepsModeOfNewFile(root, system);
  } catch (error) {
    if (codeOf(error) === null) throw error;
    // The folder was made with 0700, which no disk shows for everything.
    return root.at(temporaryFolder, (place) => ((root.disk.look(place)?.mode ?? 0n) & 0o777n) === 0o700n);
  }
}

function keepsModeOfNewFile(root: RootFolder, system: System): boolean {
  const { disk } = root;
  return root.at(`${temporaryFolder}/modes-${randomHex(system, 6)}`, (place) => {
    const handle = disk.open(place, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      disk.setMode(handle, 0o640);
      return (disk.statsOf(handle).mode & 0o777n) === 0o640n;
    } catch {
      // It refuses to set them.
      return false;
    } finally {
      disk.close(handle);
      disk.removeFile(place);
    }
  });
}
