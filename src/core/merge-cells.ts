/**
 * Merging one change into the state (rule R2). Pure: every function returns the new state and what lost, so that a
 * caller can keep it in the conflict log.
 */
import { compareCellStamps, type CellStamp } from './cell-stamp.js';
import type { Alias, Cell } from './life-state.js';
import { keyText } from './key-text.js';
import { compareLives, isSameLife, lifeText } from './life.js';
import type { ColumnRule } from './table-schema.js';
import { type CellValue, RowReference, isSameValue } from './value.js';

/** How each column merges; absent: `column`, the higher stamp wins. */
export type RuleOf = (column: string) => ColumnRule;

export interface LostCell {
  readonly column: string;
  readonly lost: Cell;
  readonly kept: Cell;
}

export interface MergedCells {
  readonly cells: ReadonlyMap<string, Cell>;
  /** Columns whose cell is now another one than before. */
  readonly changed: readonly string[];
  /**
   * Cells that lost against the incoming or the standing ones, with another content than the winner's. A cell that was
   * replaced by an edit made after seeing it is among them: only the caller knows which writes were concurrent.
   */
  readonly lost: readonly LostCell[];
}

/** Per column the higher stamp wins (rule R2.2), or what the column's rule says. Order and repetition do not matter. */
export function mergeCells(
  current: ReadonlyMap<string, Cell>,
  incoming: ReadonlyMap<string, Cell>,
  ruleOf?: RuleOf,
): MergedCells {
  const cells = new Map(current);
  const changed: string[] = [];
  const lost: LostCell[] = [];
  for (const [column, cell] of incoming) {
    const standing = current.get(column);
    if (!standing) {
      cells.set(column, cell);
      changed.push(column);
      continue;
    }
    const order = compareCells(cell, standing, ruleOf?.(column));
    if (order === 0) continue;
    const [kept, beaten] = order > 0 ? [cell, standing] : [standing, cell];
    if (order > 0) {
      cells.set(column, cell);
      changed.push(column);
    }
    if (!isSameCellValue(kept.value, beaten.value)) lost.push({ column, lost: beaten, kept });
  }
  return { cells, changed, lost };
}

/**
 * Above 0 when `a` wins over `b`. A total order for every rule, so that merging is the same in any order: two branches of
 * a forked origin may have used one stamp for two values, and then the greater value wins.
 */
export function compareCells(a: Cell, b: Cell, rule: ColumnRule = 'column'): number {
  const byStamp = compareCellStamps(a.at, b.at) || compareExactly(a.value, b.value);
  if (rule === 'first-write-wins')
    // A confirmation (rule R8) takes the place of the very value that it was made for, whatever the rule.
    return comparePresence(a.value, b.value) || (isSameWrite(a.at, b.at) ? byStamp : -byStamp);
  if (rule === 'max') return compareNumbers(a.value, b.value) || byStamp;
  if (rule === 'min') return compareForMin(a.value, b.value) || byStamp;
  return byStamp;
}

const isSameWrite = (a: CellStamp, b: CellStamp): boolean => a.stamp === b.stamp && a.origin === b.origin;

/** A column that nobody filled yet is open to the first value. */
const comparePresence = (a: CellValue, b: CellValue): number => (a === null ? 0 : 1) - (b === null ? 0 : 1);

/** Whether an application may put `after` in the place of `before` that it saw. */
export function winsOver(after: CellValue, before: CellValue, rule: ColumnRule): boolean {
  if (rule === 'first-write-wins') return before === null;
  if (rule === 'max') return compareNumbers(after, before) >= 0;
  if (rule === 'min') return compareForMin(after, before) >= 0;
  return true;
}

function compareExactly(a: CellValue, b: CellValue): number {
  if (isSameCellValue(a, b)) return 0;
  return exactText(a) < exactText(b) ? -1 : 1;
}

/** Different for values that are not the same bit by bit. */
function exactText(value: CellValue): string {
  if (value instanceof RowReference) return `row ${lifeText(value.row)}`;
  const isReal = typeof value === 'number';
  return isReal ? `real ${Object.is(value, -0) ? '-0' : value}` : keyText([value]);
}

/** Numbers above everything that is none, so that a `max` or `min` column keeps a number once it has one. */
function compareNumbers(a: CellValue, b: CellValue): number {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x === null || y === null) return (x === null ? 0 : 1) - (y === null ? 0 : 1);
  if (x === y) return 0;
  return x < y ? -1 : 1;
}

/** The lower number is above; whatever is no number stays below. */
const compareForMin = (a: CellValue, b: CellValue): number =>
  numberOf(a) === null || numberOf(b) === null ? compareNumbers(a, b) : -compareNumbers(a, b);

const numberOf = (value: CellValue): bigint | number | null =>
  typeof value === 'bigint' || typeof value === 'number' ? value : null;

export interface MergedAlias {
  readonly alias: Alias;
  readonly lost: Alias | null;
}

/** Aliases are last writer wins: an origin and its heir may both have confirmed, differently. A tie goes by `to`. */
export function mergeAlias(current: Alias | undefined, incoming: Alias): MergedAlias {
  if (!current) return { alias: incoming, lost: null };
  const order = compareCellStamps(incoming.at, current.at) || compareLives(incoming.to, current.to);
  const [alias, other] = order > 0 ? [incoming, current] : [current, incoming];
  return { alias, lost: isSameLife(alias.to, other.to) ? null : other };
}

export function isSameCellValue(a: CellValue, b: CellValue): boolean {
  if (a instanceof RowReference) return b instanceof RowReference && isSameLife(a.row, b.row);
  return !(b instanceof RowReference) && isSameValue(a, b);
}
