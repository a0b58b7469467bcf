import { open } from 'node:fs/promises';

/**
 * Makes every commit so far survive a power loss. In WAL mode a commit with synchronous=NORMAL is in the -wal file but
 * perhaps not on the disk; a checkpoint syncs before it moves pages, so the -wal is all that is left to sync. The file
 * may be opened besides SQLite: no lock is ever taken on a -wal. In the other modes a commit is synced by itself.
 */
export async function syncWal(realPath: string): Promise<void> {
  const file = await open(`${realPath}-wal`, 'r+').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (!file) return;
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}
