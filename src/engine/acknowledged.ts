import { isOriginId, type OriginId, type ServerId } from '../core/origin.js';
import { isStamp } from '../core/stamp.js';
import { emptyChain, type VectorEntry, type VersionVector } from '../core/version-vector.js';
import type { DataFiles } from '../system/data-files.js';

/**
 * What each member has durably acknowledged, per dataset. Kept in the data folder, so that the journal can be pruned
 * after a restart while a member is away; an entry that is missing or too low only keeps the journal longer.
 */
export interface Acknowledged {
  note(peer: ServerId, dataset: string, vector: VersionVector): void;
  of(peer: ServerId, dataset: string): VersionVector;
  /** What all of `peers` have, of what `own` holds. Without peers that is everything. */
  coveredBy(peers: readonly ServerId[], dataset: string, own: VersionVector): VersionVector;
  forget(peer: ServerId): void;
  save(): Promise<void>;
}

const fileName = 'acknowledged.json';

export async function openAcknowledged(files: DataFiles): Promise<Acknowledged> {
  const vectors = parsed(await files.read(fileName));
  let isDirty = false;
  const of = (peer: ServerId, dataset: string): VersionVector => vectors.get(keyOf(peer, dataset)) ?? new Map();
  return {
    of,
    note(peer, dataset, vector) {
      vectors.set(keyOf(peer, dataset), vector);
      isDirty = true;
    },
    coveredBy(peers, dataset, own) {
      const covered = new Map<OriginId, VectorEntry>();
      for (const [origin, entry] of own) {
        const lowest = peers.reduce<VectorEntry | null>(
          (least, peer) => lower(least, of(peer, dataset).get(origin) ?? null),
          entry,
        );
        if (lowest !== null && lowest.stamp > 0) covered.set(origin, lowest);
      }
      return covered;
    },
    forget(peer) {
      for (const key of vectors.keys()) if (key.startsWith(`${peer} `)) isDirty = vectors.delete(key);
    },
    async save() {
      if (!isDirty) return;
      isDirty = false;
      try {
        await files.write(fileName, JSON.stringify([...vectors].map(([key, vector]) => [key, [...vector]])));
      } catch (error) {
        isDirty = true;
        throw error;
      }
    },
  };
}

const keyOf = (peer: ServerId, dataset: string): string => `${peer} ${dataset}`;

function lower(a: VectorEntry | null, b: VectorEntry | null): VectorEntry | null {
  if (a === null || b === null) return null;
  return b.stamp < a.stamp ? b : a;
}

/** What is damaged reads as nothing acknowledged. */
function parsed(text: string | null): Map<string, VersionVector> {
  const vectors = new Map<string, VersionVector>();
  for (const [key, entries] of pairsOf(text))
    if (typeof key === 'string' && Array.isArray(entries)) vectors.set(key, vectorOf(entries));
  return vectors;
}

function pairsOf(text: string | null): [unknown, unknown][] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter((pair): pair is [unknown, unknown] => Array.isArray(pair)) : [];
  } catch {
    return [];
  }
}

function vectorOf(entries: readonly unknown[]): VersionVector {
  const vector = new Map<OriginId, VectorEntry>();
  for (const pair of entries) {
    const [origin, entry] = Array.isArray(pair) ? (pair as [unknown, Partial<VectorEntry> | null]) : [null, null];
    if (typeof origin !== 'string' || !isOriginId(origin) || !isStamp(entry?.stamp)) continue;
    const chain = typeof entry?.chain === 'string' ? entry.chain : emptyChain;
    vector.set(origin, { stamp: entry?.stamp, chain });
  }
  return vector;
}
