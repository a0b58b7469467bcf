/**
 * Columns with the rule `counter`. The column's own cell is what it held at first; what each run of a server added since is a
 * cell of its own beside it, which only that run writes. So every addition counts once, in any order, and cells merge as
 * all others do: per run the latest sum stands. A run ends with the process: where a server goes on from an older copy of
 * its history, or twice, its additions do not take each other's place.
 */
import type { Cell } from './life-state.js';
import type { OriginId } from './origin.js';
import { zeroStamp, type Stamp } from './stamp.js';
import { RowReference, type CellValue, type SqlValue } from './value.js';

const additionMark = '\0+';

/** Whose sum an addition is. A run is named by the stamp of its first addition. */
export interface CountingRun {
  readonly origin: OriginId;
  readonly run: Stamp;
}

export interface Addition extends CountingRun {
  readonly column: string;
}

/** The name under which a run's additions travel. No column of a database can be called so. */
export const additionColumn = ({ column, origin, run }: Addition): string => `${column}${additionMark}${origin}:${run}`;

export const isAddition = (column: string): boolean => column.includes(additionMark);

/** What such a name says; null for any other. */
export function partsOfAddition(name: string): Addition | null {
  const at = name.indexOf(additionMark);
  if (at < 0) return null;
  const [origin = '', run = ''] = name.slice(at + additionMark.length).split(':');
  return {
    column: name.slice(0, at),
    origin: origin as OriginId,
    run: run === '' ? zeroStamp : (Number(run) as Stamp),
  };
}

/** What is shown of a counter. It counts from 0 where it held no number at first. */
export function counterTotal(cells: ReadonlyMap<string, Cell>, column: string): SqlValue | undefined {
  const base = plainOf(cells.get(column)?.value ?? null);
  const added = [...cells]
    .filter(([name]) => name.startsWith(`${column}${additionMark}`))
    // Sums of reals depend on the order: one order for all.
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (added.length === 0) return base;
  let total = isNumber(base) ? base : 0n;
  for (const [, { value }] of added) if (isNumber(value)) total = addNumbers(total, value);
  return total;
}

/** Null when it was set to something that is no number. */
export function addedBetween(before: SqlValue, after: SqlValue): bigint | number | null {
  if (!isNumber(after)) return null;
  return isNumber(before) ? addNumbers(after, -before) : after;
}

export function addNumbers(a: bigint | number, b: bigint | number): bigint | number {
  if (typeof a !== 'bigint' || typeof b !== 'bigint') return Number(a) + Number(b);
  const sum = a + b;
  // As SQLite does it: what does not fit into 64 bits becomes a real.
  return BigInt.asIntN(64, sum) === sum ? sum : Number(sum);
}

export const isNumber = (value: CellValue | undefined): value is bigint | number =>
  typeof value === 'bigint' || typeof value === 'number';
const plainOf = (value: CellValue): SqlValue => (value instanceof RowReference ? null : value);
