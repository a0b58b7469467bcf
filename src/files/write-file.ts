/** What a program may write into a synced folder through this server: the same as an application beside it, with a way back. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { SyncError } from '../core/sync-error.js';
import type { DiskRecord } from '../databases/entry-table.js';
import { codeOf, isDiskFull, diskErrorText } from '../system/disk.js';
import { randomHex } from '../system/random.js';
import { isDatabase } from './content-hash.js';
import { isAsRecorded, lookAt, type DiskLook } from './disk-look.js';
import { parentOf } from './entry-path.js';
import { noFile } from './folder-access.js';
import type { FolderContext } from './folder-context.js';
import { keepDeleted, keepReplaced } from './history-keeper.js';
import { databaseReason } from './left-out.js';
import { makeFolders } from './make-folders.js';
import { moveIn } from './place-entry.js';
import { refuseLeftOut, refusedPath } from './refuse-left-out.js';
import type { RootFolder } from './root-folder.js';
import { removeQuietly, temporaryFolder } from './state-folder.js';
import { syncPlaced } from './sync-placed.js';
import { roomFor } from './temporary-files.js';
import { writeAll } from './whole-file.js';

/**
 * Puts a whole file in place in one step, with the mode of the one that it replaces, which goes to the history. Returns its
 * SHA-256 in hex. Throws `USYNC-1907`, `USYNC-1207`, `USYNC-1801`.
 */
export function writeFile(context: FolderContext, path: string, bytes: Uint8Array): string {
  refuseLeftOut(context, path);
  if (isDatabase(Buffer.from(bytes.subarray(0, 16)))) throw refusedPath(path, databaseReason);
  const temporary = `${temporaryFolder}/upload-${randomHex(context.system, 8)}`;
  try {
    roomFor(context.root, bytes.length);
    makeFolders(context, parentOf(path));
    const standing = knownAt(context, path);
    writeNew(context, temporary, { bytes, mode: standing?.mode ?? null });
    putInPlace(context, temporary, { path, record: standing?.record ?? null });
  } catch (error) {
    removeQuietly(context.root, temporary);
    throw notWritten(path, error);
  }
  return createHash('sha256').update(bytes).digest('hex');
}

interface NewFile {
  readonly bytes: Uint8Array;
  /** Null: that of a new file. */
  readonly mode: number | null;
}

function writeNew({ root, hasModes }: FolderContext, temporary: string, { bytes, mode }: NewFile): void {
  const { disk } = root;
  root.at(temporary, (place) => {
    const handle = disk.open(place, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
    try {
      writeAll(disk, handle, { bytes, offset: 0 });
      if (mode !== null && hasModes) disk.setMode(handle, mode);
      disk.sync(handle);
    } finally {
      disk.close(handle);
    }
  });
}

interface Place {
  readonly path: string;
  readonly record: DiskRecord | null;
}

function putInPlace(context: FolderContext, temporary: string, { path, record }: Place): void {
  const { table, unsynced } = context;
  table.atomically(() => {
    if (record !== null && !keepReplaced(context, record)) throw isBeingChanged(path);
    if (!moveIn(context, temporary, { path, isReplacing: record !== null })) throw isBeingChanged(path);
    unsynced.add(parentOf(path));
    syncPlaced(context);
  });
}

/** Deletes one file or link; it goes to the history. Throws `USYNC-1908`, `USYNC-1907`, `USYNC-1801`. */
export function removeFile(context: FolderContext, path: string): void {
  refuseLeftOut(context, path);
  try {
    const standing = knownAt(context, path);
    if (standing === null) throw noFile(path);
    context.table.atomically(() => {
      if (!keepDeleted(context, standing.record)) throw isBeingChanged(path);
      syncPlaced(context);
    });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '')) throw noFile(path, error);
    throw notWritten(path, error);
  }
}

/** Whether what stands at a path is recorded, so that it can be kept. Nothing is, too. */
export function isKnownAt({ root, table }: FolderContext, path: string): boolean {
  const look = lookIfThere(root, path);
  return ['nothing', 'folder'].includes(look.kind) || isAsRecorded(look, table.disk.at(path));
}

interface KnownFile {
  readonly record: DiskRecord;
  readonly mode: number | null;
}

/** Null where nothing stands. Throws for what no scan has seen: it would be in no history. */
function knownAt({ root, table, leftOut, waiting }: FolderContext, path: string): KnownFile | null {
  const look = root.at(path, (place) => lookAt(root.disk, place));
  if (look.kind === 'nothing') return null;
  if (look.kind === 'folder') throw new SyncError('USYNC-1907', `"${path}" is a folder.`);
  const record = table.disk.at(path);
  if (record !== null && isAsRecorded(look, record))
    return { record, mode: look.kind === 'file' ? look.mode & 0o777 : null };
  const reason = leftOut.reasonAt(path);
  if (reason !== null) throw refusedPath(path, reason);
  throw isBeingChanged(path, waiting.reasonAt(path));
}

function lookIfThere(root: RootFolder, path: string): DiskLook {
  try {
    return root.at(path, (place) => lookAt(root.disk, place));
  } catch {
    // Where there is no folder nothing stands.
    return { kind: 'nothing' };
  }
}

const isBeingChanged = (path: string, reason?: string | null): SyncError =>
  new SyncError(
    'USYNC-1801',
    `"${path}" is not replaced or deleted: ${reason ?? 'it is being changed at this moment'}.`,
    {
      nextStep: 'Try again.',
    },
  );

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
