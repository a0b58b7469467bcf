import { partsOfAddition } from '../../../core/counter.js';
import { isMarkColumn } from '../../../core/mark-column.js';

/** How a cell is told to people: null for cells beside a row's own that are values of nobody. */
export interface ToldColumn {
  readonly column: string;
  readonly text: (value: string) => string;
}

/** Of a counter an origin tells what it has added in all. */
export function toldColumn(column: string): ToldColumn | null {
  if (isMarkColumn(column)) return null;
  const addition = partsOfAddition(column);
  if (!addition) return { column, text: (value) => value };
  return { column: addition.column, text: (value) => `${value.startsWith('-') ? '' : '+'}${value} in all` };
}
