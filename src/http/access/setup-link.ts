import { timingSafeEqual } from 'node:crypto';
import type { DataFiles } from '../../system/data-files.js';
import type { System } from '../../system/system.js';
import { setupValidMs } from '../http-limits.js';
import { newSecret, secretHash } from './secret.js';

/** Folder within the data folder. Apart from the rest, since a command writes it while the engine runs. */
export const setupFolder = 'setup';

/** Where the page is, as long as it is served. */
export const urlFile = 'url.txt';

const fileName = 'token.json';

interface StoredToken {
  readonly hash: string;
  readonly expiresAtMs: number;
}

/** Makes a new one-time token; one that was made before is void. */
export async function makeSetupToken(files: DataFiles, system: System): Promise<string> {
  const secret = newSecret(system);
  const stored: StoredToken = { hash: secretHash(secret), expiresAtMs: system.nowMs() + setupValidMs };
  await files.write(fileName, JSON.stringify(stored));
  return secret;
}

export async function isSetupToken(files: DataFiles, system: System, secret: string): Promise<boolean> {
  const stored = parsed(await files.read(fileName));
  if (stored === null || stored.expiresAtMs < system.nowMs()) return false;
  const [expected, given] = [Buffer.from(stored.hash), Buffer.from(secretHash(secret))];
  return expected.length === given.length && timingSafeEqual(expected, given);
}

export const voidSetupToken = (files: DataFiles): Promise<void> => files.remove(fileName);

/** The token is behind `#`, so that it reaches no log of a proxy and no other site. */
export const setupLink = (baseUrl: string, secret: string): string => `${baseUrl}/sync/setup#token=${secret}`;

function parsed(text: string | null): StoredToken | null {
  try {
    return text === null ? null : (JSON.parse(text) as StoredToken);
  } catch {
    return null;
  }
}
