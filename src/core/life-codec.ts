/** Number sequences, life names and cell stamps, as columns of a part. */
import { beyondLimit, malformed } from './byte-reader.js';
import { putSigned } from './byte-writer.js';
import type { CellStamp } from './cell-stamp.js';
import type { LifeName } from './life.js';
import { weakDepthMax } from './limits.js';
import type { OriginId } from './origin.js';
import type { PartReader, PartWriter } from './part-dictionary.js';
import { stampMax, type Stamp } from './stamp.js';

/** Each number as the signed distance from the one before it, the first from `base`. */
export function writeNumbers(part: PartWriter, numbers: readonly number[], base: number): void {
  const { out } = part;
  const bytes = out.room(8 * numbers.length);
  let position = out.position;
  let before = base;
  for (const number of numbers) {
    const step = number - before;
    if (step >= 0 && step < 64) bytes[position++] = step;
    else position = putSigned(bytes, position, step);
    before = number;
  }
  out.position = position;
}

/** Reads whole numbers from 0 to `max`. */
export function readNumbers(part: PartReader, count: number, base: number, max: number): number[] {
  const { input } = part;
  if (count > input.left) throw malformed('numbers do not fit what is left');
  const { bytes } = input;
  const numbers: number[] = [];
  let before = base;
  for (let i = 0; i < count; i++) {
    const head = bytes[input.position] ?? 0x80;
    if (head < 64) {
      before += head;
      input.position++;
    } else before += input.signed();
    if (before < 0 || before > max) throw malformed('a number is out of its range');
    numbers.push(before);
  }
  return numbers;
}

export const writeStamps = (part: PartWriter, stamps: readonly Stamp[]): void =>
  writeNumbers(part, stamps, part.baseStamp);

export const readStamps = (part: PartReader, count: number): Stamp[] =>
  readNumbers(part, count, part.baseStamp, stampMax) as Stamp[];

/** 0: one origin for all; 1: an origin each. */
function writeOrigins(part: PartWriter, named: readonly { readonly origin: OriginId }[]): void {
  const first = named[0];
  if (!first) return;
  const isUniform = named.every((one) => one.origin === first.origin);
  part.out.byte(isUniform ? 0 : 1);
  if (isUniform) part.origin(first.origin);
  else for (const one of named) part.origin(one.origin);
}

function readOrigins(part: PartReader, count: number): OriginId[] {
  if (count === 0) return [];
  const form = part.input.byte();
  if (form > 1) throw malformed('origins have an unknown form');
  const first = part.origin();
  const origins: OriginId[] = [first];
  for (let i = 1; i < count; i++) origins.push(form === 0 ? first : part.origin());
  return origins;
}

export function writeLives(part: PartWriter, lives: readonly LifeName[]): void {
  writeOrigins(part, lives);
  writeStamps(
    part,
    lives.map((life) => life.stamp),
  );
  writeNumbers(
    part,
    lives.map((life) => life.index),
    0,
  );
}

export function readLives(part: PartReader, count: number): LifeName[] {
  if (count * 2 > part.input.left) throw malformed('lives do not fit what is left');
  const origins = readOrigins(part, count);
  const stamps = readStamps(part, count);
  const indexes = readNumbers(part, count, 0, Number.MAX_SAFE_INTEGER);
  return origins.map((origin, i) => ({ stamp: at(stamps, i), origin, index: at(indexes, i) }));
}

export function writeCellStamps(part: PartWriter, stamps: readonly CellStamp[]): void {
  writeOrigins(part, stamps);
  writeStamps(
    part,
    stamps.map((one) => one.stamp),
  );
  const weak = stamps.flatMap((one) => (one.weak ? [one.weak] : []));
  part.out.byte(weak.length > 0 ? 1 : 0);
  if (weak.length === 0) return;
  for (const one of stamps) part.out.varint(one.weak?.depth ?? 0);
  writeOrigins(part, weak);
  writeStamps(
    part,
    weak.map((one) => one.stamp),
  );
}

export function readCellStamps(part: PartReader, count: number): CellStamp[] {
  if (count > part.input.left) throw malformed('cell stamps do not fit what is left');
  const origins = readOrigins(part, count);
  const stamps = readStamps(part, count);
  const strong = origins.map((origin, i): CellStamp => ({ stamp: at(stamps, i), origin }));
  const form = part.input.byte();
  if (form === 0) return strong;
  if (form > 1) throw malformed('cell stamps have an unknown form');
  const depths = strong.map(() => readDepth(part));
  const weakCount = depths.filter((depth) => depth > 0).length;
  const weakOrigins = readOrigins(part, weakCount);
  const weakStamps = readStamps(part, weakCount);
  let next = 0;
  return strong.map((one, i) => {
    const depth = at(depths, i);
    if (depth === 0) return one;
    const weak = { depth, stamp: at(weakStamps, next), origin: at(weakOrigins, next) };
    next++;
    return { ...one, weak };
  });
}

function readDepth(part: PartReader): number {
  const depth = part.input.varint();
  if (depth > weakDepthMax) throw beyondLimit('depth of confirmations', depth, weakDepthMax);
  return depth;
}

/** An element that is known to be there: both arrays were read with the same count. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw malformed('columns differ in length');
  return item;
}
