/**
 * Two 32-bit hashes computed side by side: Murmur3's mixing with two sets of constants. Not for adversaries: they tell
 * histories and rows apart that differ by accident.
 */
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
