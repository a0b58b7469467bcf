import type { ChangeBlock } from './changeset.js';
import { RawText, type CellValue } from './value.js';

/** Says how many rows of a block fit a part. Sizes are estimates: text counts one byte a character. */
export interface RowMeter {
  /** The most rows from `from` on that stay within all bounds together, and the cells that they count as. */
  rowsThatFit(request: RowsRequest): { readonly rows: number; readonly cells: number };
  /** What one row counts as, when it has to go into a part of its own. */
  cellsOf(row: number): number;
}

interface RowsRequest {
  readonly from: number;
  readonly bytesMax: number;
  readonly rowsMax: number;
  readonly cellsMax: number;
}

/** Room for the life, time and the like of a change. */
const changeBytes = 4;
const exceptionBytes = 12;
const lifeBytes = 8;

export function createRowMeter(block: ChangeBlock): RowMeter {
  const columns = columnsOf(block);
  const lives = livesOf(block);
  const cellStamps = block.kind === 'insert' || block.kind === 'update' ? block.cellStamps : undefined;
  const exceptionsOf = (row: number): number => (cellStamps?.size ? (cellStamps.get(row)?.size ?? 0) : 0);
  const cellsOf = (row: number): number => columns.length + (lives ? (lives[row]?.length ?? 0) : 1);
  return {
    cellsOf,
    rowsThatFit: ({ from, bytesMax, rowsMax, cellsMax }) => {
      const end = Math.min(block.count, from + rowsMax);
      let bytes = 0;
      let cells = 0;
      for (let row = from; row < end; row++) {
        const more = cellsOf(row);
        bytes += changeBytes + (more - columns.length - 1) * lifeBytes + exceptionsOf(row) * exceptionBytes;
        for (const column of columns) bytes += valueBytes(column[row]);
        if (bytes > bytesMax || cells + more > cellsMax) return { rows: row - from, cells };
        cells += more;
      }
      return { rows: Math.max(end - from, 0), cells };
    },
  };
}

/** The lists of lives that changes name, where they may be longer than one. */
const livesOf = (block: ChangeBlock): readonly (readonly unknown[])[] | undefined =>
  block.kind === 'update' || block.kind === 'end' ? block.lives : undefined;

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

function valueBytes(value: CellValue | undefined): number {
  if (typeof value === 'string') return value.length + 1;
  if (typeof value === 'bigint') return 3;
  if (typeof value === 'number') return 8;
  if (value === null || value === undefined) return 0;
  if (value instanceof Uint8Array) return value.length + 1;
  return value instanceof RawText ? value.bytes.length + 1 : lifeBytes;
}
