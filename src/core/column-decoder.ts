import { malformed, type ByteReader } from './byte-reader.js';
import { columnTag, deltaIntegerMax } from './column-encoder.js';
import { at, readLives } from './life-codec.js';
import type { PartReader } from './part-dictionary.js';
import { RawText, RowReference, type CellValue, type SqlValue } from './value.js';

/** Reads `count` values; the caller has bounded `count`. Blobs share one copy of their bytes, apart from the input. */
export function readColumn(part: PartReader, count: number): CellValue[] {
  const { input } = part;
  const tag = input.byte();
  if (tag === columnTag.nulls) return Array.from({ length: count }, () => null);
  if (tag === columnTag.mixed) return readMixed(part, count);
  if (tag === columnTag.nullable) return readNullable(part, count);
  return readUniform(part, tag, count);
}

/** A column in which references have no meaning: keys. */
export function readPlainColumn(part: PartReader, count: number): SqlValue[] {
  return readColumn(part, count).map((value) => {
    if (value instanceof RowReference) throw malformed('a key holds a reference');
    return value;
  });
}

function readNullable(part: PartReader, count: number): CellValue[] {
  const presence = part.input.take(Math.ceil(count / 8));
  let presentCount = 0;
  for (let i = 0; i < count; i++) if (isPresent(presence, i)) presentCount++;
  const present = readUniform(part, part.input.byte(), presentCount);
  const values: CellValue[] = [];
  let next = 0;
  for (let i = 0; i < count; i++) values.push(isPresent(presence, i) ? at(present, next++) : null);
  return values;
}

const isPresent = (presence: Uint8Array, index: number): boolean =>
  ((presence[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;

function readMixed(part: PartReader, count: number): CellValue[] {
  const kinds = part.input.take(count);
  const counts = Array.from({ length: columnTag.mixed }, () => 0);
  for (const kind of kinds) {
    const before = counts[kind];
    if (before === undefined || kind === columnTag.wideInteger) throw malformed('a value is of no known kind');
    counts[kind] = before + 1;
  }
  const byKind = counts.map((ofKind, kind) => (kind === 0 || ofKind === 0 ? [] : readOfKind(part, kind, ofKind)));
  const next = counts.map(() => 0);
  const values: CellValue[] = [];
  for (const kind of kinds) {
    if (kind === columnTag.nulls) values.push(null);
    else {
      const position = at(next, kind);
      values.push(at(at(byKind, kind), position));
      next[kind] = position + 1;
    }
  }
  return values;
}

function readOfKind(part: PartReader, kind: number, count: number): CellValue[] {
  const tag = part.input.byte();
  const isOfKind = tag === kind || (kind === columnTag.integer && tag === columnTag.wideInteger);
  if (!isOfKind) throw malformed('a mixed column holds another kind than it says');
  return readUniform(part, tag, count);
}

function readUniform(part: PartReader, tag: number, count: number): CellValue[] {
  const { input } = part;
  switch (tag) {
    case columnTag.integer:
      return readIntegers(input, count);
    case columnTag.wideInteger:
      return readWideIntegers(input, count);
    case columnTag.real:
      return readReals(input, count);
    case columnTag.text:
      return readTexts(input, count);
    case columnTag.blob:
      return readBlobs(input, count);
    case columnTag.rawText:
      return readBlobs(input, count).map((bytes) => new RawText(bytes));
    case columnTag.reference:
      return readLives(part, count).map((row) => new RowReference(row));
    default:
      throw malformed('a column is of no known kind');
  }
}

function readIntegers(input: ByteReader, count: number): bigint[] {
  if (count > input.left) throw malformed('integers do not fit what is left');
  const { bytes } = input;
  const values: bigint[] = [];
  let before = 0;
  for (let i = 0; i < count; i++) {
    const head = bytes[input.position] ?? 0x80;
    if (head < 64) {
      before += head;
      input.position++;
    } else before += input.signed();
    if (before > deltaIntegerMax || before < -deltaIntegerMax) throw malformed('an integer is out of its range');
    values.push(BigInt(before));
  }
  return values;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

function readWideIntegers(input: ByteReader, count: number): bigint[] {
  const view = viewOf(input.take(8 * count));
  const values: bigint[] = [];
  for (let i = 0; i < count; i++) values.push(view.getBigInt64(8 * i, true));
  return values;
}

function readReals(input: ByteReader, count: number): number[] {
  const view = viewOf(input.take(8 * count));
  const values: number[] = [];
  for (let i = 0; i < count; i++) values.push(view.getFloat64(8 * i, true));
  return values;
}

function readLengths(input: ByteReader, count: number): number[] {
  if (count > input.left) throw malformed('lengths do not fit what is left');
  const lengths: number[] = [];
  for (let i = 0; i < count; i++) lengths.push(input.varint());
  return lengths;
}

function readTexts(input: ByteReader, count: number): string[] {
  const lengths = readLengths(input, count);
  const byteCount = viewOf(input.take(4)).getUint32(0, true);
  const joined = input.utf8(byteCount);
  const isAscii = joined.length === byteCount;
  const texts: string[] = [];
  let start = 0;
  for (const length of lengths) {
    const end = start + length;
    if (end > joined.length) throw malformed('texts do not fit their bytes');
    if (!isAscii && isLowSurrogate(joined, start)) throw malformed('a length splits a character');
    texts.push(joined.slice(start, end));
    start = end;
  }
  if (start !== joined.length) throw malformed('texts do not use up their bytes');
  return texts;
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function readBlobs(input: ByteReader, count: number): Uint8Array[] {
  const lengths = readLengths(input, count);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const area = input.take(total).slice();
  const blobs: Uint8Array[] = [];
  let start = 0;
  for (const length of lengths) {
    blobs.push(area.subarray(start, start + length));
    start += length;
  }
  return blobs;
}
