/** Defects between the real parts: the oracle must find each of them. */
import type { EntryTable } from '../../src/databases/entry-table.js';
import { isAsRecorded, lookAt } from '../../src/files/disk-look.js';
import type { Disk } from '../../src/system/disk.js';
import { rootPath, type VirtualFolderServer } from './folder-server.js';
import type { FolderLimits } from './folder-plan.js';
import type { FolderWorld } from './folder-world.js';
import { constants } from 'node:fs';

export interface BugGround {
  readonly server: VirtualFolderServer;
  readonly world: FolderWorld;
}

export interface FolderBug {
  readonly name: string;
  /** A seed that finds it; null: none is known yet. */
  readonly seed: number | null;
  /** What plans must hold for it to show soon. */
  readonly limits?: FolderLimits;
  readonly settleMs?: number;
  readonly disk?: (disk: Disk, ground: BugGround) => Disk;
  readonly table?: (table: EntryTable, ground: BugGround) => EntryTable;
}

const isHistory = (path: string): boolean => path.includes('/history/') || isIn(path);
const isIn = (path: string): boolean => /\/proc\/self\/fd\/\d+\/\d{13}-[0-9a-f]{8}-/.test(path);

export const plantedFolderBugs: readonly FolderBug[] = [
  {
    name: 'a file is renamed before its content is synced',
    seed: 107,
    limits: { crashes: 'power-loss', interleaving: 0 },
    disk: (disk) => ({ ...disk, syncContent: () => Promise.resolve() }),
  },
  {
    name: 'a folder is not synced after a rename',
    seed: 2004,
    disk: (disk) => ({
      ...disk,
      sync: (handle) => {
        if (!disk.statsOf(handle).isDirectory()) disk.sync(handle);
      },
    }),
  },
  {
    name: 'nobody looks before placing',
    seed: 5009,
    limits: { interleaving: 0.02 },
    table: (table, { server }) => {
      let isCapturing = false;
      const standing: EntryTable['disk']['at'] = (path) => {
        const record = table.disk.at(path);
        if (isCapturing || record === null) return record;
        const look = lookAt(server.disk, `${rootPath}/${path}`);
        return isAsRecorded(look, record) || look.kind !== 'file' ? record : { ...record, mark: look.mark };
      };
      return {
        ...table,
        disk: { ...table.disk, at: standing },
        rows: {
          ...table.rows,
          unmarked: (work) => {
            isCapturing = true;
            try {
              return table.rows.unmarked(work);
            } finally {
              isCapturing = false;
            }
          },
        },
      };
    },
  },
  {
    name: 'what is deleted goes to no history',
    seed: 2000,
    disk: (disk) => ({
      ...disk,
      rename: (from, to) => (isHistory(to) ? disk.removeFile(from) : disk.rename(from, to)),
    }),
  },
  {
    name: 'what is replaced goes to no history',
    seed: 1000,
    disk: (disk) => ({
      ...disk,
      linkFile: (from, to) => {
        if (!isHistory(to)) disk.linkFile(from, to);
      },
    }),
  },
  {
    name: 'a folder is deleted with all that is in it',
    seed: 4002,
    limits: { interleaving: 0.02 },
    disk: (disk) => ({ ...disk, removeFolder: (path) => removeAll(disk, path) }),
  },
  {
    name: 'what is about to be placed is not noted before',
    seed: null,
    limits: { crashes: 'kill', interleaving: 0, pauseMsMax: 150 },
    table: (table) => ({ ...table, disk: { ...table.disk, intend: () => undefined } }),
  },
  { name: 'a file is captured while it is written', seed: 3000, settleMs: 0 },
  {
    name: 'a file is written at its own name',
    seed: 1000,
    disk: (disk) => ({
      ...disk,
      linkFile: (from, to) => (isHistory(to) ? disk.linkFile(from, to) : disk.copyFile(from, to)),
      rename: (from, to) => {
        if (disk.look(to)?.isFile() !== true) return disk.rename(from, to);
        const source = disk.open(from, constants.O_RDONLY);
        const target = disk.open(to, constants.O_WRONLY | constants.O_TRUNC);
        const bytes = Buffer.alloc(Number(disk.statsOf(source).size));
        disk.read(source, bytes, 0);
        disk.write(target, bytes, 0);
        disk.close(source);
        disk.close(target);
        disk.removeFile(from);
      },
    }),
  },
  {
    name: 'links on the way are followed',
    seed: 32,
    limits: { interleaving: 0.02, mischief: 0.5 },
    disk: (disk) => ({
      ...disk,
      open: (path, flags, mode) =>
        disk.open(path, (flags & constants.O_DIRECTORY) === 0 ? flags : flags & ~constants.O_NOFOLLOW, mode),
    }),
  },
];

function removeAll(disk: Disk, path: string): void {
  for (const name of disk.namesIn(path)) {
    const inner = `${path}/${name.toString()}`;
    if (disk.look(inner)?.isDirectory() === true) removeAll(disk, inner);
    else disk.removeFile(inner);
  }
  disk.removeFolder(path);
}
