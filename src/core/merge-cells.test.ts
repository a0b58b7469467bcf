/** Goal: merging cells is the same in any order and loses nothing silently. Method: small cases, and all orders of three cells. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CellStamp } from './cell-stamp.js';
import type { LifeName } from './life.js';
import type { Cell } from './life-state.js';
import { mergeAlias, mergeCells } from './merge-cells.js';
import type { OriginId } from './origin.js';
import type { Stamp } from './stamp.js';
import type { ColumnRule } from './table-schema.js';
import { RowReference, type CellValue } from './value.js';

const origin = (name: string): OriginId => `${name.repeat(16)}-00000000` as OriginId;
const at = (stamp: number, by = 'b'): CellStamp => ({ stamp: stamp as Stamp, origin: origin(by) });
const row = (stamp: number): LifeName => ({ stamp: stamp as Stamp, origin: origin('b'), index: 0 });
const cell = (value: CellValue, stamp: number, by = 'b'): Cell => ({ value, at: at(stamp, by) });
const one = (each: Cell): ReadonlyMap<string, Cell> => new Map([['c', each]]);

function mergedInOrder(cells: readonly Cell[], rule: ColumnRule): CellValue | undefined {
  let state: ReadonlyMap<string, Cell> = new Map();
  for (const each of cells) state = mergeCells(state, one(each), () => rule).cells;
  return state.get('c')?.value;
}

const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

describe('merging cells', () => {
  const rules: readonly (readonly [ColumnRule, CellValue])[] = [
    ['column', 5n],
    ['first-write-wins', 9n],
    ['max', 9n],
    ['min', 1.5],
  ];
  for (const [rule, expected] of rules)
    it(`gives the same in any order by the rule ${rule}`, () => {
      const cells = [cell(9n, 1), cell(1.5, 2), cell(5n, 3)];
      for (const order of orders) {
        const ordered = order.flatMap((i) => cells[i] ?? []);
        assert.equal(mergedInOrder([...ordered, ...ordered], rule), expected);
      }
    });

  it('of two values with one stamp the same one wins in any order', () => {
    const values: readonly CellValue[] = [1n, 1, 0, -0, 'x', null, new RowReference(row(1)), new Uint8Array([1])];
    for (const a of values)
      for (const b of values) {
        const first = mergeCells(one(cell(a, 7)), one(cell(b, 7))).cells.get('c')?.value;
        const second = mergeCells(one(cell(b, 7)), one(cell(a, 7))).cells.get('c')?.value;
        assert.ok(Object.is(first, second));
      }
  });

  it('a confirmation takes the place of the first value, in any order, and of no other', () => {
    const weak = { depth: 1, stamp: 9 as Stamp, origin: origin('b') };
    const confirmed: Cell = { value: 'x~1', at: { ...at(1), weak } };
    const cells = [cell('x', 1), confirmed, cell('later', 2)];
    for (const order of orders)
      assert.equal(
        mergedInOrder(
          order.flatMap((i) => cells[i] ?? []),
          'first-write-wins',
        ),
        'x~1',
      );
  });

  it('says which column changed and what lost', () => {
    const merged = mergeCells(one(cell('old', 1)), one(cell('new', 2)));
    assert.deepEqual(merged.changed, ['c']);
    assert.deepEqual(merged.lost, [{ column: 'c', lost: cell('old', 1), kept: cell('new', 2) }]);
    const late = mergeCells(one(cell('new', 2)), one(cell('old', 1)));
    assert.deepEqual([late.changed, late.lost], [[], merged.lost]);
    assert.deepEqual(mergeCells(one(cell('same', 1)), one(cell('same', 2))).lost, []);
  });
});

it('the later of two aliases stands and the other is told', () => {
  const [first, second] = [
    { to: row(1), at: at(5) },
    { to: row(2), at: at(6) },
  ];
  assert.deepEqual(mergeAlias(first, second), { alias: second, lost: first });
  assert.deepEqual(mergeAlias(second, first), { alias: second, lost: first });
  assert.deepEqual(mergeAlias(undefined, first), { alias: first, lost: null });
  assert.deepEqual(mergeAlias(first, first), { alias: first, lost: null });
});
