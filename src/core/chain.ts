import { mix32, stepA, stepB } from './hash.js';
import { emptyChain, type ChainHash } from './version-vector.js';

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
