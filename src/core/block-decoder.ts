import { blockTag, endReasons } from './block-encoder.js';
import { beyondLimit, malformed } from './byte-reader.js';
import type { CellStamp } from './cell-stamp.js';
import type { ChangeBlock, EndBlock, InsertBlock, MergeBlock, UpdateBlock } from './changeset.js';
import { readColumn, readPlainColumn } from './column-decoder.js';
import type { LifeName } from './life.js';
import { at, readCellStamps, readLives, readNumbers, readStamps } from './life-codec.js';
import { cellsPerPartMax, columnsMax, livesPerChangeMax, rowsPerPartMax } from './limits.js';
import type { PartReader } from './part-dictionary.js';
import type { CellValue, SqlValue } from './value.js';

/** What the blocks of one part may still make the decoder allocate. Both throw USYNC-1507 when it is used up. */
export interface PartBudget {
  takeRows(count: number): void;
  takeCells(count: number): void;
}

export function createPartBudget(): PartBudget {
  let rows = 0;
  let cells = 0;
  return {
    takeRows: (count) => {
      rows += count;
      if (rows > rowsPerPartMax) throw beyondLimit('rows of a part', rows, rowsPerPartMax);
    },
    takeCells: (count) => {
      cells += count;
      if (cells > cellsPerPartMax) throw beyondLimit('cells of a part', cells, cellsPerPartMax);
    },
  };
}

/** The blocks of a body, to its end. */
export function readBlocks(part: PartReader): ChangeBlock[] {
  const blocks: ChangeBlock[] = [];
  const budget = createPartBudget();
  for (;;) {
    const tag = part.input.byte();
    if (tag === blockTag.bodyEnd) break;
    blocks.push(readBlock(part, budget, tag));
  }
  if (part.input.left > 0) throw malformed('bytes are left behind its end');
  return blocks;
}

function readBlock(part: PartReader, budget: PartBudget, tag: number): ChangeBlock {
  const table = part.name();
  const count = readRowCount(part, budget);
  switch (tag) {
    case blockTag.insert:
      return readInserts(part, budget, { table, count });
    case blockTag.update:
      return readUpdates(part, budget, { table, count });
    case blockTag.end:
      return readEnds(part, budget, { table, count });
    case blockTag.merge:
      return readMerges(part, { table, count });
    default:
      throw malformed('a block is of no known kind');
  }
}

/** Every change takes at least one byte, whatever its kind. */
export function readRowCount(part: PartReader, budget: PartBudget): number {
  const count = part.input.count('rows of a block', rowsPerPartMax, 1);
  budget.takeRows(count);
  return count;
}

interface BlockStart {
  readonly table: string;
  readonly count: number;
}

function readInserts(part: PartReader, budget: PartBudget, { table, count }: BlockStart): InsertBlock {
  const columns = readNames(part);
  budget.takeCells(count * columns.length);
  return {
    kind: 'insert',
    table,
    count,
    columns,
    indexes: readNumbers(part, count, 0, Number.MAX_SAFE_INTEGER),
    rows: readRowsByPosition(part, count),
    times: readStamps(part, count),
    cellStamps: readCellStampExceptions(part, count, columns.length),
    values: readColumns(part, columns.length, count),
  };
}

function readUpdates(part: PartReader, budget: PartBudget, { table, count }: BlockStart): UpdateBlock {
  const columns = readNames(part);
  budget.takeCells(count * columns.length);
  const lives = readLifeLists(part, budget, count);
  const keyColumns = readNames(part);
  budget.takeCells(count * keyColumns.length);
  return {
    kind: 'update',
    table,
    count,
    columns,
    lives,
    keyColumns,
    keys: readKeys(part, keyColumns.length, count),
    times: readStamps(part, count),
    cellStamps: readCellStampExceptions(part, count, columns.length),
    values: readColumns(part, columns.length, count),
  };
}

function readEnds(part: PartReader, budget: PartBudget, { table, count }: BlockStart): EndBlock {
  const why = endReasons[part.input.byte()];
  if (why === undefined) throw malformed('a life ended for no known reason');
  const lives = readLifeLists(part, budget, count);
  const keyColumns = readNames(part);
  budget.takeCells(count * keyColumns.length);
  return { kind: 'end', table, count, why, lives, keyColumns, keys: readKeys(part, keyColumns.length, count) };
}

function readMerges(part: PartReader, { table, count }: BlockStart): MergeBlock {
  const from = readLives(part, count);
  const to = readLives(part, count);
  return { kind: 'merge', table, count, from, to, at: readCellStamps(part, count) };
}

/** Names of columns: none twice, else one value would hide another. */
export function readNames(part: PartReader): string[] {
  const count = part.input.count('columns', columnsMax, 1);
  const names = new Set<string>();
  for (let i = 0; i < count; i++) names.add(part.name());
  if (names.size !== count) throw malformed('a column is named twice');
  return [...names];
}

export function readColumns(part: PartReader, columnCount: number, count: number): CellValue[][] {
  const columns: CellValue[][] = [];
  for (let i = 0; i < columnCount; i++) columns.push(readColumn(part, count));
  return columns;
}

export function readKeys(part: PartReader, columnCount: number, count: number): SqlValue[][] {
  const columns: SqlValue[][] = [];
  for (let i = 0; i < columnCount; i++) columns.push(readPlainColumn(part, count));
  return columns;
}

function readLifeLists(part: PartReader, budget: PartBudget, count: number): LifeName[][] {
  const form = part.input.byte();
  if (form === 0) return readLives(part, count).map((life) => [life]);
  if (form !== 1) throw malformed('lists of lives have an unknown form');
  const lengths: number[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const length = part.input.count('lives of a change', livesPerChangeMax, 2);
    if (length === 0) throw malformed('a change names no life');
    lengths.push(length);
    total += length;
  }
  budget.takeCells(total);
  const lives = readLives(part, total);
  let start = 0;
  return lengths.map((length) => lives.slice(start, (start += length)));
}

export function readRowsByPosition(part: PartReader, count: number): Map<number, LifeName> {
  const rowCount = part.input.count('rows of lives', count, 3);
  const positions = readNumbers(part, rowCount, 0, count - 1);
  const lives = readLives(part, rowCount);
  const rows = new Map<number, LifeName>();
  let before = -1;
  positions.forEach((position, i) => {
    if (position <= before) throw malformed('rows of lives are not in order');
    before = position;
    rows.set(position, at(lives, i));
  });
  return rows;
}

export function readCellStampExceptions(
  part: PartReader,
  count: number,
  columnCount: number,
): Map<number, Map<number, CellStamp>> {
  const total = part.input.count('stamps of cells', count * columnCount, 3);
  const positions = readNumbers(part, total, 0, count - 1);
  const columns = readNumbers(part, total, 0, columnCount - 1);
  const stamps = readCellStamps(part, total);
  const exceptions = new Map<number, Map<number, CellStamp>>();
  let before = -1;
  positions.forEach((position, i) => {
    if (position < before) throw malformed('stamps of cells are not in order');
    before = position;
    const ofChange = exceptions.get(position) ?? new Map<number, CellStamp>();
    exceptions.set(position, ofChange);
    if (ofChange.has(at(columns, i))) throw malformed('a cell has two stamps');
    ofChange.set(at(columns, i), at(stamps, i));
  });
  return exceptions;
}
