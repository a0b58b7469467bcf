import type { ByteReader } from '../core/byte-reader.js';
import { malformed } from '../core/byte-reader.js';
import type { ByteWriter } from '../core/byte-writer.js';
import { isOriginId, type OriginId } from '../core/origin.js';
import { isStamp, type Stamp } from '../core/stamp.js';
import type { ChainHash, VectorEntry, VersionVector } from '../core/version-vector.js';
import { vectorEntriesMax } from './protocol-limits.js';

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Count, then per entry: origin (14 bytes), stamp, chain (8 bytes). */
export function writeVector(writer: ByteWriter, vector: VersionVector): void {
  writer.varint(vector.size);
  for (const [origin, entry] of vector) {
    writeOrigin(writer, origin);
    writer.varint(entry.stamp);
    writeHex(writer, entry.chain);
  }
}

export function readVector(reader: ByteReader): VersionVector {
  const count = reader.count('vector entries', vectorEntriesMax, 23);
  const vector = new Map<OriginId, VectorEntry>();
  for (let i = 0; i < count; i++) {
    const origin = readOrigin(reader);
    if (vector.has(origin)) throw malformed('a vector names an origin twice');
    vector.set(origin, { stamp: readStamp(reader), chain: readHex(reader, 8) as ChainHash });
  }
  return vector;
}

/** Ten bytes of server id (80 bits), four of epoch. */
export function writeOrigin(writer: ByteWriter, origin: OriginId): void {
  let bits = 0;
  let held = 0;
  for (const letter of origin.slice(0, 16)) {
    bits = (bits << 5) | base32.indexOf(letter);
    held += 5;
    if (held < 8) continue;
    held -= 8;
    writer.byte((bits >>> held) & 0xff);
    bits &= (1 << held) - 1;
  }
  writeHex(writer, origin.slice(17));
}

export function readOrigin(reader: ByteReader): OriginId {
  let bits = 0;
  let held = 0;
  let server = '';
  for (const byte of reader.take(10)) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 5) {
      held -= 5;
      server += base32.charAt((bits >>> held) & 31);
    }
    bits &= (1 << held) - 1;
  }
  const origin = `${server}-${readHex(reader, 4)}`;
  if (!isOriginId(origin)) throw malformed('an origin has the wrong form');
  return origin;
}

export function readStamp(reader: ByteReader): Stamp {
  const stamp = reader.varint();
  if (!isStamp(stamp)) throw malformed('a stamp is out of range');
  return stamp;
}

export function writeHex(writer: ByteWriter, hex: string): void {
  for (let i = 0; i < hex.length; i += 2) writer.byte(Number.parseInt(hex.slice(i, i + 2), 16));
}

export const readHex = (reader: ByteReader, bytes: number): string =>
  Array.from(reader.take(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
