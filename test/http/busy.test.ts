// Goal: whoever asks while a dataset is busy gets what it told before, with its age, within his patience. Method: an engine
// whose answers stay open, as in a long merge, once they were given.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { groundOf, until } from '../engine/engine-ground.js';
import { openPage } from './http-ground.js';

const impatient = { headers: { prefer: 'wait=0' } };

test('one conflict, and the checksums of a folder, are told with their age while their dataset is busy', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', '', 'uploads');
  const root = a.config.datasets.find(({ folder }) => folder !== undefined)?.folder ?? '';
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'one'), 'content');
  const busy = Object.create(a.engine) as typeof a.engine;
  let isBusy = false;
  const late = <T>(work: () => Promise<T>): Promise<T> => (isBusy ? new Promise<T>(() => undefined) : work());
  const conflict = {
    ...{
      dataset: 'shop',
      id: 'ab12',
      table: 'item',
      key: '1',
      column: 'name',
      rule: 'newest',
      kept: "'x'",
      lost: "'y'",
    },
    ...{
      rest: null,
      atMs: 1,
      noticedMs: 2,
      settledMs: null,
      canRestore: true,
      lostBy: 'b',
      keptBy: 'a',
      decision: null,
    },
  };
  busy.isAtWork = () => isBusy;
  busy.conflicts = () => late(() => Promise.resolve({ conflicts: [conflict], more: 0, forgotten: 0 }));
  busy.folder = (dataset) => {
    const folder = a.engine.folder(dataset);
    return { ...folder, files: (request) => late(() => folder.files(request)) };
  };
  const page = await openPage({ ...a, engine: busy });
  const sums = (prefer = {}) => page.admin('GET', '/api/sync/files/checksums', prefer);
  const one = (prefer = {}) => page.admin('GET', '/api/sync/conflicts/ab12', prefer);
  await until('the file is known', async () => Object.hasOwn((await sums()).json ?? {}, 'one'));
  assert.equal((await sums()).headers.get('age'), null);
  assert.equal((await one()).json?.['age_ms'], 0);
  isBusy = true;
  const [told, conflictTold] = [await sums(impatient), await one(impatient)];
  assert.deepEqual(
    (told.json?.['one'] as { readonly checksum: string } | undefined)?.checksum,
    createHash('sha256').update('content').digest('hex'),
  );
  assert.match(told.headers.get('age') ?? '', /^[1-9]\d*$/);
  assert.deepEqual([conflictTold.json?.['id'], Number(conflictTold.json?.['age_ms']) > 0], ['ab12', true]);
});
