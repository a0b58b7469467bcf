/** Goal: after a renaming nothing of the branch carries the old name, and nothing before the fork changes its name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ChangeBlock, ChangesetHeader, InsertBlock, UpdateBlock } from './changeset.js';
import { changesetArbitrary, changesOf, originOf } from './codec.arbitrary.js';
import type { OriginId } from './origin.js';
import { renameOriginInBlock, renameOriginInHeader } from './rename-origin.js';
import type { Stamp } from './stamp.js';
import { RowReference } from './value.js';
import { emptyChain, type ChainHash } from './version-vector.js';

const origin = originOf(1);
const other = originOf(2);
const to = 'zzzzzzzzzzzzzzzz-ffffffff' as OriginId;
const renaming = { origin, after: 100 as Stamp, to };
const chain = '00112233445566ff' as ChainHash;
const at = (stamp: number, by = origin): { stamp: Stamp; origin: OriginId } => ({ stamp: stamp as Stamp, origin: by });
const life = (stamp: number, by = origin): { stamp: Stamp; origin: OriginId; index: number } => ({
  ...at(stamp, by),
  index: 3,
});

const header: ChangesetHeader = {
  ...at(120),
  prev: 100 as Stamp,
  prevChain: 'ffffffffffffffff' as ChainHash,
  seen: new Map([[other, 7 as Stamp]]),
  isDuty: false,
};

test('the first changeset of the branch becomes the first of the new origin and says where it comes from', () => {
  assert.deepEqual(renameOriginInHeader(header, renaming, emptyChain), {
    ...at(120, to),
    prev: 0,
    prevChain: emptyChain,
    seen: new Map([
      [other, 7],
      [origin, 100],
    ]),
    isDuty: false,
    branchOf: { origin, after: 100 },
  });
});

test('later changesets of the branch follow it', () => {
  const later = { ...header, ...at(130), prev: 120 as Stamp, seen: new Map() };
  assert.deepEqual(renameOriginInHeader(later, renaming, chain), { ...later, origin: to, prevChain: chain });
});

test('a changeset from before the fork, or of another origin, keeps its name; what it saw of the branch is renamed', () => {
  const before = { ...header, ...at(100), prev: 90 as Stamp };
  assert.deepEqual(renameOriginInHeader(before, renaming, chain), before);
  const foreign = { ...header, ...at(200, other), prev: 150 as Stamp, seen: new Map([[origin, 120 as Stamp]]) };
  assert.deepEqual(renameOriginInHeader(foreign, renaming, chain), { ...foreign, seen: new Map([[to, 120]]) });
});

const update: UpdateBlock = {
  kind: 'update',
  table: 'item',
  count: 2,
  columns: ['a', 'b'],
  lives: [[life(100), life(101)], [life(500, other)]],
  keyColumns: ['id'],
  keys: [[1n, 2n]],
  times: [at(95).stamp, at(118).stamp],
  cellStamps: new Map([[0, new Map([[1, { ...at(101), weak: { depth: 1, ...at(101) } }]])]]),
  values: [
    ['x', 'y'],
    [new RowReference(life(119)), null],
  ],
};

test('lives, references and stamps of cells follow the branch', () => {
  const renamed = renameOriginInBlock(update, header, renaming);
  assert.ok(renamed.kind === 'update');
  assert.deepEqual(renamed.lives, [[life(100), life(101, to)], [life(500, other)]]);
  assert.deepEqual(renamed.values[1], [new RowReference(life(119, to)), null]);
  assert.deepEqual(renamed.cellStamps.get(0)?.get(1), { ...at(101, to), weak: { depth: 1, ...at(101, to) } });
});

test('a write from before the fork that was drained after it keeps the old name in its stamps', () => {
  const renamed = renameOriginInBlock(update, header, renaming);
  assert.ok(renamed.kind === 'update');
  assert.deepEqual(renamed.cellStamps.get(0)?.get(0), at(95));
  assert.equal(renamed.cellStamps.has(1), false);
});

test('ends, merges and adopted rows are renamed as well', () => {
  const insert: InsertBlock = {
    kind: 'insert',
    table: 'item',
    count: 1,
    columns: [],
    indexes: [0],
    rows: new Map([[0, life(110)]]),
    times: [at(120).stamp],
    cellStamps: new Map(),
    values: [],
  };
  const inserted = renameOriginInBlock(insert, header, renaming);
  assert.deepEqual(inserted.kind === 'insert' && inserted.rows.get(0), life(110, to));
  const end: ChangeBlock = {
    kind: 'end',
    table: 'item',
    count: 1,
    why: 'delete',
    lives: [[life(110)]],
    keyColumns: [],
    keys: [],
  };
  const ended = renameOriginInBlock(end, header, renaming);
  assert.deepEqual(ended.kind === 'end' && ended.lives, [[life(110, to)]]);
  const merge: ChangeBlock = {
    kind: 'merge',
    table: 'item',
    count: 1,
    from: [life(110)],
    to: [life(90)],
    at: [at(120)],
  };
  const merged = renameOriginInBlock(merge, header, renaming);
  assert.ok(merged.kind === 'merge');
  assert.deepEqual([merged.from, merged.to, merged.at], [[life(110, to)], [life(90)], [at(120, to)]]);
});

test('a renaming of an origin that a changeset does not know changes nothing, and renaming twice is renaming once', () => {
  const unknown = { origin: 'yyyyyyyyyyyyyyyy-eeeeeeee' as OriginId, after: 0 as Stamp, to };
  const known = { origin, after: 50 as Stamp, to };
  fc.assert(
    fc.property(changesetArbitrary, (changeset) => {
      for (const block of changeset.blocks) {
        assert.deepEqual(changesOf([renameOriginInBlock(block, changeset.header, unknown)]), changesOf([block]));
        const once = renameOriginInBlock(block, changeset.header, known);
        const headerAfter = renameOriginInHeader(changeset.header, known, emptyChain);
        assert.deepEqual(changesOf([renameOriginInBlock(once, headerAfter, known)]), changesOf([once]));
      }
    }),
    { numRuns: 50, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false },
  );
});
