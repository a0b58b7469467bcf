/**
 * Hashes of rows for digests and shadows. A row's hash is a sum over its columns, so the order of columns does not
 * count; a column counts with its name; NULL adds nothing, so a new column without values changes no digest.
 * The hash sees values exactly: 1 is not 1.0, text 'x' is not the blob x'78', -0.0 is not 0.0.
 */
import type { RowHash } from './digest.js';
import { mix32, stepA, stepB } from './hash.js';
import { RawText, type SqlValue } from './value.js';

export interface RowHasher {
  /**
   * The hash of a row whose values are in the order of the column names. Writes the 32-bit hash of each column, 0 for
   * NULL only, into `columnHashesOut`. Allocates nothing.
   */
  hash(values: ArrayLike<SqlValue>, columnHashesOut: Uint32Array): RowHash;
  /** The same for many rows, whose values come column by column; a column that is null holds NULL in every row. */
  hashColumns(columns: readonly (readonly SqlValue[] | null)[], count: number): ColumnHashes;
}

export interface ColumnHashes {
  /** Per row. */
  readonly rows: Float64Array;
  /** The hashes of all columns of the first row, then of the next. */
  readonly columns: Uint32Array;
}

/** Where the hash of a column's values starts; depends on the name only. */
export interface ColumnSeed {
  readonly a: number;
  readonly b: number;
}

export function createRowHasher(columnNames: readonly string[]): RowHasher {
  const seeds = columnNames.map(columnSeed);
  const seedsA = Int32Array.from(seeds, (seed) => seed.a);
  const seedsB = Int32Array.from(seeds, (seed) => seed.b);
  const lanes = createLanes();
  return {
    hash: (values, columnHashesOut) => {
      let sumA = 0;
      let sumB = 0;
      for (let i = 0; i < seedsA.length; i++) {
        const value = values[i];
        if (value === null || value === undefined) {
          columnHashesOut[i] = 0;
          continue;
        }
        lanes.hashValue(value, seedsA[i] ?? 0, seedsB[i] ?? 0);
        columnHashesOut[i] = lanes.a;
        sumA = (sumA + lanes.a) | 0;
        sumB = (sumB + lanes.b) | 0;
      }
      return rowHashOf(sumA, sumB);
    },
    hashColumns: (columns, count) => {
      const width = seedsA.length;
      const hashes: ColumnHashes = { rows: new Float64Array(count), columns: new Uint32Array(count * width) };
      const sumsA = new Int32Array(count);
      const sumsB = new Int32Array(count);
      for (let c = 0; c < width; c++) {
        const values = columns[c];
        if (!values) continue;
        const [seedA, seedB] = [seedsA[c] ?? 0, seedsB[c] ?? 0];
        for (let i = 0, at = c; i < count; i++, at += width) {
          const value = values[i];
          if (value === null || value === undefined) continue;
          lanes.hashValue(value, seedA, seedB);
          hashes.columns[at] = lanes.a;
          sumsA[i] = ((sumsA[i] ?? 0) + lanes.a) | 0;
          sumsB[i] = ((sumsB[i] ?? 0) + lanes.b) | 0;
        }
      }
      for (let i = 0; i < count; i++) hashes.rows[i] = rowHashOf(sumsA[i] ?? 0, sumsB[i] ?? 0);
      return hashes;
    },
  };
}

function rowHashOf(sumA: number, sumB: number): RowHash {
  const low = mix32(sumA ^ Math.imul(sumB, 0x9e37_79b1));
  return (mix32((sumB + low) | 0) & 0xffff) * 2 ** 32 + low;
}

export function columnSeed(columnName: string): ColumnSeed {
  const lanes = createLanes();
  lanes.hashValue(columnName, 0x5bd1_e995, 0x27d4_eb2f);
  return { a: lanes.a | 0, b: lanes.b | 0 };
}

/** 32 bits that tell sets of columns apart, whatever their order. */
export const columnsHash = (columnNames: readonly string[]): number =>
  columnNames.reduce((sum, name) => (sum + columnSeed(name).a) | 0, 0) >>> 0;

/** The 32-bit hash of one value of a column, as `RowHasher` writes it; 0 for NULL only. */
export function columnHash(seed: ColumnSeed, value: SqlValue): number {
  if (value === null) return 0;
  const lanes = createLanes();
  lanes.hashValue(value, seed.a, seed.b);
  return lanes.a;
}

interface Lanes {
  a: number;
  b: number;
  hashValue(value: Exclude<SqlValue, null>, seedA: number, seedB: number): void;
}

const kind = { integer: 1, real: 2, text: 3, blob: 4, rawText: 5 } as const;

/** Where this processor puts the low 32 bits of 64, so that every processor makes the same hashes. */
const lowHalf = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 0 : 1;

function createLanes(): Lanes {
  const integers = new BigInt64Array(1);
  const reals = new Float64Array(integers.buffer);
  const halves = new Int32Array(integers.buffer);
  const lanes: Lanes = { a: 0, b: 0, hashValue };

  function hashValue(value: Exclude<SqlValue, null>, seedA: number, seedB: number): void {
    if (typeof value === 'string') hashText(value, seedA, seedB);
    else if (typeof value === 'bigint') {
      integers[0] = value;
      hashHalves(kind.integer, seedA, seedB);
    } else if (typeof value === 'number') {
      reals[0] = value;
      hashHalves(kind.real, seedA, seedB);
    } else if (value instanceof RawText) hashBytes(value.bytes, kind.rawText, seedA, seedB);
    else hashBytes(value, kind.blob, seedA, seedB);
  }

  function hashHalves(kindOfValue: number, seedA: number, seedB: number): void {
    const low = halves[lowHalf] ?? 0;
    const high = halves[1 - lowHalf] ?? 0;
    finish(stepA(stepA(seedA, low), high), stepB(stepB(seedB, low), high), kindOfValue, 8);
  }

  function hashText(text: string, seedA: number, seedB: number): void {
    const { length } = text;
    let a = seedA;
    let b = seedB;
    let i = 0;
    for (; i + 1 < length; i += 2) {
      const word = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16);
      a = stepA(a, word);
      b = stepB(b, word);
    }
    if (i < length) {
      const word = text.charCodeAt(i);
      a = stepA(a, word);
      b = stepB(b, word);
    }
    finish(a, b, kind.text, length);
  }

  function hashBytes(bytes: Uint8Array, kindOfValue: number, seedA: number, seedB: number): void {
    const { length } = bytes;
    let a = seedA;
    let b = seedB;
    for (let i = 0; i < length; i += 4) {
      const word =
        (bytes[i] ?? 0) |
        ((i + 1 < length ? (bytes[i + 1] ?? 0) : 0) << 8) |
        ((i + 2 < length ? (bytes[i + 2] ?? 0) : 0) << 16) |
        ((i + 3 < length ? (bytes[i + 3] ?? 0) : 0) << 24);
      a = stepA(a, word);
      b = stepB(b, word);
    }
    finish(a, b, kindOfValue, length);
  }

  /** Kind and length are part of what is hashed; 0 stands for NULL, so it becomes 1. */
  function finish(a: number, b: number, kindOfValue: number, length: number): void {
    const end = Math.imul(length, 8) + kindOfValue;
    lanes.a = mix32(stepA(a, end)) || 1;
    lanes.b = mix32(stepB(b, end));
  }

  return lanes;
}
