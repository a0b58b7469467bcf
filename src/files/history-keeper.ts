import { linkTargetOf } from '../core/entry.js';
import type { DiskRecord, HistoryBounds, KeptReason } from '../databases/entry-table.js';
import { codeOf, type Disk } from '../system/disk.js';
import { randomHex } from '../system/random.js';
import { isAsRecorded, isFolderThere, isStillRecorded, lookAt } from './disk-look.js';
import { nameOf, parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { historyFolder, temporaryFolder } from './state-folder.js';
import { readFlags, removeIfThere } from './whole-file.js';

/**
 * Keeps what is replaced: a second name of the same file, so that its content costs nothing and nothing is ever missing.
 * False, and nothing is kept: it is another file than was recorded.
 */
export function keepReplaced(context: FolderContext, record: DiskRecord): boolean {
  const { root } = context;
  const { disk } = root;
  const file = historyName(context, record.path);
  const isKept = root.at(`${historyFolder}/${file}`, (kept) =>
    root.at(record.path, (place) => {
      const isSame = linkOrCopy(disk, { record, place, kept });
      if (!isSame) removeIfThere(disk, kept);
      return isSame;
    }),
  );
  if (isKept) add(context, { record, file, reason: 'replaced' });
  return isKept;
}

interface Keeping {
  readonly record: DiskRecord;
  readonly place: string;
  readonly kept: string;
}

function linkOrCopy(disk: Disk, { record, place, kept }: Keeping): boolean {
  try {
    disk.linkFile(place, kept);
    return isStillRecorded(lookAt(disk, kept), record);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    if (!['EPERM', 'ENOTSUP', 'EMLINK', 'EXDEV'].includes(codeOf(error) ?? '')) throw error;
  }
  const target = linkTargetOf(record.version);
  if (target === null) disk.copyFile(place, kept);
  else disk.makeLink(target, kept);
  return isAsRecorded(lookAt(disk, place), record);
}

/**
 * Keeps what will stand at its path for a while yet: a copy of its own, since its writer may write into the file at any
 * moment. False: somebody did meanwhile.
 */
export function keepCopy(context: FolderContext, record: DiskRecord): boolean {
  const { root } = context;
  const { disk } = root;
  const file = historyName(context, record.path);
  const isWhole = root.at(`${temporaryFolder}/keep-${randomHex(context.system, 6)}`, (copy) => {
    let isCopied = false;
    try {
      isCopied = isFolderThere(root, parentOf(record.path)) && copyIfAsRecorded(context, record, copy);
      if (isCopied) root.at(`${historyFolder}/${file}`, (kept) => disk.rename(copy, kept));
    } finally {
      if (!isCopied) removeIfThere(disk, copy);
    }
    return isCopied;
  });
  if (isWhole) add(context, { record, file, reason: 'kept' });
  return isWhole;
}

function copyIfAsRecorded({ root }: FolderContext, record: DiskRecord, copy: string): boolean {
  const { disk } = root;
  return root.at(record.path, (place) => {
    if (!isAsRecorded(lookAt(disk, place), record)) return false;
    disk.copyFile(place, copy);
    if (!isAsRecorded(lookAt(disk, place), record)) return false;
    const handle = disk.open(copy, readFlags);
    try {
      disk.sync(handle);
    } finally {
      disk.close(handle);
    }
    return true;
  });
}

/** Moves away what is deleted. False: it is another file than was recorded, and has its name again. */
export function keepDeleted(context: FolderContext, record: DiskRecord): boolean {
  const { root } = context;
  const file = historyName(context, record.path);
  const isKept = root.at(`${historyFolder}/${file}`, (kept) =>
    root.at(record.path, (place) => {
      root.disk.rename(place, kept);
      if (isStillRecorded(lookAt(root.disk, kept), record)) return true;
      giveNameBack(root.disk, kept, place);
      return false;
    }),
  );
  if (isKept) add(context, { record, file, reason: 'deleted' });
  return isKept;
}

/** Unless something has the name by now: then it stays in the history, which gets a record of it at the next start. */
function giveNameBack(disk: Disk, kept: string, place: string): void {
  try {
    disk.linkFile(kept, place);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (disk.look(place) === null) disk.rename(kept, place);
    return;
  }
  disk.removeFile(kept);
}

interface Kept {
  readonly record: DiskRecord;
  readonly file: string;
  readonly reason: KeptReason;
}

function add({ table, system, unsynced, historyGrowth }: FolderContext, { record, file, reason }: Kept): void {
  unsynced.add(historyFolder);
  if (reason === 'deleted') unsynced.add(parentOf(record.path));
  const { path, version, size, mode, mtime } = record;
  historyGrowth.records += 1;
  historyGrowth.bytes += size;
  table.history.add({ path, version, size, mode, mtime, file, reason, atMs: system.nowMs() });
}

/** The name helps a person who looks into the folder; the number keeps names apart. */
const historyName = ({ system }: FolderContext, path: string): string =>
  `${Math.trunc(system.nowMs())}-${randomHex(system, 4)}-${Array.from(nameOf(path)).slice(0, 40).join('')}`;

/** Forgets what exceeds the bounds, once so much was added that it may matter: to know it takes reading the whole list. */
export function pruneGrown(context: FolderContext, bounds: HistoryBounds): void {
  const { records, bytes } = context.historyGrowth;
  if (records === 0) return;
  if (records * prunedParts < context.table.history.count() && bytes * prunedParts < bounds.bytesMax) return;
  pruneHistory(context, bounds);
}

const prunedParts = 20;

/** Forgets what exceeds the bounds. */
export function pruneHistory(context: FolderContext, bounds: HistoryBounds): void {
  const { table, root, historyGrowth } = context;
  historyGrowth.records = 0;
  historyGrowth.bytes = 0;
  for (const { id, file } of table.history.excess(bounds)) {
    root.at(`${historyFolder}/${file}`, (place) => removeIfThere(root.disk, place));
    table.history.remove(id);
  }
}
