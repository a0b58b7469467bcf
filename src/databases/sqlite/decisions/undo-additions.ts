import { compareCellStamps } from '../../../core/cell-stamp.js';
import { addNumbers, isAddition, isNumber, partsOfAddition } from '../../../core/counter.js';
import type { Cell } from '../../../core/life-state.js';
import type { SqlValue } from '../../../core/value.js';

/** What one server has added to the counters of one row since a time. */
export interface AddedCells {
  /** Per addition its newest sum. */
  readonly added: Map<string, Cell>;
  /** Per addition its sum before the time. */
  readonly before: ReadonlyMap<string, Cell>;
  /** Every column of the row is known: what is not in `before` was not there. */
  readonly isWhole: boolean;
}

export function collectAdditions(added: Map<string, Cell>, cells: Iterable<readonly [string, Cell]>): void {
  for (const [column, cell] of cells) {
    if (!isAddition(column)) continue;
    const known = added.get(column);
    if (!known || compareCellStamps(cell.at, known.at) > 0) added.set(column, cell);
  }
}

/** How much is to be taken off each counter; null where what stood before is not known. */
export function additionsToUndo({ added, before, isWhole }: AddedCells): Map<string, SqlValue> {
  const sums = new Map<string, SqlValue>();
  for (const [name, { value }] of added) {
    const column = partsOfAddition(name)?.column;
    if (column === undefined || !isNumber(value)) continue;
    const former = before.get(name)?.value ?? (isWhole ? 0n : null);
    const sum = isNumber(former) ? addNumbers(value, -former) : null;
    const known = sums.get(column);
    // Of several epochs of one server.
    sums.set(column, sum === null || known === null ? null : isNumber(known) ? addNumbers(known, sum) : sum);
  }
  return sums;
}
