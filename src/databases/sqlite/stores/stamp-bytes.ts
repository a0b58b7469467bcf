import type { CellStamp } from '../../../core/cell-stamp.js';
import type { Stamp } from '../../../core/stamp.js';
import type { OriginStore } from './origin-store.js';

/** Cell stamps inside the sync tables: origin numbers and stamps as varints, a depth of 0 for "not weak". */
export function stampToBytes(at: CellStamp, origins: OriginStore): Uint8Array {
  const bytes: number[] = [];
  writeStamp(bytes, at, origins);
  return new Uint8Array(bytes);
}

export const bytesToStamp = (bytes: Uint8Array, origins: OriginStore): CellStamp =>
  readStamp({ bytes, offset: 0 }, origins);

/** Exceptions of a shadow: position in the layout, then the stamp, one after the other. Null when there are none. */
export function exceptionsToBytes(
  exceptions: ReadonlyMap<number, CellStamp> | null,
  origins: OriginStore,
): Uint8Array | null {
  if (!exceptions || exceptions.size === 0) return null;
  const bytes: number[] = [];
  for (const [position, at] of exceptions) {
    writeVarint(bytes, position);
    writeStamp(bytes, at, origins);
  }
  return new Uint8Array(bytes);
}

export function bytesToExceptions(bytes: Uint8Array, origins: OriginStore): Map<number, CellStamp> {
  const cursor = { bytes, offset: 0 };
  const exceptions = new Map<number, CellStamp>();
  while (cursor.offset < bytes.length) {
    const position = readVarint(cursor);
    exceptions.set(position, readStamp(cursor, origins));
  }
  return exceptions;
}

interface Cursor {
  readonly bytes: Uint8Array;
  offset: number;
}

function writeStamp(bytes: number[], at: CellStamp, origins: OriginStore): void {
  writeVarint(bytes, at.stamp);
  writeVarint(bytes, origins.numberOf(at.origin));
  writeVarint(bytes, at.weak?.depth ?? 0);
  if (!at.weak) return;
  writeVarint(bytes, at.weak.stamp);
  writeVarint(bytes, origins.numberOf(at.weak.origin));
}

function readStamp(cursor: Cursor, origins: OriginStore): CellStamp {
  const stamp = readVarint(cursor) as Stamp;
  const origin = origins.originOf(readVarint(cursor));
  const depth = readVarint(cursor);
  if (depth === 0) return { stamp, origin };
  const weakStamp = readVarint(cursor) as Stamp;
  return { stamp, origin, weak: { depth, stamp: weakStamp, origin: origins.originOf(readVarint(cursor)) } };
}

/** Up to 2^53; arithmetic instead of shifts because those end at 32 bits. */
export function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

export function readVarint(cursor: Cursor): number {
  let value = 0;
  let factor = 1;
  for (;;) {
    const byte = cursor.bytes[cursor.offset++] ?? 0;
    value += (byte % 128) * factor;
    if (byte < 128) return value;
    factor *= 128;
  }
}
