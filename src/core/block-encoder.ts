import type { CellStampExceptions, ChangeBlock, EndBlock, InsertBlock, MergeBlock, UpdateBlock } from './changeset.js';
import type { CellStamp } from './cell-stamp.js';
import { writeColumn } from './column-encoder.js';
import type { LifeName } from './life.js';
import { writeCellStamps, writeLives, writeNumbers, writeStamps } from './life-codec.js';
import type { PartWriter } from './part-dictionary.js';
import { columnsMax, livesPerChangeMax } from './limits.js';
import { SyncError } from './sync-error.js';
import type { CellValue } from './value.js';

/** A body ends with `bodyEnd`, so that a shortened one is never taken for a whole one. */
export const blockTag = { bodyEnd: 0, insert: 1, update: 2, end: 3, merge: 4 } as const;
export const endReasons = ['delete', 'cascade', 'rekey'] as const;

/** Rows `from .. to` of a block. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** Writes the changes `from .. to` of a block, as a block of its own. */
export function writeBlock(part: PartWriter, block: ChangeBlock, range: Range): void {
  part.out.byte(blockTag[block.kind]);
  part.name(block.table);
  part.out.varint(range.to - range.from);
  switch (block.kind) {
    case 'insert':
      return writeInserts(part, block, range);
    case 'update':
      return writeUpdates(part, block, range);
    case 'end':
      return writeEnds(part, block, range);
    case 'merge':
      return writeMerges(part, block, range);
  }
}

function writeInserts(part: PartWriter, block: InsertBlock, { from, to }: Range): void {
  writeNames(part, block.columns);
  writeNumbers(part, block.indexes.slice(from, to), 0);
  writeRowsByPosition(part, block.rows, { from, to });
  writeStamps(part, block.times.slice(from, to));
  writeCellStampExceptions(part, block, { from, to });
  writeColumns(part, block.values, { from, to });
}

function writeUpdates(part: PartWriter, block: UpdateBlock, { from, to }: Range): void {
  writeNames(part, block.columns);
  writeLifeLists(part, block.lives.slice(from, to));
  writeNames(part, block.keyColumns);
  writeColumns(part, block.keys, { from, to });
  writeStamps(part, block.times.slice(from, to));
  writeCellStampExceptions(part, block, { from, to });
  writeColumns(part, block.values, { from, to });
}

function writeEnds(part: PartWriter, block: EndBlock, { from, to }: Range): void {
  part.out.byte(endReasons.indexOf(block.why));
  writeLifeLists(part, block.lives.slice(from, to));
  writeNames(part, block.keyColumns);
  writeColumns(part, block.keys, { from, to });
}

function writeMerges(part: PartWriter, block: MergeBlock, { from, to }: Range): void {
  writeLives(part, block.from.slice(from, to));
  writeLives(part, block.to.slice(from, to));
  writeCellStamps(part, block.at.slice(from, to));
}

export function writeNames(part: PartWriter, names: readonly string[]): void {
  part.out.varint(names.length);
  for (const name of names) part.name(name);
}

export function writeColumns(part: PartWriter, columns: readonly (readonly CellValue[])[], { from, to }: Range): void {
  for (const column of columns) writeColumn(part, column, from, to);
}

/** A list of lives per change: 0 when each has one life, else 1 and the lengths; then all lives. */
function writeLifeLists(part: PartWriter, lists: readonly (readonly LifeName[])[]): void {
  const isSingle = lists.every((list) => list.length === 1);
  const longest = lists.reduce((length, list) => Math.max(length, list.length), 0);
  if (longest > livesPerChangeMax) throw beyondBound('lives of a change', longest, livesPerChangeMax);
  part.out.byte(isSingle ? 0 : 1);
  if (!isSingle) for (const list of lists) part.out.varint(list.length);
  writeLives(part, lists.flat());
}

export function writeRowsByPosition(part: PartWriter, rows: ReadonlyMap<number, LifeName>, { from, to }: Range): void {
  const positions: number[] = [];
  const lives: LifeName[] = [];
  for (let i = from; rows.size > 0 && i < to; i++) {
    const life = rows.get(i);
    if (!life) continue;
    positions.push(i - from);
    lives.push(life);
  }
  part.out.varint(positions.length);
  writeNumbers(part, positions, 0);
  writeLives(part, lives);
}

/** All exceptions in one sequence: the change, its column, the stamp. */
export function writeCellStampExceptions(
  part: PartWriter,
  block: { readonly table: string; readonly columns: readonly string[]; readonly cellStamps: CellStampExceptions },
  { from, to }: Range,
): void {
  const exceptions = block.cellStamps;
  const positions: number[] = [];
  const columns: number[] = [];
  const stamps: CellStamp[] = [];
  for (let i = from; exceptions.size > 0 && i < to; i++) {
    for (const [column, stamp] of exceptions.get(i) ?? []) {
      if (column >= block.columns.length) throw badShape(block.table, 'a stamp belongs to no column');
      positions.push(i - from);
      columns.push(column);
      stamps.push(stamp);
    }
  }
  part.out.varint(positions.length);
  writeNumbers(part, positions, 0);
  writeNumbers(part, columns, 0);
  writeCellStamps(part, stamps);
}

/** Throws USYNC-1001 when the parts of a block differ in length: it would be read as something else. */
export function checkBlockShape(block: ChangeBlock): void {
  const lengths: number[] = [];
  switch (block.kind) {
    case 'insert':
      lengths.push(block.indexes.length, block.times.length, ...block.values.map((column) => column.length));
      checkColumns(block.table, block.columns, block.values);
      break;
    case 'update':
      lengths.push(block.lives.length, block.times.length, ...block.values.map((column) => column.length));
      lengths.push(...block.keys.map((column) => column.length));
      checkColumns(block.table, block.columns, block.values);
      checkColumns(block.table, block.keyColumns, block.keys);
      break;
    case 'end':
      lengths.push(block.lives.length, ...block.keys.map((column) => column.length));
      checkColumns(block.table, block.keyColumns, block.keys);
      break;
    case 'merge':
      lengths.push(block.from.length, block.to.length, block.at.length);
      break;
  }
  if ((block.kind === 'update' || block.kind === 'end') && block.lives.some((list) => list.length === 0)) {
    throw badShape(block.table, 'a change names no life');
  }
  if (lengths.some((length) => length !== block.count)) throw badShape(block.table, 'its columns differ in length');
}

export function checkColumns(table: string, names: readonly string[], columns: readonly unknown[]): void {
  if (names.length !== columns.length) throw badShape(table, 'there are not as many columns as names');
  if (names.length > columnsMax) throw beyondBound('columns', names.length, columnsMax);
  if (new Set(names).size !== names.length) throw badShape(table, 'a column is named twice');
}

export const beyondBound = (what: string, count: number, max: number): SyncError =>
  new SyncError('USYNC-1507', `It cannot be encoded: too many ${what}.`, { facts: { count, max } });

export const badShape = (table: string, what: string): SyncError =>
  new SyncError('USYNC-1001', `A block of table ${table} cannot be encoded: ${what}.`, { facts: { table } });
