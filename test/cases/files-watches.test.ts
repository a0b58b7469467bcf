/** What is seen where the system allows no more watches. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Disk } from '../../src/system/disk.js';
import { createRealDisk } from '../../src/system/real-disk.js';
import { folderGround } from './folder-servers.js';

/** As Linux refuses more watches than `fs.inotify.max_user_watches`. */
function limitedDisk(limit: { watches: number }): Disk {
  const disk = createRealDisk();
  let used = 0;
  return {
    ...disk,
    watch(path, listener) {
      if (used >= limit.watches)
        throw Object.assign(new Error('ENOSPC: System limit for number of file watchers reached'), { code: 'ENOSPC' });
      used++;
      const end = disk.watch(path, listener);
      return () => {
        used--;
        end();
      };
    },
  };
}

test('folders that the system allows no watch for are counted, looked at all the same, and watched when it does', async (context) => {
  const limit = { watches: 2 };
  const a = await folderGround(context).add('a', { disk: limitedDisk(limit) });
  for (const folder of ['one', 'two', 'three']) {
    mkdirSync(a.path(folder));
    writeFileSync(a.path(`${folder}/f`), folder);
  }
  await a.capture();
  assert.equal(a.side.status().unwatched, 2);
  assert.equal(a.table.rows.counts().entries, 6);
  for (const folder of ['one', 'two', 'three']) writeFileSync(a.path(`${folder}/g`), folder);
  await a.capture();
  assert.equal(a.table.rows.counts().entries, 9);
  limit.watches = 100;
  await a.capture();
  assert.equal(a.side.status().unwatched, 0);
});
