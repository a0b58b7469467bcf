/** Whoever waits for the first look at a folder sees how much there is to read, and how much of it was read. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ReplicaWork } from '../../src/databases/replica.js';
import { folderGround, settleAll } from './folder-servers.js';

test('the first look counts what there is to read, tells what was read, and is told of once', async (context) => {
  const ground = folderGround(context);
  const root = join(ground.folder, 'a');
  mkdirSync(join(root, 'x/y'), { recursive: true });
  mkdirSync(join(root, 'left'), { recursive: true });
  writeFileSync(join(root, '.usyncignore'), 'left/');
  for (let i = 0; i < 20; i++) writeFileSync(join(root, `x/y/${i}`), 'z'.repeat(1_000));
  writeFileSync(join(root, 'left/out'), 'z'.repeat(5_000_000));
  writeFileSync(join(root, 'large'), Buffer.alloc(40_000_000, 'large '));
  const told: (ReplicaWork | null)[] = [];
  const onWork = (work: ReplicaWork | null): void => void told.push(work);
  const server = await ground.add('a', { onWork });
  await server.capture();
  const reading = told.filter((work) => work?.kind === 'hashing');
  assert.deepEqual(told[0], { kind: 'counting', done: 2, total: null });
  assert.deepEqual(reading[0], { kind: 'hashing', done: 0, total: 40_000_000 + 20_000 + 'left/'.length });
  assert.ok(
    reading.every(
      (work, i) => (work?.done ?? 0) >= (reading[i - 1]?.done ?? 0) && (work?.done ?? 0) <= (work?.total ?? 0),
    ),
  );
  assert.equal(told.at(-1), null);
  told.length = 0;
  const again = await ground.restart(server, { onWork });
  appendFileSync(join(root, 'x/y/1'), 'more');
  await again.capture();
  assert.deepEqual(told, [], 'a later look reads little');
});

const monthAgo = Date.now() / 1000 - 30 * 86_400;

test('of two folders filled apart, the file that was edited later keeps the name, whoever was looked at first', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  writeFileSync(a.path('page.txt'), 'current');
  await a.capture();
  const old = join(ground.folder, 'b', 'page.txt');
  mkdirSync(join(ground.folder, 'b'));
  writeFileSync(old, 'a month old');
  utimesSync(old, monthAgo, monthAgo);
  const b = await ground.add('b');
  await b.capture();
  await settleAll([a, b]);
  assert.equal(readFileSync(a.path('page.txt'), 'utf8'), 'current');
});

test('a file that was left out for a while and is taken in again does not win over what was edited meanwhile', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  let b = await ground.add('b');
  writeFileSync(a.path('page.txt'), 'first');
  await settleAll([a, b]);
  b = await ground.restart(b, { ignore: ['page.txt'] });
  await settleAll([a, b]);
  writeFileSync(a.path('page.txt'), 'current');
  await settleAll([a, b]);
  b = await ground.restart(b);
  await settleAll([a, b]);
  assert.equal(readFileSync(a.path('page.txt'), 'utf8'), 'current');
});
