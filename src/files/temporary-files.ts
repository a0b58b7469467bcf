import { constants } from 'node:fs';
import type { EntryVersion } from '../core/entry.js';
import { SyncError } from '../core/sync-error.js';
import type { EntryTable } from '../databases/entry-table.js';
import { codeOf, type Disk } from '../system/disk.js';
import type { HeldFolder, RootFolder } from './root-folder.js';
import { temporaryFolder } from './state-folder.js';

/** New files for small contents on their way: of many that are made at one time, each costs little beside itself. */
export interface TemporaryFiles {
  /** While any `work` runs the folder stays open, and its disk is asked now and then for room. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** An open new file; what an earlier try left there goes. Throws `USYNC-1207` where the disk has no room. */
  create(name: string, bytes: number): number;
}

/** Whole large content has a name of its own; this is the one under which it came, and under which a later try finds it. */
export const sharedPath = (path: string): string => path.replace(/\.[0-9a-f]+$/, '');

/**
 * Whole content that was not placed goes on under its shared name. One that has another name too was placed, though the end
 * of the first name is missing: it is a file of the application, into which nobody else may write.
 */
export function shareTemporary(root: RootFolder, path: string): void {
  root.at(path, (from) =>
    root.at(sharedPath(path), (to) => {
      const stats = root.disk.look(from);
      if (stats === null) return;
      if (stats.nlink > 1n) root.disk.removeFile(from);
      else if (from !== to) root.disk.rename(from, to);
    }),
  );
}

/** Whether an entry has this content and does not show it yet. */
export const isContentWanted = ({ rows, disk }: EntryTable, version: EntryVersion): boolean =>
  rows.holding(version).some((path) => disk.at(path)?.version !== version);

/** So much is written before the disk is asked again. */
const bytesBetweenLooks = 4 * 1024 * 1024;

export function createTemporaryFiles(root: RootFolder): TemporaryFiles {
  let running = 0;
  let held: HeldFolder | null = null;
  let room = 0;
  return {
    async during(work) {
      running++;
      try {
        return await work();
      } finally {
        if (--running === 0) {
          held?.close();
          held = null;
          room = 0;
        }
      }
    },
    create(name, bytes) {
      if (room < bytes) room = Math.min(bytesBetweenLooks, roomFor(root, bytes));
      room -= bytes;
      held ??= root.hold(temporaryFolder);
      return createAnew(root.disk, held.place(name));
    },
  };
}

/** How much may be written. Room is left for everyone else on the disk. */
export function roomFor(root: RootFolder, bytes: number): number {
  const { free, total } = root.disk.space(root.realPath);
  const room = free - Math.min(512 * 1024 * 1024, total / 100);
  if (room < bytes) throw new SyncError('USYNC-1207', `The disk of ${root.realPath} has no room for ${bytes} bytes.`);
  return room;
}

/** What an earlier try left is rare, so it is not looked for before. */
function createAnew(disk: Disk, place: string): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    return disk.open(place, flags, 0o600);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    disk.removeFile(place);
    return disk.open(place, flags, 0o600);
  }
}
