import { linkTargetOf } from '../core/entry.js';
import type { DiskRecord, HistoryBounds, KeptReason } from '../databases/entry-table.js';
import { codeOf } from '../system/disk.js';
import { randomHex } from '../system/random.js';
import { isAsRecorded, isFolderThere, lookAt } from './disk-look.js';
import { nameOf, parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { historyFolder, temporaryFolder } from './state-folder.js';
import { readFlags, removeIfThere } from './whole-file.js';

/** Keeps what is replaced: a second name of the same file, so that its content costs nothing and nothing is ever missing. */
export function keepReplaced(context: FolderContext, record: DiskRecord): void {
  const { disk } = context.root;
  const file = historyName(context, record.path);
  context.root.at(`${historyFolder}/${file}`, (kept) =>
    context.root.at(record.path, (place) => {
      try {
        disk.linkFile(place, kept);
      } catch (error) {
        if (!['EPERM', 'ENOTSUP', 'EMLINK', 'EXDEV'].includes(codeOf(error) ?? '')) throw error;
        const target = linkTargetOf(record.version);
        if (target === null) disk.copyFile(place, kept);
        else disk.makeLink(target, kept);
      }
    }),
  );
  add(context, { record, file, reason: 'replaced' });
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

/** Moves away what is deleted. */
export function keepDeleted(context: FolderContext, record: DiskRecord): void {
  const file = historyName(context, record.path);
  context.root.at(`${historyFolder}/${file}`, (kept) =>
    context.root.at(record.path, (place) => context.root.disk.rename(place, kept)),
  );
  add(context, { record, file, reason: 'deleted' });
}

interface Kept {
  readonly record: DiskRecord;
  readonly file: string;
  readonly reason: KeptReason;
}

function add({ table, system, unsynced }: FolderContext, { record, file, reason }: Kept): void {
  unsynced.add(historyFolder);
  if (reason === 'deleted') unsynced.add(parentOf(record.path));
  const { path, version, size, mode, mtime } = record;
  table.history.add({ path, version, size, mode, mtime, file, reason, atMs: system.nowMs() });
}

/** The name helps a person who looks into the folder; the number keeps names apart. */
const historyName = ({ system }: FolderContext, path: string): string =>
  `${Math.trunc(system.nowMs())}-${randomHex(system, 4)}-${Array.from(nameOf(path)).slice(0, 40).join('')}`;

/** Forgets what exceeds the bounds. */
export function pruneHistory(context: FolderContext, bounds: HistoryBounds): void {
  const { table, root } = context;
  for (const { id, file } of table.history.excess(bounds)) {
    root.at(`${historyFolder}/${file}`, (place) => removeIfThere(root.disk, place));
    table.history.remove(id);
  }
}
