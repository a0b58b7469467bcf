/** One row of cells, as side tables keep it: lives that are not shown, columns that are unknown here. */
import { readNames } from './block-decoder.js';
import { badShape, writeNames } from './block-encoder.js';
import { createByteReader, malformed } from './byte-reader.js';
import { createByteWriter } from './byte-writer.js';
import type { CellStamp } from './cell-stamp.js';
import { readColumn } from './column-decoder.js';
import { writeColumn } from './column-encoder.js';
import { readCellStamps, writeCellStamps } from './life-codec.js';
import { createPartReader, createPartWriter } from './part-dictionary.js';
import { zeroStamp } from './stamp.js';
import type { CellValue } from './value.js';

export interface Cells {
  readonly columns: readonly string[];
  readonly values: readonly CellValue[];
  readonly stamps: readonly CellStamp[];
}

const cellsFormat = 1;

/** `values[c]` and `stamps[c]` belong to `columns[c]`. */
export function encodeCells(
  columns: readonly string[],
  values: readonly CellValue[],
  stamps: readonly CellStamp[],
): Uint8Array {
  if (columns.length !== values.length || columns.length !== stamps.length) {
    throw badShape('of one row', 'its columns differ in length');
  }
  const out = createByteWriter();
  const part = createPartWriter(out, zeroStamp, []);
  out.byte(cellsFormat);
  writeNames(part, columns);
  writeColumn(part, values, 0, values.length);
  writeCellStamps(part, stamps);
  return out.copy();
}

/** Throws USYNC-1504 or USYNC-1507 for anything that `encodeCells` does not make. */
export function decodeCells(bytes: Uint8Array): Cells {
  const input = createByteReader(bytes);
  const part = createPartReader(input, zeroStamp, []);
  if (input.byte() !== cellsFormat) throw malformed('the format of cells is not known');
  const columns = readNames(part);
  const values = readColumn(part, columns.length);
  const stamps = readCellStamps(part, columns.length);
  if (input.left > 0) throw malformed('bytes are left behind cells');
  return { columns, values, stamps };
}
