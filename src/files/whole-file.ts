/** Files read and written as a whole. */
import { constants } from 'node:fs';
import { codeOf, type Disk } from '../system/disk.js';

/** A pipe must not block, a link must not be followed. */
export const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The text of a file, or its beginning where it is longer. */
export function readText(disk: Disk, place: string, bytesMax: number): string {
  const handle = disk.open(place, readFlags);
  try {
    const bytes = Buffer.alloc(Math.min(bytesMax, Number(disk.statsOf(handle).size)));
    return bytes.subarray(0, disk.read(handle, bytes, 0)).toString();
  } finally {
    disk.close(handle);
  }
}

export function writeAll(
  disk: Disk,
  handle: number,
  { bytes, offset }: { readonly bytes: Uint8Array; readonly offset: number },
): void {
  for (let written = 0; written < bytes.length;)
    written += disk.write(handle, bytes.subarray(written), offset + written);
}

export function removeIfThere(disk: Disk, place: string): void {
  try {
    disk.removeFile(place);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
