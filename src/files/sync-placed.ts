import { parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { historyFolder, syncFolder } from './state-folder.js';

/**
 * Makes the names durable that a batch has made, before they are recorded; with them those of the folders on the way,
 * which an application may have made a moment ago: with such a folder a power loss would take what was placed in it, and
 * that would look like a deletion. The history first: what was moved there must not be lost on the way.
 */
export function syncPlaced({ root, unsynced, durable }: FolderContext): void {
  if (unsynced.delete(historyFolder)) syncFolder(root, historyFolder);
  const levels = new Set<string>();
  for (const folder of unsynced)
    for (let level = folder; level !== ''; level = parentOf(level)) if (!durable.has(level)) levels.add(level);
  const folders = new Set([...unsynced, ...[...levels].map(parentOf)]);
  for (const folder of folders) syncFolder(root, folder);
  for (const level of levels) durable.add(level);
  unsynced.clear();
}
