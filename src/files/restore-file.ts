/** What a person takes back: a file of the history, or a conflict copy. To the scan it is an edit like any other. */
import { linkTargetOf, type Entry } from '../core/entry.js';
import { SyncError } from '../core/sync-error.js';
import type { HistoryRecord } from '../databases/entry-table.js';
import { codeOf, isDiskFull, diskErrorText } from '../system/disk.js';
import { randomHex } from '../system/random.js';
import { hashContent } from './content-hash.js';
import { isAsRecorded, lookAt } from './disk-look.js';
import { nameOf, parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { keepReplaced } from './history-keeper.js';
import { makeFolders } from './make-folders.js';
import { moveIn } from './place-entry.js';
import { historyFolder, removeQuietly, temporaryFolder } from './state-folder.js';
import { refuseLeftOut } from './refuse-left-out.js';
import { syncPlaced } from './sync-placed.js';
import { readFlags, setAttributes } from './whole-file.js';

/** A copy, so that the history keeps its own. Throws `USYNC-1704`, `USYNC-1801`, `USYNC-1207`, `USYNC-1907`. */
export async function restoreHistory(context: FolderContext, record: HistoryRecord): Promise<void> {
  const { root, system } = context;
  const temporary = `${temporaryFolder}/restore-${randomHex(system, 6)}`;
  refuseLeftOut(context, record.path);
  try {
    await copyKept(context, record, temporary);
    moveOver(context, { from: temporary, path: record.path });
  } catch (error) {
    removeQuietly(root, temporary);
    throw notRestored(record.path, error);
  }
}

/**
 * Gives a conflict copy the name that it lost; what has the name goes to the history. To the scan that is an edit and a
 * delete, as if a person had moved the file. Throws `USYNC-1801`, `USYNC-1207`, `USYNC-1907`.
 */
export function restoreCopy(context: FolderContext, { path, copyOf }: Pick<Entry, 'path' | 'copyOf'>): void {
  const { root, table, dirty } = context;
  const record = table.disk.at(path);
  try {
    if (record === null || copyOf === null || !root.at(path, (place) => isAsRecorded(lookAt(root.disk, place), record)))
      throw new SyncError('USYNC-1801', `${path} is not on this disk as it was found.`);
    refuseLeftOut(context, copyOf);
    syncContent(context, path);
    context.unsynced.add(parentOf(path));
    moveOver(context, { from: path, path: copyOf });
  } catch (error) {
    throw notRestored(copyOf ?? path, error);
  }
  dirty(parentOf(path), nameOf(path));
}

async function copyKept(context: FolderContext, record: HistoryRecord, to: string): Promise<void> {
  const { root } = context;
  const { id, path, version, file } = record;
  const { disk } = root;
  const target = linkTargetOf(version);
  // Followed, a link would be restored as whatever it leads to from here.
  if (target !== null) return root.at(to, (place) => disk.makeLink(target, place));
  const kept = `${historyFolder}/${file}`;
  try {
    root.at(kept, (from) => root.at(to, (copy) => disk.copyFile(from, copy)));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    throw new SyncError('USYNC-1704', `What the history kept of ${path} as ${id} is gone from the disk.`);
  }
  const handle = root.at(to, (copy) => disk.open(copy, readFlags));
  try {
    await refuseOther(context, handle, { record, kept });
    setAttributes(disk, handle, record);
    // Under its name without its content, after a power loss, it would be taken for an edit.
    disk.sync(handle);
  } finally {
    disk.close(handle);
  }
}

interface KeptFile {
  readonly record: HistoryRecord;
  readonly kept: string;
}

/** A power loss may tear what its application never synced, and who had it open may have written into it since. */
async function refuseOther(
  { root: { disk }, hashAside, system }: FolderContext,
  handle: number,
  { record, kept }: KeptFile,
): Promise<void> {
  const size = Number(disk.statsOf(handle).size);
  const hashed = await hashContent({ disk, handle, size, hashAside, pause: () => system.pause() });
  if (hashed?.version === record.version) return;
  const text = `What the history kept of ${record.path} as ${record.id} is not what it was: it was written into since then, or torn by a power loss.`;
  throw new SyncError('USYNC-1801', text, { nextStep: `Look at it in the folder: ${kept}` });
}

/** Its application may never have synced it: torn by a power loss, it would be an edit of what it replaces. */
function syncContent({ root }: FolderContext, path: string): void {
  if (root.at(path, (place) => lookAt(root.disk, place)).kind !== 'file') return;
  const handle = root.at(path, (place) => root.disk.open(place, readFlags));
  try {
    root.disk.sync(handle);
  } finally {
    root.disk.close(handle);
  }
}

interface Move {
  readonly from: string;
  readonly path: string;
}

/** Only over what is known: an edit that no scan has seen yet would be in no history. */
function moveOver(context: FolderContext, { from, path }: Move): void {
  const { root, table, dirty, unsynced } = context;
  makeFolders(context, parentOf(path));
  const record = table.disk.at(path);
  const look = root.at(path, (place) => lookAt(root.disk, place));
  if (look.kind === 'folder') throw isFolderNow(path);
  if (!isAsRecorded(look, record)) throw isBeingChanged(path);
  table.atomically(() => {
    if (record !== null && !keepReplaced(context, record)) throw isBeingChanged(path);
    if (!moveIn(context, from, { path, isReplacing: record !== null })) throw isBeingChanged(path);
    unsynced.add(parentOf(path));
    syncPlaced(context);
  });
  dirty(parentOf(path), nameOf(path));
}

const isFolderNow = (path: string): SyncError =>
  new SyncError('USYNC-1801', `${path} is a folder now, and a file cannot stand in its place.`, {
    nextStep: `Rename the folder and try again. Or copy the file by hand: a conflict copy stands beside the folder, and what the history kept in ${historyFolder}.`,
  });

const isBeingChanged = (path: string): SyncError =>
  new SyncError('USYNC-1801', `${path} is being changed at this moment.`, { nextStep: 'Try again.' });

function notRestored(path: string, cause: unknown): SyncError {
  if (cause instanceof SyncError) return cause;
  const code = isDiskFull(cause) ? 'USYNC-1207' : 'USYNC-1801';
  return new SyncError(code, `${path} cannot be restored: ${diskErrorText(cause)}.`, { cause });
}
