import { createByteReader, malformed, type ByteReader } from './byte-reader.js';
import { createByteWriter, type ByteWriter } from './byte-writer.js';
import { originsMax } from './limits.js';
import type { OriginId } from './origin.js';
import { readOrigin, tooManyOrigins, writeOrigin } from './part-dictionary.js';
import { isStamp } from './stamp.js';
import { SyncError } from './sync-error.js';
import type { ChainHash, VectorEntry, VersionVector } from './version-vector.js';

/** Equal vectors give equal bytes: entries are in the order of their origins. */
export function encodeVector(vector: VersionVector): Uint8Array {
  const out = createByteWriter(32 + vector.size * 32);
  writeVector(out, vector);
  return out.copy();
}

/** Throws USYNC-1504 or USYNC-1507 for anything that `encodeVector` does not make. */
export function decodeVector(bytes: Uint8Array): VersionVector {
  const input = createByteReader(bytes);
  const vector = readVector(input);
  if (input.left > 0) throw malformed('bytes are left behind a vector');
  return vector;
}

export function writeVector(out: ByteWriter, vector: VersionVector): void {
  if (vector.size > originsMax) throw tooManyOrigins(vector.size);
  out.varint(vector.size);
  const origins = [...vector.keys()].toSorted();
  for (const origin of origins) {
    const entry = vector.get(origin);
    if (!entry) continue;
    writeOrigin(out, origin);
    out.varint(entry.stamp);
    writeChain(out, entry.chain);
  }
}

export function readVector(input: ByteReader): VersionVector {
  const count = input.count('origins of a vector', originsMax, 23);
  const vector = new Map<OriginId, VectorEntry>();
  let before = '';
  for (let i = 0; i < count; i++) {
    const origin = readOrigin(input);
    if (origin <= before) throw malformed('origins of a vector are not in order');
    before = origin;
    const stamp = input.varint();
    if (!isStamp(stamp)) throw malformed('a stamp is out of its range');
    vector.set(origin, { stamp, chain: readChain(input) });
  }
  return vector;
}

const chainPattern = /^[0-9a-f]{16}$/;

export function writeChain(out: ByteWriter, chain: ChainHash): void {
  if (!chainPattern.test(chain)) {
    throw new SyncError('USYNC-1001', 'A chain hash to be encoded is not valid.', { facts: { chain } });
  }
  for (let i = 0; i < 16; i += 2) out.byte(Number.parseInt(chain.slice(i, i + 2), 16));
}

export function readChain(input: ByteReader): ChainHash {
  let chain = '';
  for (const byte of input.take(8)) chain += byte.toString(16).padStart(2, '0');
  return chain as ChainHash;
}
