import { mix32 } from '../hash.js';
import type { ChunkSize } from './chunk-size.js';

/**
 * Content-defined chunking with a gear hash and normalised sizes (as FastCDC): the border after a chunk depends only on
 * the 32 bytes before it, so an insert at the front of a file changes the first chunk and leaves the others alone.
 *
 * Looks for the end of the chunk that begins at `from`. `to` must be the end of the content, or at least
 * `size.max` further: the answer is then the same however the content is read. About 1 GB/s.
 */
export function findChunkEnd(bytes: Uint8Array, { from, to, size }: ChunkSearch): number {
  const limit = Math.min(to, from + size.max);
  let at = from + size.min;
  if (at >= limit) return limit;
  const { strict, loose } = masksFor(size.average);
  const normal = Math.min(limit, from + size.average);
  let hash = 0;
  // Before the average a border must show more zero bits, after it fewer: sizes gather around the average.
  for (; at < normal; at++) {
    hash = ((hash << 1) + (gear[bytes[at] as number] as number)) | 0;
    if ((hash & strict) === 0) return at + 1;
  }
  for (; at < limit; at++) {
    hash = ((hash << 1) + (gear[bytes[at] as number] as number)) | 0;
    if ((hash & loose) === 0) return at + 1;
  }
  return limit;
}

export interface ChunkSearch {
  readonly from: number;
  readonly to: number;
  readonly size: ChunkSize;
}

/** A random word per byte value. The protocol fixes it: the mix of the byte's place in the row of odd constants. */
const gear: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => mix32(Math.imul(byte + 1, 0x9e37_79b1)) | 0);

/** The high bits of the hash depend on the most bytes. */
function masksFor(average: number): { readonly strict: number; readonly loose: number } {
  const bits = Math.round(Math.log2(average));
  return { strict: highBits(bits + 2), loose: highBits(bits - 2) };
}

const highBits = (count: number): number => (-1 << (32 - count)) | 0;
