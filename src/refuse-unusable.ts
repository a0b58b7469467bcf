import { accessSync, constants, statSync } from 'node:fs';
import type { DatasetConfig } from './config/config.js';
import { errorMessageOf, SyncError } from './core/sync-error.js';
import { openDatabase } from './databases/sqlite/connection/open-database.js';

/** Throws a `SyncError` with the reason for a database or folder that an engine could not work on. Changes nothing. */
export function refuseUnusable({ sqlite, folder }: DatasetConfig): void {
  // As an engine opens it: a database that cannot be written is no help, however well it reads.
  if (sqlite !== undefined) openDatabase(sqlite).connection.close();
  if (folder !== undefined) refuseFolder(folder);
}

function refuseFolder(folder: string): void {
  const facts = { path: folder };
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    if (statSync(folder).isDirectory()) return;
  } catch (cause) {
    const text = `The folder ${folder} cannot be used: ${errorMessageOf(cause)}.`;
    throw new SyncError('USYNC-1700', text, { facts, cause });
  }
  throw new SyncError('USYNC-1700', `${folder} is not a folder.`, { facts });
}
