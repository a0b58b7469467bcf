/**
 * Two 32-bit hashes computed side by side: Murmur3's mixing with two sets of constants. Not for adversaries: they tell
 * histories and rows apart that differ by accident.
 */
import { emptyChain, type ChainHash } from './version-vector.js';

/** Spreads every input bit over all output bits. */
export function mix32(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** One step of the first lane over 32 bits of input. */
export function stepA(hash: number, word: number): number {
  const k = Math.imul(word, 0xcc9e_2d51);
  const h = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b87_3593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe654_6b64) | 0;
}

/** One step of the second lane: other constants and rotations, so that both rarely collide on the same input. */
export function stepB(hash: number, word: number): number {
  const k = Math.imul(word, 0x239b_961b);
  const h = hash ^ Math.imul((k << 16) | (k >>> 16), 0xab0e_9789);
  return (Math.imul((h << 11) | (h >>> 21), 5) + 0x561c_cd1b) | 0;
}

/** The running hash over the bytes of one origin's changesets, part by part. */
export interface Chain {
  /** The order and the borders of parts count. */
  add(partBytes: Uint8Array): void;
  value(): ChainHash;
}

/** Goes on from the chain hash of the changeset before; `emptyChain` for the first. About 1 GB/s. */
export function createChain(before: ChainHash = emptyChain): Chain {
  let a = Number.parseInt(before.slice(0, 8), 16) | 0;
  let b = Number.parseInt(before.slice(8), 16) | 0;
  return {
    add: (bytes) => {
      const wordsEnd = bytes.length & ~3;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      a = stepA(a, bytes.length);
      b = stepB(b, bytes.length);
      for (let i = 0; i < wordsEnd; i += 4) {
        const word = view.getInt32(i, true);
        a = stepA(a, word);
        b = stepB(b, word);
      }
      for (let i = wordsEnd; i < bytes.length; i++) {
        a = stepA(a, view.getUint8(i));
        b = stepB(b, view.getUint8(i));
      }
    },
    value: () => {
      const high = mix32(a ^ Math.imul(b, 0x9e37_79b1));
      const low = mix32((b + high) | 0);
      return `${hex32(high)}${hex32(low)}` as ChainHash;
    },
  };
}

const hex32 = (value: number): string => value.toString(16).padStart(8, '0');
