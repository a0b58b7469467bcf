import { join } from 'node:path';
import { isDatabase } from './content-hash.js';
import { isReservedName, nameOf, parentOf, pathObstacle } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { defaultIgnores, ignoreFile } from './ignore-rules.js';
import { readFlags } from './whole-file.js';

/**
 * Why a path takes no part in the dataset, judged by its name and its neighbours; null when it does. The sender and the
 * receiver ask the same. An empty reason is an ordinary one: the ignore rules.
 */
export function reasonToLeaveOut(context: FolderContext, path: string, isFolder: boolean): string | null {
  if (isReservedName(nameOf(path))) return '';
  const obstacle = pathObstacle(path);
  if (obstacle !== null) return obstacle;
  if (context.rules.isIgnored(path, isFolder)) return '';
  if (context.protectedFiles.isProtected(join(context.root.realPath, path))) return databaseReason;
  return isFolder ? null : companionReason(context, path);
}

/** The rule that leaves a path out, for people; null where none does: what is reserved is nobody's. */
export function ignoredReason({ rules }: FolderContext, path: string, isFolder: boolean): string | null {
  const rule = rules.ruleFor(path, isFolder);
  if (rule === null) return null;
  if (!defaultIgnores.includes(rule)) return `the rule ${rule} leaves it out`;
  return `it is left out by default (${rule}); the line !${nameOf(path)}${isFolder ? '/' : ''} in ${ignoreFile} takes it in`;
}

/** The log, index and lock files of a SQLite database are part of it. */
function companionReason(context: FolderContext, path: string): string | null {
  const match = /^(.+)-(?:wal|shm|journal|usync-lock|usync-owner)$/.exec(nameOf(path));
  if (match === null) return null;
  const database = match[1] ?? '';
  try {
    return context.root.inFolder(parentOf(path), (place) =>
      isDatabaseAt(context, place(database)) ? databaseReason : null,
    );
  } catch {
    // Where there is no folder there is no database.
    return null;
  }
}

export const databaseReason = 'it belongs to a SQLite database, which is synced as a dataset of its own or not at all';

function isDatabaseAt({ protectedFiles, root: { disk } }: FolderContext, place: string): boolean {
  if (protectedFiles.isProtectedFile(place)) return true;
  let handle: number;
  try {
    handle = disk.open(place, readFlags);
  } catch {
    return false;
  }
  try {
    const head = Buffer.alloc(16);
    return disk.read(handle, head, 0) === 16 && isDatabase(head);
  } catch {
    return false;
  } finally {
    disk.close(handle);
  }
}
