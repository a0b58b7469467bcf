/** Goal: after a renaming every name of the branch is the new one, and nothing before the fork changes its name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originOf } from './codec.arbitrary.js';
import { additionColumn } from './counter.js';
import type { Cell } from './life-state.js';
import type { OriginId } from './origin.js';
import { renameCells, renameInVector, renameLife, type OriginRenaming } from './rename-origin.js';
import type { Stamp } from './stamp.js';
import { RowReference } from './value.js';
import type { ChainHash, VectorEntry } from './version-vector.js';

const origin = originOf(1);
const other = originOf(2);
const to = 'zzzzzzzzzzzzzzzz-ffffffff' as OriginId;
const entry = (stamp: number, chain = '00112233445566ff'): VectorEntry => ({
  stamp: stamp as Stamp,
  chain: chain as ChainHash,
});
const renaming: OriginRenaming = { origin, from: 120 as Stamp, before: entry(100), to };
const life = (stamp: number, by = origin): { stamp: Stamp; origin: OriginId; index: number } => ({
  stamp: stamp as Stamp,
  origin: by,
  index: 3,
});

test('lives from the first changeset of the branch on are renamed, others not', () => {
  assert.deepEqual(renameLife(life(120), renaming), life(120, to));
  assert.deepEqual(renameLife(life(500), renaming), life(500, to));
  assert.deepEqual(renameLife(life(100), renaming), life(100));
  assert.deepEqual(renameLife(life(500, other), renaming), life(500, other));
});

test('a reference follows its row, and the stamp of its cell stays', () => {
  const at = { stamp: 130 as Stamp, origin };
  const cells = new Map([
    ['parent', { value: new RowReference(life(130)), at }],
    ['name', { value: 'x', at }],
  ]);
  assert.deepEqual(
    renameCells(cells, renaming),
    new Map([
      ['parent', { value: new RowReference(life(130, to)), at }],
      ['name', { value: 'x', at }],
    ]),
  );
});

test('what a run of the branch has added goes by the new name, what a run before it added does not', () => {
  const cells = (origins: readonly OriginId[]): Map<string, Cell> =>
    new Map(
      origins.map((by, i): [string, Cell] => [
        additionColumn({ column: 'n', origin: by, run: (i === 0 ? 100 : 120) as Stamp }),
        { value: 5n, at: { stamp: 130 as Stamp, origin } },
      ]),
    );
  assert.deepEqual(renameCells(cells([origin, origin]), renaming), cells([origin, to]));
});

test('in a vector the branch moves to its own entry, and the old one goes back to where the branch begins', () => {
  const vector = new Map([
    [origin, entry(150, 'ffffffffffffffff')],
    [other, entry(150)],
  ]);
  assert.deepEqual(
    renameInVector(vector, renaming),
    new Map([
      [origin, entry(100)],
      [other, entry(150)],
      [to, entry(150, 'ffffffffffffffff')],
    ]),
  );
  const short = new Map([[origin, entry(100)]]);
  assert.equal(renameInVector(short, renaming), short);
});

test('a branch that begins with the first changeset of its origin leaves nothing of it', () => {
  const whole = { ...renaming, before: entry(0, '0000000000000000') };
  assert.deepEqual(renameInVector(new Map([[origin, entry(150)]]), whole), new Map([[to, entry(150)]]));
});
