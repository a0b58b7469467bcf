/** A start while another engine holds the data folder: one that stops is waited for, one that works on is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import type { Engine } from '../engine/engine.js';
import { startWhenFree, type Holder } from './start-when-free.js';

/** Engines of a folder that is free from the given start on. */
function folderHeldFor(starts: number, facts = {}): { create: () => Engine; count: () => number } {
  let count = 0;
  const start = (): Promise<void> => {
    count += 1;
    return count > starts ? Promise.resolve() : Promise.reject(new SyncError('USYNC-1206', 'It is held.', { facts }));
  };
  return { create: () => ({ start }) as Engine, count: () => count };
}

const tools = (holder: Holder, said: string[] = []) => ({
  stopped: new AbortController().signal,
  holder: () => Promise.resolve(holder),
  say: (line: string) => void said.push(line),
});

const isHeld = (error: unknown): boolean => error instanceof SyncError && error.code === 'USYNC-1206';

test('the end of an engine that is stopping is waited for, and told once', async () => {
  const said: string[] = [];
  const folder = folderHeldFor(6);
  await startWhenFree(folder.create, tools('is stopping', said));
  assert.equal(folder.count(), 7);
  assert.deepEqual(said, ['An engine that is stopping holds the data folder; waiting 15 s for its end at most.']);
});

test('an engine that works on is refused after a moment, without a word of waiting', async () => {
  const said: string[] = [];
  const folder = folderHeldFor(100);
  await assert.rejects(startWhenFree(folder.create, tools('runs', said)), isHeld);
  assert.deepEqual([folder.count(), said], [5, []]);
});

test('a database that another engine holds is refused at once', async () => {
  const folder = folderHeldFor(1, { dataset: 'shop' });
  await assert.rejects(startWhenFree(folder.create, tools('does not answer')), isHeld);
  assert.equal(folder.count(), 1);
});

test('who gives up meanwhile is not kept waiting', async () => {
  const controller = new AbortController();
  controller.abort();
  const folder = folderHeldFor(1);
  await assert.rejects(startWhenFree(folder.create, { ...tools('is stopping'), stopped: controller.signal }), isHeld);
});
