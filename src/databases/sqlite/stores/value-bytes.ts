import type { CellStamp } from '../../../core/cell-stamp.js';
import type { LifeName } from '../../../core/life.js';
import type { Stamp } from '../../../core/stamp.js';
import { SyncError } from '../../../core/sync-error.js';
import { RawText, RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import type { OriginStore } from './origin-store.js';
import { bytesToStamp, readVarint, stampToBytes, writeVarint } from './stamp-bytes.js';

/** A cell kept outside the application's tables. */
export interface Cell {
  readonly value: CellValue;
  readonly at: CellStamp;
}

/** Values of a key, or cells by column name, as one blob inside the sync tables. Never sent to a peer. */
export function keyToBytes(key: readonly SqlValue[]): Uint8Array {
  const out = new ByteBuilder();
  for (const value of key) writeValue(out, value, null);
  return out.bytes();
}

export function bytesToKey(bytes: Uint8Array): SqlValue[] {
  const cursor = { bytes, offset: 0 };
  const key: SqlValue[] = [];
  while (cursor.offset < bytes.length) {
    const value = readValue(cursor, null);
    if (value instanceof RowReference) throw new SyncError('USYNC-1001', 'a key holds a reference');
    key.push(value);
  }
  return key;
}

export function cellsToBytes(cells: ReadonlyMap<string, Cell>, origins: OriginStore): Uint8Array {
  const out = new ByteBuilder();
  for (const [column, { value, at }] of cells) {
    out.block(Buffer.from(column, 'utf8'));
    out.block(stampToBytes(at, origins));
    writeValue(out, value, origins);
  }
  return out.bytes();
}

export function bytesToCells(bytes: Uint8Array, origins: OriginStore): Map<string, Cell> {
  const cursor = { bytes, offset: 0 };
  const cells = new Map<string, Cell>();
  while (cursor.offset < bytes.length) {
    const column = Buffer.from(readBlock(cursor)).toString('utf8');
    const at = bytesToStamp(readBlock(cursor), origins);
    cells.set(column, { value: readValue(cursor, origins), at });
  }
  return cells;
}

class ByteBuilder {
  readonly #pieces: Uint8Array[] = [];

  varints(...values: readonly number[]): void {
    const piece: number[] = [];
    for (const value of values) writeVarint(piece, value);
    this.#pieces.push(Uint8Array.from(piece));
  }

  block(bytes: Uint8Array): void {
    this.varints(bytes.length);
    this.#pieces.push(bytes);
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#pieces));
  }
}

interface Cursor {
  readonly bytes: Uint8Array;
  offset: number;
}

const kinds = { null: 0, integer: 1, real: 2, text: 3, blob: 4, rawText: 5, row: 6 } as const;

function writeValue(out: ByteBuilder, value: CellValue, origins: OriginStore | null): void {
  if (value === null) return out.varints(kinds.null);
  if (value instanceof RowReference) {
    if (!origins) throw new SyncError('USYNC-1001', 'a key cannot hold a reference');
    return out.varints(kinds.row, origins.numberOf(value.row.origin), value.row.stamp, value.row.index);
  }
  if (typeof value === 'bigint' || typeof value === 'number') {
    const eight = new Uint8Array(8);
    const view = new DataView(eight.buffer);
    if (typeof value === 'bigint') view.setBigInt64(0, value);
    else view.setFloat64(0, value);
    out.varints(typeof value === 'bigint' ? kinds.integer : kinds.real);
    return out.block(eight);
  }
  if (typeof value === 'string') {
    out.varints(kinds.text);
    return out.block(Buffer.from(value, 'utf8'));
  }
  out.varints(value instanceof RawText ? kinds.rawText : kinds.blob);
  out.block(value instanceof RawText ? value.bytes : value);
}

function readValue(cursor: Cursor, origins: OriginStore | null): CellValue {
  const kind = readVarint(cursor);
  if (kind === kinds.null) return null;
  if (kind === kinds.row && origins) return new RowReference(readRow(cursor, origins));
  const block = readBlock(cursor);
  if (kind === kinds.integer) return new DataView(block.buffer, block.byteOffset).getBigInt64(0);
  if (kind === kinds.real) return new DataView(block.buffer, block.byteOffset).getFloat64(0);
  if (kind === kinds.text) return Buffer.from(block).toString('utf8');
  if (kind === kinds.rawText) return new RawText(block.slice());
  if (kind === kinds.blob) return block.slice();
  throw new SyncError('USYNC-1001', `value kind ${kind} in a sync table is unknown`);
}

function readRow(cursor: Cursor, origins: OriginStore): LifeName {
  const origin = origins.originOf(readVarint(cursor));
  const stamp = readVarint(cursor) as Stamp;
  return { origin, stamp, index: readVarint(cursor) };
}

function readBlock(cursor: Cursor): Uint8Array {
  const length = readVarint(cursor);
  const start = cursor.offset;
  cursor.offset += length;
  return cursor.bytes.subarray(start, cursor.offset);
}
