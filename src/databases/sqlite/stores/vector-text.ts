import type { OriginId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import { emptyVector, type ChainHash, type VersionVector } from '../../../core/version-vector.js';

/** Vectors inside the sync tables are JSON, so that a person can read them with the `sqlite3` shell. */
export const vectorToText = (vector: VersionVector): string =>
  JSON.stringify(Object.fromEntries([...vector].map(([origin, entry]) => [origin, [entry.stamp, entry.chain]])));

export function textToVector(text: string | null): VersionVector {
  if (text === null) return emptyVector;
  const entries = Object.entries(JSON.parse(text) as Record<string, readonly [number, string]>);
  return new Map(
    entries.map(([origin, [stamp, chain]]) => [
      origin as OriginId,
      { stamp: stamp as Stamp, chain: chain as ChainHash },
    ]),
  );
}
