// Goal: whoever waits for a database sees how far its work is, how fast it goes, and how long it takes. Method: facts set
// by hand, then two real engines, one of which takes in and sends more rows than fit into one slice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groundOf } from '../../test/engine/engine-ground.js';
import type { WorkProgress } from './work-progress.js';
import { datasetWork, followedWork } from './dataset-work.js';

test('the rate is that since the work was first told of, and begins anew with other work', () => {
  const first = followedWork(null, { kind: 'landing', done: 1_000, total: 11_000 }, 5_000);
  const second = followedWork(first, { kind: 'landing', done: 3_000, total: 11_000 }, 7_000);
  const at = { dataset: 'shop', announced: null, nowMs: 7_000 };
  assert.deepEqual(datasetWork({ ...at, work: second }), {
    text: 'shop: writing the data of the group.',
    ...{ done: 3_000, total: 11_000, unit: 'rows', perSecond: 1_000, secondsLeft: 8 },
  });
  const other = followedWork(second, { kind: 'adopting', done: 10, total: 20 }, 9_000);
  assert.deepEqual([other?.sinceMs, other?.from], [9_000, 10]);
  assert.equal(followedWork(other, null, 9_000), null);
});

test('of a snapshot that comes in the whole is what its sender announced', () => {
  const work = followedWork(null, { kind: 'receiving', done: 500, total: null }, 0);
  const told = (announced: number | null) => datasetWork({ dataset: 'shop', work, announced, nowMs: 1 })?.total;
  assert.deepEqual([told(null), told(2_000), told(400)], [null, 2_000, 500]);
});

test('founding a group and joining it tell rows, how many there are, and in the end how long it still takes', async (context) => {
  const rows = 30_000;
  const ground = groundOf(context);
  const insert = `INSERT INTO item (name, price) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    SELECT 'item ' || i, i FROM n;`;
  const [a, b] = [await ground.add('a', insert), await ground.add('b')];
  const told: WorkProgress[] = [];
  const onProgress = (progress: WorkProgress): void => void told.push(progress);
  const { code } = await a.engine.invite({ onProgress });
  assert.ok(told.some(({ text, total, unit }) => /taking in/.test(text) && total === rows && unit === 'rows'));
  told.length = 0;
  await b.engine.join({ code, onProgress });
  const landing = told.filter(({ text }) => /writing the data/.test(text));
  assert.ok(landing.length > 0, told.map(({ text }) => text).join('\n'));
  for (const { done, total } of landing) assert.ok(total === rows && done <= rows);
  const [shop] = (await b.engine.status()).datasets;
  assert.equal(shop?.work, null, 'nothing is left to be shown');
});

test('verifying tells each comparison; where nothing is compared nothing is equal', async (context) => {
  const ground = groundOf(context);
  const [a, b] = [await ground.add('a', '', 'photos'), await ground.add('b')];
  const { isEqual, onlyHere } = await a.engine.verify();
  assert.deepEqual([isEqual, onlyHere], [false, ['shop', 'photos']]);
  const { code } = await a.engine.invite();
  await b.engine.join({ code });
  const told: WorkProgress[] = [];
  await a.engine.verify({ onProgress: (progress) => told.push(progress) });
  assert.deepEqual(
    told.map(({ text, done, total }) => [text, done, total]),
    [
      ['Comparing with every server.', 0, 1],
      ['shop was compared with b.', 1, 1],
    ],
  );
  assert.deepEqual((await a.engine.verify()).onlyHere, ['photos']);
});
