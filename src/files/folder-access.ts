/** What a program may do in a synced folder through this server: the same as an application beside it, and no more. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { folderVersion } from '../core/entry.js';
import { SyncError } from '../core/sync-error.js';
import type { FileContent, FileRequest, FolderEntries, FolderEntry } from '../databases/folder-calls.js';
import { codeOf, isDiskFull, diskErrorText } from '../system/disk.js';
import { randomHex } from '../system/random.js';
import { isDatabase } from './content-hash.js';
import { parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { databaseReason } from './left-out.js';
import { makeFolders } from './make-folders.js';
import { refuseLeftOut, refusedPath } from './refuse-left-out.js';
import { removeQuietly, syncFolder, temporaryFolder } from './state-folder.js';
import { readFlags, writeAll } from './whole-file.js';

/** What stands directly in a folder of the dataset; "" is the root. Throws USYNC-1908 where the dataset has none. */
export function entriesIn(context: FolderContext, folder: string, max: number): FolderEntries {
  const { rows } = context.table;
  const found = rows.in(folder, max + 1);
  if (folder !== '' && found.length === 0 && !rows.at(folder).some(({ version }) => version === folderVersion))
    throw new SyncError('USYNC-1908', `There is no folder "${folder}" in this dataset.`);
  const reasons = new Map(context.waiting.list(10_000).map(({ path, reason }) => [path, reason]));
  const entries = found.slice(0, max).map((entry): FolderEntry => {
    const reason = reasons.get(entry.path) ?? null;
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

/** Puts a whole file in place in one step. Returns its SHA-256 in hex. */
export function writeFile(context: FolderContext, path: string, bytes: Uint8Array): string {
  refuseLeftOut(context, path);
  if (isDatabase(Buffer.from(bytes.subarray(0, 16)))) throw refusedPath(path, databaseReason);
  const temporary = `${temporaryFolder}/upload-${randomHex(context.system, 8)}`;
  const { disk } = context.root;
  try {
    makeFolders(context, parentOf(path));
    context.root.at(temporary, (source) => {
      const handle = disk.open(source, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
      try {
        writeAll(disk, handle, { bytes, offset: 0 });
        disk.sync(handle);
      } finally {
        disk.close(handle);
      }
      context.root.at(path, (place) => disk.rename(source, place));
    });
  } catch (error) {
    removeQuietly(context.root, temporary);
    throw notWritten(path, error);
  }
  syncFolder(context.root, parentOf(path));
  return createHash('sha256').update(bytes).digest('hex');
}

/** Deletes one file or link. */
export function removeFile(context: FolderContext, path: string): void {
  refuseLeftOut(context, path);
  try {
    context.root.at(path, (place) => context.root.disk.removeFile(place));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '')) throw noFile(path, error);
    throw notWritten(path, error);
  }
}

const noFile = (path: string, cause?: unknown): SyncError =>
  new SyncError('USYNC-1908', `There is no file "${path}".`, { cause });

function notWritten(path: string, cause: unknown): SyncError {
  if (cause instanceof SyncError) return cause;
  return new SyncError(
    isDiskFull(cause) ? 'USYNC-1207' : 'USYNC-1907',
    `"${path}" cannot be written: ${diskErrorText(cause)}.`,
    {
      cause,
    },
  );
}
