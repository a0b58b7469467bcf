import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError, errorCodeOf } from '../core/sync-error.js';
import { connectControl } from '../engine/control-client.js';

/**
 * Empties the data folder: key, list of servers, witnesses, open invites. The databases are not touched; the next start
 * makes a new key. Returns what was removed. Refuses while an engine works in the folder.
 */
export async function forgetIdentity(dataFolder: string): Promise<string[]> {
  if (!existsSync(dataFolder)) return [];
  const client = await connectControl(dataFolder).catch((error: unknown) => {
    if (errorCodeOf(error) === 'USYNC-1506') return null;
    throw error;
  });
  if (client) {
    client.close();
    throw new SyncError('USYNC-1102', `an engine works in ${dataFolder}`, { nextStep: 'Stop it first.' });
  }
  const names = await readdir(dataFolder);
  for (const name of names) await rm(join(dataFolder, name), { recursive: true });
  return names;
}
