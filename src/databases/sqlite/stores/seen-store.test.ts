// Who had seen which cell: also when stamps of cells do not tell their changeset, after clocks went back or a branch was cut.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { originIdOf, type Epoch, type OriginId, type ServerId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import { emptyChain, type VectorEntry } from '../../../core/version-vector.js';
import { openConnection, type Connection } from '../connection/driver.js';
import { createMetaStore } from './meta-store.js';
import { createOriginStore, type OriginStore } from './origin-store.js';
import { createSeenStore, type SeenStore } from './seen-store.js';
import { createStrayStore, type StrayStore } from './stray-store.js';
import { createSyncTables } from './sync-tables.js';

const originOf = (letter: string, epoch = '00000001'): OriginId =>
  originIdOf(letter.repeat(16) as ServerId, epoch as Epoch);
const [me, writer, deleter] = [originOf('a'), originOf('b'), originOf('c')];
const at = (stamp: number): Stamp => stamp as Stamp;
const entry = (stamp: number): VectorEntry => ({ stamp: at(stamp), chain: emptyChain });

let connection: Connection;
let origins: OriginStore;
let strays: StrayStore;
let seen: SeenStore;

beforeEach(() => {
  connection = openConnection(':memory:');
  createSyncTables(connection);
  origins = createOriginStore(connection, createMetaStore(connection));
  origins.setOwn(me);
  strays = createStrayStore(connection);
  seen = createSeenStore(connection, { origins, strays });
});
afterEach(() => connection.close());

const noteChangeset = (prev: number, stamp: number, low: number, high: number): void => {
  origins.advance(writer, entry(stamp));
  strays.note({ origin: writer, stamp: at(stamp), prev: at(prev) }, { low: at(low), high: at(high) });
};

test('while clocks go forward the stamp of a cell tells whether it was seen', () => {
  noteChangeset(0, 50, 40, 50);
  noteChangeset(50, 100, 60, 100);
  seen.learn(deleter, new Map([[writer, entry(50)]]));
  assert.ok(seen.hasSeen(deleter, writer, at(45)));
  assert.ok(!seen.hasSeen(deleter, writer, at(60)));
  assert.ok(seen.hasSeen(me, writer, at(60)), 'this server has seen what it holds');
  assert.deepEqual(strays.of(writer), [], 'nothing is kept');
});

test('an edit stamped below a seen changeset, after a clock went back, was not seen', () => {
  noteChangeset(0, 50, 40, 50);
  noteChangeset(50, 51, 10, 12);
  seen.learn(deleter, new Map([[writer, entry(50)]]));
  assert.ok(!seen.hasSeen(deleter, writer, at(11)));
  assert.ok(seen.hasSeen(deleter, writer, at(45)));
  seen.learn(deleter, new Map([[writer, entry(51)]]));
  assert.ok(seen.hasSeen(deleter, writer, at(11)));
});

test('an edit raised above its own changeset was seen by who has seen the changeset', () => {
  noteChangeset(0, 50, 40, 900);
  seen.learn(deleter, new Map([[writer, entry(50)]]));
  assert.ok(seen.hasSeen(deleter, writer, at(900)));
  assert.ok(seen.isCovered(new Map([[writer, entry(50)]]), writer, at(900)));
  assert.ok(!seen.isCovered(new Map(), writer, at(900)));
});

test('cells of a branch keep their stamps, and the line that stays had not seen them', () => {
  const branch = originOf('b', '0000beef');
  noteChangeset(0, 50, 40, 50);
  noteChangeset(50, 80, 70, 80);
  const renaming = { origin: writer, from: at(80), before: entry(50), to: branch };
  seen.learn(deleter, new Map([[writer, entry(80)]]));
  seen.rename(renaming, new Set());
  strays.rename(renaming, at(80));
  origins.advance(writer, entry(50));
  origins.advance(branch, entry(80));
  assert.ok(!seen.hasSeen(writer, writer, at(75)), 'the other line');
  assert.ok(seen.hasSeen(branch, writer, at(75)), 'the branch itself');
  assert.ok(seen.hasSeen(branch, writer, at(45)), 'the branch knows what was before it');
  assert.ok(seen.hasSeen(deleter, writer, at(75)), 'who had seen it under its old name');
  assert.ok(!seen.hasSeen(originOf('d'), writer, at(75)));
});

test('the own past of before a restore had not seen what came after', () => {
  origins.setOwn(originOf('a', '00000002'));
  seen.learn(me, new Map([[writer, entry(50)]]));
  assert.ok(seen.hasSeen(me, writer, at(45)));
  assert.ok(!seen.hasSeen(me, writer, at(60)));
  assert.ok(!seen.hasSeen(me, originOf('a', '00000002'), at(60)));
});

test('what is kept of clocks that keep going back stays bounded and forgets no edit', () => {
  noteChangeset(0, 1_000_000, 999_999, 1_000_000);
  seen.learn(deleter, new Map([[writer, entry(1_000_000)]]));
  for (let i = 1; i <= 1100; i++) noteChangeset(1_000_000 + i - 1, 1_000_000 + i, 10 * i, 10 * i + 1);
  assert.equal(strays.of(writer).length, 1024);
  for (const i of [1, 40, 77, 500, 1100]) assert.ok(!seen.hasSeen(deleter, writer, at(10 * i)), `edit ${i}`);
  strays.reload();
  assert.equal(strays.of(writer).length, 1024);
});
