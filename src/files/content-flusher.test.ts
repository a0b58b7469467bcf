/** What the disk failed to keep is told at the end, however early it failed and whatever succeeded after it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRealDisk } from '../system/real-disk.js';
import type { Disk } from '../system/disk.js';
import { createContentFlusher } from './content-flusher.js';

const half = 16 * 1024 * 1024;

function diskWith(syncContent: Disk['syncContent']): Disk {
  return { ...createRealDisk(), syncContent };
}

test('a flush that failed on the way is told at the end, although the last one succeeds', async () => {
  let calls = 0;
  const disk = diskWith(() => (calls++ === 0 ? Promise.reject(new Error('EIO')) : Promise.resolve()));
  const flusher = createContentFlusher(disk, 1);
  flusher.written(half);
  flusher.written(half);
  await flusher.rest();
  await assert.rejects(flusher.finish(), /EIO/);
  assert.equal(calls, 2);
});

test('little content is flushed once, at the end', async () => {
  let calls = 0;
  const flusher = createContentFlusher(
    diskWith(() => Promise.resolve(void calls++)),
    1,
  );
  flusher.written(half);
  await flusher.finish();
  assert.equal(calls, 1);
});

test('nothing uses the handle any more once it rests', async () => {
  const order: string[] = [];
  const disk = diskWith(
    () =>
      new Promise((resolve) => {
        setTimeout(() => {
          order.push('flushed');
          resolve();
        }, 5);
      }),
  );
  const flusher = createContentFlusher(disk, 1);
  flusher.written(2 * half);
  await flusher.rest();
  order.push('rests');
  assert.deepEqual(order, ['flushed', 'rests']);
});
