import { branchOrigin, type History } from '../../../core/branch.js';
import { serverIdOfOrigin, type OriginId } from '../../../core/origin.js';
import { stampIn, type VectorEntry, type VersionVector } from '../../../core/version-vector.js';
import type { Fork } from '../../replica.js';
import type { ReplicaContext } from '../stores/replica-context.js';

export type Histories = ReadonlyMap<OriginId, History>;

/**
 * Origins of which the snapshot holds another history than this replica, or whose branch this replica knows by another
 * name already: such a state must not be merged. Asked in the transaction that begins the merge, since this server may
 * have written since the two compared their vectors.
 */
export function forksWithSnapshot(context: ReplicaContext, vector: VersionVector, histories: Histories): Fork[] {
  const own = context.origins.vector();
  return [...vector].flatMap(([origin, entry]) => {
    const history = histories.get(origin) ?? [];
    const relation = context.histories.relation(origin, entry);
    const isForked =
      relation === 'forked' ||
      (relation === 'ahead' && (isBeside(own.get(origin), history) || isCutHere(own, origin, history)));
    return isForked ? [{ origin }] : [];
  });
}

/** Whether a history that goes on further than `entry` does not lead through it. */
function isBeside(entry: VectorEntry | undefined, history: History): boolean {
  if (!entry) return false;
  const next = history.find(({ stamp }) => stamp >= entry.stamp);
  if (!next) return false;
  return next.stamp === entry.stamp ? next.chain !== entry.chain : next.prev < entry.stamp;
}

function isCutHere(own: VersionVector, origin: OriginId, history: History): boolean {
  const server = serverIdOfOrigin(origin);
  if (![...own.keys()].some((other) => other !== origin && serverIdOfOrigin(other) === server)) return false;
  return history.some(({ chain }) => {
    const name = branchOrigin(origin, chain);
    return name !== origin && own.has(name);
  });
}

/** What the snapshot tells of the changesets that came with it. Before the vector moves. */
export function keepHistories(context: ReplicaContext, vector: VersionVector, histories: Histories): void {
  const before = context.origins.vector();
  for (const [origin, { stamp }] of vector) {
    if (stamp <= stampIn(before, origin)) continue;
    for (const point of histories.get(origin) ?? []) context.histories.put(origin, point);
  }
  context.histories.trim();
}
