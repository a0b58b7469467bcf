/** Snapshots and what a peer may be streamed (rule R9), and where two histories of one origin part. */
import { covers, coversName, endLife, setAlias, writeCells } from './model-merging.js';
import { copyLives, type ModelChangeset, type ModelReplica, type Point, type Vector } from './model-state.js';

export interface Parting {
  readonly origin: string;
  /** The first changeset after the parting, on either side. */
  readonly first: readonly [Point, Point];
}

/** Where two replicas hold different histories of one origin. */
export function findFork(a: ModelReplica, b: ModelReplica): Parting | null {
  for (const [origin, points] of a.points) {
    const others = b.points.get(origin) ?? [];
    for (let i = 0; i < Math.min(points.length, others.length); i++) {
      const [x, y] = [points[i], others[i]];
      if (x && y && x.chain !== y.chain) return { origin, first: [x, y] };
    }
  }
  return null;
}

/**
 * The join of two causally closed states (R9). Equal to streaming what either side lacks. False: nothing was merged,
 * since histories part; the receiver may have written since the two compared them.
 */
export function mergeSnapshot(replica: ModelReplica, snapshot: ModelReplica): boolean {
  if (replica.rules.forksAreSeen && replica.rules.snapshotsAreCompared && findFork(replica, snapshot)) return false;
  const mine = { ...replica.vector };
  replica.version++;
  for (const id of replica.lives.keys())
    if (!snapshot.lives.has(id) && coversName(snapshot.vector, id)) endLife(replica, id);
  for (const [id, life] of copyLives(snapshot.lives)) {
    if (replica.lives.has(id)) writeCells(replica, id, life.columns);
    else if (!coversName(mine, id)) replica.lives.set(id, life);
  }
  for (const [from, alias] of snapshot.aliases) setAlias(replica, from, alias);
  for (const [origin, stamp] of Object.entries(snapshot.vector)) {
    if (stamp <= (mine[origin] ?? 0)) continue;
    replica.vector[origin] = stamp;
    replica.points.set(origin, [...(snapshot.points.get(origin) ?? [])]);
  }
  for (const [chain, changeset] of snapshot.archive)
    if (!replica.archive.has(chain)) replica.archive.set(chain, changeset);
  if (replica.rules.clockDrags) replica.clock = Math.max(replica.clock, snapshot.clock);
  if (!covers(mine, snapshot.vector)) replica.journal.push({ gap: { ...snapshot.vector } });
  return true;
}

/** What a peer with this vector may be streamed, in order; `needsSnapshot` when a gap marker stops the stream. */
export function streamFor(
  replica: ModelReplica,
  peer: Vector,
): { readonly changesets: readonly ModelChangeset[]; readonly needsSnapshot: boolean } {
  const vector: Record<string, number> = { ...peer };
  const changesets: ModelChangeset[] = [];
  for (const entry of replica.journal) {
    if ('gap' in entry) {
      if (replica.rules.gapMarkers && !covers(vector, entry.gap)) return { changesets, needsSnapshot: true };
    } else if (entry.changeset.stamp > (vector[entry.changeset.origin] ?? 0)) {
      changesets.push(entry.changeset);
      vector[entry.changeset.origin] = entry.changeset.stamp;
    }
  }
  return { changesets, needsSnapshot: !covers(vector, replica.vector) };
}
