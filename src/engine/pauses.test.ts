import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ServerId } from '../core/origin.js';
import { openDiskDataFiles } from '../system/disk-data-files.js';
import { createRealSystem } from '../system/real-system.js';
import { openPauses } from './pauses.js';

const server = (letter: string): ServerId => letter.repeat(16) as ServerId;

test('two servers that are paused at once are both paused, also after a restart', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'usync-pauses-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const files = await openDiskDataFiles(folder, createRealSystem());
  const pauses = await openPauses(files);
  await Promise.all([pauses.pause(server('a')), pauses.pause(server('b'))]);
  assert.deepEqual(pauses.ids, [server('a'), server('b')]);
  await Promise.all([pauses.pause(server('c')), pauses.resume(server('a'))]);
  assert.deepEqual((await openPauses(files)).ids, [server('b'), server('c')]);
});
