import type { OriginId } from './origin.js';
import { zeroStamp, type Stamp } from './stamp.js';

/** Hash over all changesets of one origin up to one of them: 16 hex characters. Tells two histories of one name apart. */
export type ChainHash = string & { readonly __brand: 'ChainHash' };
export const emptyChain = '0000000000000000' as ChainHash;

export interface VectorEntry {
  readonly stamp: Stamp;
  readonly chain: ChainHash;
}

/** Per origin, the last changeset that a replica has merged. An origin that is absent has stamp 0. */
export type VersionVector = ReadonlyMap<OriginId, VectorEntry>;

export const emptyVector: VersionVector = new Map();

export const stampIn = (vector: VersionVector, origin: OriginId): Stamp => vector.get(origin)?.stamp ?? zeroStamp;

/** Whether everything that `other` has merged is in `vector` as well (by stamps; forks are found by their chains). */
export function covers(vector: VersionVector, other: VersionVector): boolean {
  for (const [origin, entry] of other) if (stampIn(vector, origin) < entry.stamp) return false;
  return true;
}

export const isEqualVector = (a: VersionVector, b: VersionVector): boolean => covers(a, b) && covers(b, a);

/** Per origin the higher entry of the two. */
export function joinVectors(a: VersionVector, b: VersionVector): VersionVector {
  const joined = new Map(a);
  for (const [origin, entry] of b) if (stampIn(joined, origin) < entry.stamp) joined.set(origin, entry);
  return joined;
}

/** Origins where both sides hold the same stamp with different histories. `prev` forks are found at the merge. */
export function forksBetween(a: VersionVector, b: VersionVector): OriginId[] {
  const forks: OriginId[] = [];
  for (const [origin, entry] of a) {
    const other = b.get(origin);
    if (other && other.stamp === entry.stamp && other.chain !== entry.chain) forks.push(origin);
  }
  return forks;
}

/** The entries of `vector` that `before` has not, or with another stamp. */
export const gained = (vector: VersionVector, before: VersionVector): VersionVector =>
  new Map([...vector].filter(([origin, entry]) => before.get(origin)?.stamp !== entry.stamp));
