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

/** Systems without modes give none. */
export const modeOf = ({ mode }: { readonly mode: number }): number => (mode === 0 ? 0o644 : mode & 0o777);

/** By an open file, so that it is this file whose mode and time are set, whatever is done to its name meanwhile. */
export function setAttributes(
  disk: Disk,
  handle: number,
  { mode, mtime }: { readonly mode: number; readonly mtime: number },
): void {
  disk.setMode(handle, modeOf({ mode }));
  // Half a microsecond more, so that a number that is not exact is not cut to the one below.
  disk.setTimes(handle, (mtime + 0.5) / 1e6);
}

export function removeIfThere(disk: Disk, place: string): void {
  try {
    disk.removeFile(place);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
