import { compareCellStamps, type CellStamp } from '../../../core/cell-stamp.js';
import type { Cell, LifeState } from '../../../core/life-state.js';
import { isSameLife, type LifeName } from '../../../core/life.js';
import type { StateBlock } from '../../../core/state-block.js';
import type { CellValue, SqlValue } from '../../../core/value.js';

/** A life with all its cells, and where it is shown. */
export interface PlacedLife {
  readonly state: LifeState;
  readonly key: readonly SqlValue[] | null;
}

/** One block of lives that have the same columns. */
export function lifeBlock(table: string, keyColumns: readonly string[], lives: readonly PlacedLife[]): StateBlock {
  const [first] = lives;
  const columns = [...(first?.state.cells.keys() ?? [])];
  const stamps = lives.map(({ state }) => commonStamp(state));
  const cellStamps = new Map<number, ReadonlyMap<number, CellStamp>>();
  const rows = new Map<number, LifeName>();
  for (const [i, { state }] of lives.entries()) {
    const at = stamps[i];
    const own = new Map<number, CellStamp>();
    columns.forEach((column, c) => {
      const cell = state.cells.get(column);
      if (cell && at && compareCellStamps(cell.at, at) !== 0) own.set(c, cell.at);
    });
    if (own.size > 0) cellStamps.set(i, own);
    if (!isSameLife(state.row, state.life)) rows.set(i, state.row);
  }
  return {
    table,
    keyColumns,
    columns,
    count: lives.length,
    lives: lives.map(({ state }) => state.life),
    rows,
    stamps,
    cellStamps,
    values: columns.map((column) => lives.map(({ state }): CellValue => state.cells.get(column)?.value ?? null)),
    keys: lives.map(({ key }) => key),
  };
}

/** A weak stamp is never the one of a row. */
function commonStamp({ life, cells }: LifeState): CellStamp {
  for (const { at } of cells.values()) if (!at.weak) return at;
  return { stamp: life.stamp, origin: life.origin };
}

/** Life `i` of a block. */
export function lifeInBlock(block: StateBlock, i: number): LifeState {
  const life = block.lives[i];
  const at = block.stamps[i];
  if (!life || !at) throw new RangeError(`a block of ${block.table} has no life ${i}`);
  const stamps = block.cellStamps.get(i);
  const cells = new Map<string, Cell>(
    block.columns.map((column, c) => [column, { value: block.values[c]?.[i] ?? null, at: stamps?.get(c) ?? at }]),
  );
  return { table: block.table, life, row: block.rows.get(i) ?? life, cells };
}

/** Says that the snapshot speaks for a table, even when it has no life in it. */
export const emptyBlock = (table: string, keyColumns: readonly string[], columns: readonly string[]): StateBlock => ({
  table,
  keyColumns,
  columns,
  count: 0,
  lives: [],
  rows: new Map(),
  stamps: [],
  cellStamps: new Map(),
  values: columns.map(() => []),
  keys: [],
});
