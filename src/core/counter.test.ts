import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addedBetween, addNumbers, additionColumn, counterTotal, isAddition, partsOfAddition } from './counter.js';
import type { Cell } from './life-state.js';
import { mergeCells } from './merge-cells.js';
import type { OriginId } from './origin.js';
import type { Stamp } from './stamp.js';
import type { SqlValue } from './value.js';

const origins = ['a', 'b', 'c'].map((letter) => `${letter.repeat(16)}-00000001` as OriginId);
const cell = (value: SqlValue, stamp: number, origin: OriginId): Cell => ({
  value,
  at: { stamp: stamp as Stamp, origin },
});
const added = (column: string, origin: OriginId, run = 7): string =>
  additionColumn({ column, origin, run: run as Stamp });

test('an addition is told by its name, also one that was made before runs were told apart', () => {
  const [a] = origins as [OriginId];
  assert.deepEqual(partsOfAddition(added('n:+', a)), { column: 'n:+', origin: a, run: 7 });
  assert.deepEqual(partsOfAddition(`n\0+${a}`), { column: 'n', origin: a, run: 0 });
  assert.deepEqual([partsOfAddition('n+1'), isAddition('n+1'), isAddition(added('n', a))], [null, false, true]);
});

test('two runs of one server count both', () => {
  const [a] = origins as [OriginId];
  const cells = new Map([
    ['n', cell(100n, 1, a)],
    [`n\0+${a}`, cell(1n, 3, a)],
    [added('n', a, 3), cell(2n, 3, a)],
    [added('n', a, 5), cell(3n, 3, a)],
  ]);
  assert.equal(counterTotal(cells, 'n'), 106n);
});

test('additions of several origins add up in any order, each once', () => {
  const [a, b, c] = origins as [OriginId, OriginId, OriginId];
  const writes = [
    new Map([[added('n', a), cell(5n, 2, a)]]),
    new Map([[added('n', a), cell(7n, 3, a)]]),
    new Map([[added('n', b), cell(-2n, 2, b)]]),
    new Map([[added('n', c), cell(0.5, 2, c)]]),
  ];
  const first = new Map([['n', cell(100n, 1, a)]]);
  for (let turn = 0; turn < writes.length; turn++) {
    const order = [...writes.slice(turn), ...writes, ...writes.slice(0, turn).toReversed()];
    const cells = order.reduce<ReadonlyMap<string, Cell>>((state, write) => mergeCells(state, write).cells, first);
    assert.equal(counterTotal(cells, 'n'), 105.5);
  }
});

test('a counter without additions shows what it holds, and counts from 0 where that is no number', () => {
  const [a] = origins as [OriginId];
  assert.equal(counterTotal(new Map([['n', cell('x', 1, a)]]), 'n'), 'x');
  assert.equal(
    counterTotal(
      new Map([
        ['n', cell(null, 1, a)],
        [added('n', a), cell(3n, 2, a)],
      ]),
      'n',
    ),
    3n,
  );
  assert.equal(
    counterTotal(
      new Map([
        ['nn', cell(1n, 1, a)],
        [added('nn', a), cell(3n, 2, a)],
      ]),
      'n',
    ),
    null,
  );
});

test('what was added is told by the value before', () => {
  assert.deepEqual(
    [addedBetween(3n, 10n), addedBetween(3n, 2.5), addedBetween(null, 4n), addedBetween(3n, null)],
    [7n, -0.5, 4n, null],
  );
  assert.equal(addNumbers(9223372036854775807n, 1n), 9223372036854775808);
});
