import { join } from 'node:path';
import type { Config } from '../config/config.js';
import { setupFolder, urlFile } from '../http/access/setup-link.js';
import { portNote } from '../http/port-note.js';
import { openDiskDataFiles } from '../system/disk-data-files.js';
import { createRealSystem } from '../system/real-system.js';

/** Where a running server serves its page; null where it serves none. */
export interface PagePlace {
  readonly url: string;
  /** Why it has not the usual port. */
  readonly note: string | null;
}

export async function pagePlace({ dataFolder, http }: Config): Promise<PagePlace | null> {
  const folder = await openDiskDataFiles(join(dataFolder, setupFolder), createRealSystem());
  const url = await folder.read(urlFile);
  return url === null ? null : { url: `${url}/sync/`, note: portNote(http, url) };
}
