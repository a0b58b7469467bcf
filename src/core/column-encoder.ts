/** Columns of values: one tag a column, then the values of that kind packed together. */
import { putSigned, type ByteWriter } from './byte-writer.js';
import type { LifeName } from './life.js';
import { writeLives } from './life-codec.js';
import type { PartWriter } from './part-dictionary.js';
import { SyncError } from './sync-error.js';
import { RawText, RowReference, type CellValue } from './value.js';

/** Tags of columns; 1 to 7 are the kinds of values and also stand for one value each in a mixed column. */
export const columnTag = {
  nulls: 0,
  integer: 1,
  wideInteger: 2,
  real: 3,
  text: 4,
  blob: 5,
  rawText: 6,
  reference: 7,
  mixed: 8,
  nullable: 9,
} as const;

/** Integers beyond this are written in 8 bytes each: then any distance of two of them is exact as a number. */
export const deltaIntegerMax = 2 ** 52;

/** Writes `values[from .. to)`. */
export function writeColumn(part: PartWriter, values: readonly CellValue[], from: number, to: number): void {
  const { out } = part;
  let kind: number = columnTag.nulls;
  let nullCount = 0;
  for (let i = from; i < to; i++) {
    const one = kindOf(values[i]);
    if (one === columnTag.nulls) nullCount++;
    else if (kind === columnTag.nulls) kind = one;
    else if (kind !== one) return writeMixed(part, values, from, to);
  }
  if (kind === columnTag.nulls) return out.byte(columnTag.nulls);
  if (nullCount === 0) return writeUniform(part, kind, values.slice(from, to));
  out.byte(columnTag.nullable);
  writeUniform(part, kind, writePresence(out, values, from, to));
}

function kindOf(value: CellValue | undefined): number {
  switch (typeof value) {
    case 'string':
      return columnTag.text;
    case 'bigint':
      return columnTag.integer;
    case 'number':
      return columnTag.real;
    default:
      if (value === null) return columnTag.nulls;
      if (value instanceof Uint8Array) return columnTag.blob;
      if (value instanceof RawText) return columnTag.rawText;
      if (value instanceof RowReference) return columnTag.reference;
      throw new SyncError('USYNC-1001', 'A value to be encoded is of no known kind.', {
        facts: { type: typeof value },
      });
  }
}

/** A bit per value, low bits first, set where there is one; returns those. */
function writePresence(out: ByteWriter, values: readonly CellValue[], from: number, to: number): CellValue[] {
  const present: CellValue[] = [];
  const byteCount = Math.ceil((to - from) / 8);
  const bytes = out.room(byteCount);
  bytes.fill(0, out.position, out.position + byteCount);
  for (let i = from; i < to; i++) {
    const value = values[i];
    if (value === null || value === undefined) continue;
    const position = out.position + ((i - from) >> 3);
    bytes[position] = (bytes[position] ?? 0) | (1 << ((i - from) & 7));
    present.push(value);
  }
  out.position += byteCount;
  return present;
}

/** A kind per value, then per kind that occurs a column of its values. */
function writeMixed(part: PartWriter, values: readonly CellValue[], from: number, to: number): void {
  const { out } = part;
  out.byte(columnTag.mixed);
  const byKind = new Map<number, CellValue[]>();
  for (let i = from; i < to; i++) {
    const value = values[i] ?? null;
    const kind = kindOf(value);
    out.byte(kind);
    if (kind === columnTag.nulls) continue;
    const others = byKind.get(kind);
    if (others) others.push(value);
    else byKind.set(kind, [value]);
  }
  for (let kind = 1; kind < columnTag.mixed; kind++) {
    const ofKind = byKind.get(kind);
    if (ofKind) writeUniform(part, kind, ofKind);
  }
}

/** The kind was found by `kindOf` for every value, so the assertions only tell the compiler. */
function writeUniform(part: PartWriter, kind: number, values: readonly CellValue[]): void {
  const { out } = part;
  if (kind === columnTag.integer) return writeIntegers(out, values as readonly bigint[]);
  out.byte(kind);
  if (kind === columnTag.real) return writeReals(out, values as readonly number[]);
  if (kind === columnTag.text) return writeTexts(out, values as readonly string[]);
  if (kind === columnTag.blob) return writeBlobs(out, values as readonly Uint8Array[]);
  if (kind === columnTag.rawText) {
    const texts = values as readonly RawText[];
    return writeBlobs(
      out,
      texts.map((text) => text.bytes),
    );
  }
  const references = values as readonly RowReference[];
  return writeLives(
    part,
    references.map((reference): LifeName => reference.row),
  );
}

function writeIntegers(out: ByteWriter, values: readonly bigint[]): void {
  const bytes = out.room(1 + 8 * values.length);
  const start = out.position;
  let position = start;
  bytes[position++] = columnTag.integer;
  let before = 0;
  for (const value of values) {
    const number = Number(value);
    if (number > deltaIntegerMax || number < -deltaIntegerMax) return writeWideIntegers(out, values);
    const step = number - before;
    if (step >= 0 && step < 64) bytes[position++] = step;
    else position = putSigned(bytes, position, step);
    before = number;
  }
  out.position = position;
}

function writeWideIntegers(out: ByteWriter, values: readonly bigint[]): void {
  const bytes = out.room(1 + 8 * values.length);
  bytes[out.position++] = columnTag.wideInteger;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (const value of values) {
    if (BigInt.asIntN(64, value) !== value) {
      throw new SyncError('USYNC-1001', 'An integer to be encoded has more than 64 bits.');
    }
    view.setBigInt64(out.position, value, true);
    out.position += 8;
  }
}

function writeReals(out: ByteWriter, values: readonly number[]): void {
  const bytes = out.room(8 * values.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let position = out.position;
  for (const value of values) {
    view.setFloat64(position, value, true);
    position += 8;
  }
  out.position = position;
}

function writeLengths(out: ByteWriter, values: readonly { readonly length: number }[]): number {
  const bytes = out.room(5 * values.length);
  let position = out.position;
  let total = 0;
  for (const { length } of values) {
    total += length;
    let rest = length;
    while (rest > 127) {
      bytes[position++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[position++] = rest;
  }
  out.position = position;
  return total;
}

/** Lengths in UTF-16 units, the bytes of all, then all as one UTF-8 text: one conversion for the column. */
function writeTexts(out: ByteWriter, values: readonly string[]): void {
  const units = writeLengths(out, values);
  const joined = values.join('');
  // The length in bytes is known only afterwards; it gets a fixed four bytes before the text.
  out.room(4 + units);
  const lengthPosition = out.position;
  out.position += 4;
  out.utf8(joined);
  const byteCount = out.position - lengthPosition - 4;
  const bytes = out.room(0);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(lengthPosition, byteCount, true);
  if (byteCount !== units) refuseLoneSurrogates(values, joined);
}

/** They have no UTF-8 form; a database that holds such bytes hands them over as `RawText`. */
function refuseLoneSurrogates(values: readonly string[], joined: string): void {
  if (/\p{Surrogate}/u.test(joined) || values.some(startsInsidePair)) {
    throw new SyncError('USYNC-1001', 'A text to be encoded holds half a character; it must come as raw text.');
  }
}

function startsInsidePair(text: string): boolean {
  const unit = text.charCodeAt(0);
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function writeBlobs(out: ByteWriter, values: readonly Uint8Array[]): void {
  const total = writeLengths(out, values);
  const bytes = out.room(total);
  for (const value of values) {
    bytes.set(value, out.position);
    out.position += value.length;
  }
}
