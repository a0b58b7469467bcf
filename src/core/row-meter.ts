import type { ChangeBlock } from './changeset.js';
import { RawText, type CellValue } from './value.js';

/** Says how many rows of a block fit a part. Sizes are estimates: text counts one byte a character. */
export interface RowMeter {
  /** Cells of a row that a decoder must hold, keys included; at least 1. */
  readonly columnCount: number;
  /** The count of rows from `from` on whose sizes stay within `bytesMax` together, at most `rowsMax`. */
  rowsThatFit(request: { readonly from: number; readonly bytesMax: number; readonly rowsMax: number }): number;
}

/** Room for the life, time and the like of a change. */
const changeBytes = 4;
const exceptionBytes = 12;
const furtherLifeBytes = 8;

export function createRowMeter(block: ChangeBlock): RowMeter {
  const columns = columnsOf(block);
  const extra = extraBytesOf(block);
  return {
    columnCount: Math.max(columns.length, 1),
    rowsThatFit: ({ from, bytesMax, rowsMax }) => {
      const end = Math.min(block.count, from + rowsMax);
      let bytes = 0;
      for (let row = from; row < end; row++) {
        bytes += changeBytes + extra(row);
        for (const column of columns) bytes += valueBytes(column[row]);
        if (bytes > bytesMax) return row - from;
      }
      return Math.max(end - from, 0);
    },
  };
}

function columnsOf(block: ChangeBlock): readonly (readonly CellValue[])[] {
  switch (block.kind) {
    case 'insert':
      return block.values;
    case 'update':
      return [...block.values, ...block.keys];
    case 'end':
      return block.keys;
    case 'merge':
      return [];
  }
}

/** What comes on top of values; nearly always nothing. */
function extraBytesOf(block: ChangeBlock): (row: number) => number {
  switch (block.kind) {
    case 'merge':
      return () => 4 * furtherLifeBytes;
    case 'end':
      return (row) => ((block.lives[row]?.length ?? 1) - 1) * furtherLifeBytes;
    case 'insert':
      return (row) => (block.cellStamps.size === 0 ? 0 : (block.cellStamps.get(row)?.size ?? 0) * exceptionBytes);
    case 'update':
      return (row) =>
        ((block.lives[row]?.length ?? 1) - 1) * furtherLifeBytes +
        (block.cellStamps.size === 0 ? 0 : (block.cellStamps.get(row)?.size ?? 0) * exceptionBytes);
  }
}

function valueBytes(value: CellValue | undefined): number {
  if (typeof value === 'string') return value.length + 1;
  if (typeof value === 'bigint') return 3;
  if (typeof value === 'number') return 8;
  if (value === null || value === undefined) return 0;
  if (value instanceof Uint8Array) return value.length + 1;
  return value instanceof RawText ? value.bytes.length + 1 : furtherLifeBytes;
}
