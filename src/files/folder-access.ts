/** What a program may read of a synced folder through this server: the same as an application beside it, and no more. */
import { folderVersion } from '../core/entry.js';
import { SyncError } from '../core/sync-error.js';
import type { FileContent, FileRequest, FolderEntries, FolderEntry } from '../databases/folder-calls.js';
import type { FolderContext } from './folder-context.js';
import { refuseLeftOut } from './refuse-left-out.js';
import { readFlags } from './whole-file.js';

/** What stands directly in a folder of the dataset; "" is the root. Throws USYNC-1908 where the dataset has none. */
export function entriesIn(context: FolderContext, folder: string, max: number): FolderEntries {
  const { rows } = context.table;
  const found = rows.in(folder, max + 1);
  if (folder !== '' && found.length === 0 && !rows.at(folder).some(({ version }) => version === folderVersion))
    throw new SyncError('USYNC-1908', `There is no folder "${folder}" in this dataset.`);
  const entries = found.slice(0, max).map((entry): FolderEntry => {
    const reason = context.waiting.reasonAt(entry.path);
    const isPending = context.table.rows.isPending(entry.path);
    return { ...entry, state: reason !== null ? 'waiting' : isPending ? 'pending' : 'placed', reason };
  });
  return { entries, isComplete: found.length <= max };
}

/** A piece of a file as it stands on disk. Throws USYNC-1908 where there is none, or where it takes no part. */
export function readFileContent(context: FolderContext, { path, offset, bytesMax }: FileRequest): FileContent {
  refuseLeftOut(context, path);
  const { disk } = context.root;
  try {
    return context.root.at(path, (place) => {
      const handle = disk.open(place, readFlags);
      try {
        const stats = disk.statsOf(handle);
        if (!stats.isFile()) throw noFile(path);
        const bytes = Buffer.alloc(Math.max(0, Math.min(bytesMax, Number(stats.size) - offset)));
        const count = disk.read(handle, bytes, offset);
        // A view of the pool would take other bytes along to another thread.
        return {
          bytes: new Uint8Array(bytes.subarray(0, count)),
          size: Number(stats.size),
          modifiedMs: Number(stats.mtimeNs / 1_000_000n),
          mark: `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`,
        };
      } finally {
        disk.close(handle);
      }
    });
  } catch (error) {
    if (error instanceof SyncError) throw error;
    throw noFile(path, error);
  }
}

export const noFile = (path: string, cause?: unknown): SyncError =>
  new SyncError('USYNC-1908', `There is no file "${path}".`, { cause });
