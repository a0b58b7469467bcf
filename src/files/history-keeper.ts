import { linkSync, copyFileSync, constants, renameSync, rmSync } from 'node:fs';
import type { DiskRecord, HistoryBounds, HistoryRecord } from '../databases/entry-table.js';
import { randomHex } from '../system/random.js';
import { codeOf } from './disk-look.js';
import { nameOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { historyFolder, namesInFolder } from './state-folder.js';

/** Keeps what is replaced: a second name of the same file, so that its content costs nothing and nothing is ever missing. */
export function keepReplaced(context: FolderContext, record: DiskRecord): void {
  const file = historyName(context, record.path);
  context.root.at(`${historyFolder}/${file}`, (kept) =>
    context.root.at(record.path, (place) => {
      try {
        linkSync(place, kept);
      } catch (error) {
        if (!['EPERM', 'ENOTSUP', 'EMLINK', 'EXDEV'].includes(codeOf(error) ?? '')) throw error;
        copyFileSync(place, kept, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      }
    }),
  );
  add(context, { record, file, reason: 'replaced' });
}

/** Moves away what is deleted. */
export function keepDeleted(context: FolderContext, record: DiskRecord): void {
  const file = historyName(context, record.path);
  context.root.at(`${historyFolder}/${file}`, (kept) =>
    context.root.at(record.path, (place) => renameSync(place, kept)),
  );
  add(context, { record, file, reason: 'deleted' });
}

interface Kept {
  readonly record: DiskRecord;
  readonly file: string;
  readonly reason: HistoryRecord['reason'];
}

function add({ table, system }: FolderContext, { record, file, reason }: Kept): void {
  const { path, version, size, mode, mtime } = record;
  table.history.add({ path, version, size, mode, mtime, file, reason, atMs: system.nowMs() });
}

/** The name helps a person who looks into the folder; the number keeps names apart. */
const historyName = ({ system }: FolderContext, path: string): string =>
  `${Math.trunc(system.nowMs())}-${randomHex(system, 4)}-${Array.from(nameOf(path)).slice(0, 40).join('')}`;

/** Forgets what exceeds the bounds, and files that a crash left without a record. */
export function pruneHistory(context: FolderContext, bounds: HistoryBounds): void {
  const { table, root } = context;
  for (const { id, file } of table.history.excess(bounds)) {
    root.at(`${historyFolder}/${file}`, (place) => rmSync(place, { force: true }));
    table.history.remove(id);
  }
}

/** At opening only: what is on its way has no record yet. */
export function dropStrayHistory({ table, root }: FolderContext): void {
  const known = new Set(table.history.list({ max: Number.MAX_SAFE_INTEGER }).map(({ file }) => file));
  for (const name of namesInFolder(root, historyFolder))
    if (!known.has(name)) root.at(`${historyFolder}/${name}`, (place) => rmSync(place, { force: true }));
}
