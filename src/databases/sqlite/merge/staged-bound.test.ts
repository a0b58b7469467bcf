import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScene } from '../testing/replica-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import type { ChangesetPart } from '../../../core/changeset.js';
import type { OriginId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import { forgetEndless, refuseEndless } from './staged-bound.js';
import { inTransaction } from '../stores/store-transaction.js';

const partOf = (part: number, isLast = false): ChangesetPart => ({
  origin: 'bbbbbbbbbbbbbbbb-00000001' as OriginId,
  stamp: 4096 as Stamp,
  part,
  isLast,
  bytes: new Uint8Array(100),
});

test('a changeset that goes over the bound is refused, and what came of it is forgotten', async () => {
  using folder = temporaryFolder();
  const scene = openScene(folder.path('a.db'), 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const { context } = scene;
  const stage = (part: ChangesetPart): void =>
    inTransaction(context, () => {
      refuseEndless(context, part, 1000);
      context.journal.putPart(part);
    });
  for (let part = 0; part < 10; part++) stage(partOf(part));
  assert.throws(() => stage(partOf(10)), { code: 'USYNC-1507', message: /bbbbbbbbbbbbbbbb.*refused/ });
  await forgetEndless(context, partOf(10));
  assert.equal(context.journal.bytesOf(partOf(0).origin, partOf(0).stamp), 0);
  scene.close();
});

test('one that is sent again from its first part counts anew, and one that ends is none', () => {
  using folder = temporaryFolder();
  const scene = openScene(folder.path('a.db'), 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  for (let round = 0; round < 3; round++)
    for (let part = 0; part < 10; part++) refuseEndless(scene.context, partOf(part, part === 9), 1000);
  scene.close();
});

test('after a restart what is staged already counts', () => {
  using folder = temporaryFolder();
  const scene = openScene(folder.path('a.db'), 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const { context } = scene;
  inTransaction(context, () => {
    for (let part = 0; part < 10; part++) context.journal.putPart(partOf(part));
  });
  assert.throws(() => refuseEndless(context, partOf(10), 1000), { code: 'USYNC-1507' });
  scene.close();
});
