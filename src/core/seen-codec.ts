import { malformed, type ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import { originsMax } from './limits.js';
import type { OriginId } from './origin.js';
import type { PartReader, PartWriter } from './part-dictionary.js';
import type { Stray } from './stamp-span.js';
import { isStamp, type Stamp } from './stamp.js';

/** How far an origin had seen each other one. */
export type SeenStamps = ReadonlyMap<OriginId, Stamp>;

export function writeSeen(part: PartWriter, seen: SeenStamps): void {
  part.out.varint(seen.size);
  for (const [other, stamp] of seen) {
    part.origin(other);
    part.out.varint(stamp);
  }
}

export function readSeen(part: PartReader): SeenStamps {
  const seen = new Map<OriginId, Stamp>();
  const count = part.input.count('origins that one has seen', originsMax, 2);
  for (let i = 0; i < count; i++) seen.set(part.origin(), readStamp(part.input));
  if (seen.size !== count) throw malformed('an origin is named twice');
  return seen;
}

/** A store keeps no more of them for one origin. */
export const straysMax = 1024;

export function writeStrays(part: PartWriter, strays: readonly Stray[]): void {
  part.out.varint(strays.length);
  for (const { low, high, writer, stamp } of strays) {
    writeStamps(part.out, low, high, stamp);
    part.origin(writer);
  }
}

export function readStrays(part: PartReader): Stray[] {
  const strays: Stray[] = [];
  const count = part.input.count('strays', straysMax + 1, 4);
  for (let i = 0; i < count; i++) {
    const [low, high, stamp] = [readStamp(part.input), readStamp(part.input), readStamp(part.input)];
    strays.push({ low, high, stamp, writer: part.origin() });
  }
  return strays;
}

function writeStamps(out: ByteWriter, ...stamps: readonly Stamp[]): void {
  for (const stamp of stamps) out.varint(stamp);
}

function readStamp(input: ByteReader): Stamp {
  const stamp = input.varint();
  if (!isStamp(stamp)) throw malformed('a stamp is out of its range');
  return stamp;
}
