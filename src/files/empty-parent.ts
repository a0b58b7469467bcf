import { parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';

/**
 * A folder that no row names stands only as long as something in it does: it is to be looked at when that is gone. So is
 * one that stood for what is left out inside it.
 */
export function markEmptyParent({ table }: Pick<FolderContext, 'table'>, path: string): void {
  for (let folder = parentOf(path); folder !== ''; folder = parentOf(folder)) {
    if (table.rows.at(folder).length > 0 || table.rows.isBelow(folder)) return;
    const record = table.disk.at(folder);
    if (record === null) continue;
    if (record.isKept) table.disk.put({ ...record, isKept: false });
    table.rows.mark(folder);
    return;
  }
}

/** Folders on the way to an entry stand for it from now on, not only for what is left out inside them. */
export function endKeeping({ table }: Pick<FolderContext, 'table'>, path: string): void {
  for (let folder = parentOf(path); folder !== ''; folder = parentOf(folder)) {
    const record = table.disk.at(folder);
    if (record?.isKept !== true) continue;
    table.disk.put({ ...record, isKept: false });
    table.rows.mark(folder);
  }
}
