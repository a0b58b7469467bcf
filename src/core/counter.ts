/**
 * Columns with the rule `counter`. The column's own cell is what it held at first; what each origin added since is a cell
 * of its own beside it, which only that origin writes. So every addition counts once, in any order, and cells merge as
 * all others do: per origin the latest sum stands.
 */
import type { Cell } from './life-state.js';
import type { OriginId } from './origin.js';
import { RowReference, type CellValue, type SqlValue } from './value.js';

const additionMark = '\0+';

/** The name under which an origin's additions travel. No column of a database can be called so. */
export const additionColumn = (column: string, origin: OriginId): string => `${column}${additionMark}${origin}`;

export const isAddition = (column: string): boolean => column.includes(additionMark);

/** The column and the origin of such a name; null for any other. */
export function partsOfAddition(name: string): { readonly column: string; readonly origin: OriginId } | null {
  const at = name.indexOf(additionMark);
  return at < 0 ? null : { column: name.slice(0, at), origin: name.slice(at + additionMark.length) as OriginId };
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
