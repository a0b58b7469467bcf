/**
 * Lists of references in one column: numbers of rows of another table in a JSON array or between commas. The column's cell
 * is the text as it was written; beside it is a mark, a cell in a column that no table can have, which says which rows the
 * numbers meant. Both are written together, with one stamp. What is shown has the numbers that these rows have now.
 */
import { compareCellStamps } from './cell-stamp.js';
import type { LifeName } from './life.js';
import type { Cell } from './life-state.js';
import type { OriginId } from './origin.js';
import type { Stamp } from './stamp.js';
import type { CellValue, SqlValue } from './value.js';

/** `json`: an array of numbers, or of texts that are numbers. `text`: numbers with commas between them, or one number. */
export type ListFormat = 'json' | 'text';

/** By number as written, the row that it meant. */
export type ListedRows = ReadonlyMap<bigint, LifeName>;

export const listMark = '\0rows:';

export const listColumn = (column: string): string => listMark + column;

export const isListColumn = (column: string): boolean => column.startsWith(listMark);

/** The numbers of a list; none where the value is no list. */
export function numbersIn(format: ListFormat, value: CellValue): bigint[] {
  if (typeof value === 'bigint') return [value];
  if (typeof value !== 'string' || !isList(format, value)) return [];
  return [...value.matchAll(/-?\d+/g)].map(([digits]) => BigInt(digits));
}

/** The list with other numbers in the same places; everything else of the text stays as it was. */
export function withNumbers(format: ListFormat, value: SqlValue, numberFor: (number: bigint) => bigint): SqlValue {
  if (typeof value === 'bigint') return numberFor(value);
  if (typeof value !== 'string' || !isList(format, value)) return value;
  return value.replaceAll(/-?\d+/g, (digits) => {
    const number = numberFor(BigInt(digits));
    return number === BigInt(digits) ? digits : String(number);
  });
}

const isList = (format: ListFormat, text: string): boolean =>
  format === 'json'
    ? /^\s*\[\s*(?:-?\d+|"-?\d+"|null)(?:\s*,\s*(?:-?\d+|"-?\d+"|null))*\s*\]\s*$/.test(text)
    : /^\s*-?\d+(?:\s*,\s*-?\d+)*\s*,?\s*$/.test(text);

/** What the mark holds; null where no number means a row. */
export const listedRowsText = (rows: ListedRows): string | null =>
  rows.size === 0
    ? null
    : JSON.stringify([...rows].map(([number, { stamp, origin, index }]) => [String(number), stamp, origin, index]));

/** What the list in a column means: by the mark that was written with it. */
export function rowsOfList(cells: ReadonlyMap<string, Cell>, column: string): ListedRows {
  const mark = cells.get(listColumn(column));
  const cell = mark && cells.get(column);
  return cell && compareCellStamps(cell.at, mark.at) === 0 ? listedRows(mark.value) : noRows;
}

const noRows: ListedRows = new Map();

/** From a peer, so anything may stand there: what is no such text means nothing. */
export function listedRows(mark: CellValue | undefined): ListedRows {
  const rows = new Map<bigint, LifeName>();
  for (const entry of entriesOf(mark)) {
    if (!Array.isArray(entry)) continue;
    const [number, stamp, origin, index] = entry as unknown[];
    const isRow =
      typeof number === 'string' &&
      /^-?\d{1,19}$/.test(number) &&
      Number.isSafeInteger(stamp) &&
      typeof origin === 'string' &&
      Number.isSafeInteger(index);
    if (isRow) rows.set(BigInt(number), { stamp: stamp as Stamp, origin: origin as OriginId, index: index as number });
  }
  return rows;
}

function entriesOf(mark: CellValue | undefined): readonly unknown[] {
  if (typeof mark !== 'string') return [];
  try {
    const parsed: unknown = JSON.parse(mark);
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}
