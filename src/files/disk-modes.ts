import { constants } from 'node:fs';
import { randomHex } from '../system/random.js';
import type { System } from '../system/system.js';
import type { RootFolder } from './root-folder.js';
import { temporaryFolder } from './state-folder.js';

/** Whether a disk keeps permission bits: FAT and exFAT show the same for every file, which is nobody's wish. */
export function probeModes(root: RootFolder, system: System): boolean {
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
