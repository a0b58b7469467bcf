/** What becomes of two entries whose names this disk takes for one: the lesser name stands, the other one waits. */
import { diskErrorText } from '../system/disk.js';
import { folderVersion } from '../core/entry.js';
import { isAsRecorded, lookAt } from './disk-look.js';
import { nameOf, parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { keepDeleted } from './history-keeper.js';

/** At `level`, which is the path or a folder on its way, `twin` stands in its place. */
interface StandingTwin {
  readonly level: string;
  readonly twin: string;
}

/** Null where names are not folded, or where nothing else has the name. */
export function standingTwin(context: FolderContext, path: string): StandingTwin | null {
  if (!context.names.isFolding) return null;
  const levels = [path];
  for (let folder = parentOf(path); folder !== ''; folder = parentOf(folder)) levels.unshift(folder);
  for (const level of levels) {
    // Two of one key cannot both be recorded: what is recorded by this name stands by it.
    if (context.table.disk.at(level) !== null) continue;
    const key = context.names.keyOf(nameOf(level));
    const twin = context.table.disk
      .in(parentOf(level))
      .find((record) => record.path !== level && context.names.keyOf(nameOf(record.path)) === key);
    if (twin !== undefined) return { level, twin: twin.path };
  }
  return null;
}

const isWanted = ({ table }: FolderContext, path: string): boolean =>
  table.rows.at(path).length > 0 || table.rows.isBelow(path);

/** Why a path waits for its twin; null when it need not. The lesser name stands: the same on every such disk. */
export function twinObstacle(context: FolderContext, path: string): string | null {
  const found = standingTwin(context, path);
  if (found === null || !isWanted(context, found.twin) || found.level < found.twin) return null;
  return `this disk takes "${found.twin}", which stands, and "${found.level}" for one name; rename one of them`;
}

/** Whether nothing stands in the way of a path any more. False: it is to be tried again. */
export function clearTwin(context: FolderContext, path: string): boolean {
  for (let found = standingTwin(context, path); found !== null; found = standingTwin(context, path)) {
    if (twinObstacle(context, path) !== null) return false;
    if (!isWanted(context, found.twin) && isFolderRenamed(context, found)) continue;
    if (!stepAside(context, found.twin)) return false;
  }
  return true;
}

/** A folder whose name changed only in its case: what is in it stays where it is. */
function isFolderRenamed({ root, table, dirty }: FolderContext, { level, twin }: StandingTwin): boolean {
  const isFolder =
    table.disk.at(twin)?.version === folderVersion &&
    (table.rows.isBelow(level) || table.rows.at(level).some(({ version }) => version === folderVersion));
  if (!isFolder) return false;
  root.at(twin, (from) => root.at(level, (to) => root.disk.rename(from, to)));
  table.disk.moveFolder(twin, level);
  dirty(parentOf(level), null);
  return true;
}

/** Into the history, where peers still find the content. Its rows stay, so that it waits for its place. */
function stepAside(context: FolderContext, path: string): boolean {
  const { root, table } = context;
  const record = table.disk.at(path);
  if (record === null) return true;
  if (record.version === folderVersion) {
    for (const inner of table.disk.in(path)) if (!stepAside(context, inner.path)) return false;
    const left = root.inFolder(path, (place) => root.disk.namesIn(place('')));
    if (left.length > 0) {
      context.waiting.put(path, `it should step aside for another name, and holds ${left.length} more`);
      return false;
    }
  } else if (!root.at(path, (place) => isAsRecorded(lookAt(root.disk, place), record))) {
    context.dirty(parentOf(path), nameOf(path));
    return false;
  }
  return tryKeep(context, path);
}

function tryKeep(context: FolderContext, path: string): boolean {
  const { root, table, waiting } = context;
  const record = table.disk.at(path);
  if (record === null) return true;
  try {
    if (record.version === folderVersion) root.at(path, (place) => root.disk.removeFolder(place));
    else keepDeleted(context, record);
  } catch (error) {
    waiting.put(path, diskErrorText(error));
    return false;
  }
  table.disk.remove(path);
  if (isWanted(context, path)) table.rows.mark(path);
  return true;
}
