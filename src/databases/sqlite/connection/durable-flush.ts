import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes every commit so far survive a power loss. Our connections commit with synchronous=NORMAL:
 *
 * - In WAL mode a commit is in the -wal file but perhaps not on the disk; a checkpoint syncs before it moves pages, so the
 *   -wal is all that is left to sync.
 * - With a rollback journal the pages are synced, and the commit is the end of the journal: it is removed (DELETE) or cut
 *   (TRUNCATE), and were that undone, the commit would be. So the journal, where it stands, and its folder are synced.
 *   SQLite does the first with FULL and the second with EXTRA only, and then at each commit.
 *
 * The files may be opened besides SQLite: no lock is ever taken on a -wal or a -journal. What another connection does with
 * synchronous=OFF is out of reach: a checkpoint of its own may lose what was synced here.
 */
export async function syncCommits(realPath: string, openFile: OpenFile = open): Promise<void> {
  if (await syncIfThere(openFile, `${realPath}-wal`, 'r+')) return;
  await syncIfThere(openFile, `${realPath}-journal`, 'r+');
  // Some systems cannot open folders.
  if (process.platform !== 'win32') await syncIfThere(openFile, dirname(realPath), 'r');
}

/** Of `node:fs/promises`, for tests that look what is synced. */
export type OpenFile = (path: string, flags: string) => Promise<SyncedFile>;

interface SyncedFile {
  sync(): Promise<void>;
  close(): Promise<void>;
}

async function syncIfThere(openFile: OpenFile, path: string, flags: string): Promise<boolean> {
  const file = await openFile(path, flags).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (!file) return false;
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return true;
}
