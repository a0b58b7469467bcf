import type { OriginId } from '../../../core/origin.js';
import type { OriginRenaming } from '../../../core/rename-origin.js';
import type { SeenStamps } from '../../../core/seen-codec.js';
import type { Stray } from '../../../core/stamp-span.js';
import { zeroStamp, type Stamp } from '../../../core/stamp.js';
import type { VersionVector } from '../../../core/version-vector.js';
import type { Connection } from '../connection/driver.js';
import { integerAt, textAt } from '../connection/row-values.js';
import type { OriginStore } from './origin-store.js';
import type { StrayStore } from './stray-store.js';

/**
 * Per origin, how far it had seen the others at its last changeset that is held here. Tells a write that replaced
 * what its writer saw from a concurrent one, which is a conflict.
 */
export interface SeenStore {
  /** Whether `origin` had seen a cell that `other` stamped so. In doubt it had not: then it is told of, not lost. */
  hasSeen(origin: OriginId, other: OriginId, stamp: Stamp): boolean;
  /** The same for one who has seen what this vector covers. */
  isCovered(vector: VersionVector, other: OriginId, stamp: Stamp): boolean;
  learn(origin: OriginId, seen: VersionVector): void;
  /** What another server knows of how far this origin had seen the others. */
  learnStamps(origin: OriginId, seen: SeenStamps): void;
  /** How far it had seen the others, as far as is known here. */
  of(origin: OriginId): SeenStamps;
  /** `uncertain`: of which the branch saw more since the parting; null: of any. */
  rename(renaming: OriginRenaming, uncertain: ReadonlySet<OriginId> | null): void;
  reload(): void;
}

/** How far somebody has seen an origin. */
type SeenOf = (origin: OriginId) => Stamp;

const wholeOrigin = Number.MAX_SAFE_INTEGER as Stamp;

export function createSeenStore(
  connection: Connection,
  { origins, strays }: { readonly origins: OriginStore; readonly strays: StrayStore },
): SeenStore {
  let known: Map<OriginId, Map<OriginId, Stamp>> | null = null;
  const unseen = createUnseenStrays(strays);
  const load = (): Map<OriginId, Map<OriginId, Stamp>> => (known ??= loadSeen(connection));
  const set = (origin: OriginId, other: OriginId, stamp: Stamp): void => {
    const seen = load().get(origin) ?? new Map<OriginId, Stamp>();
    if ((seen.get(other) ?? zeroStamp) >= stamp) return;
    connection
      .cached('INSERT OR REPLACE INTO _usync_seen (origin, other, stamp) VALUES (?, ?, ?)')
      .run(origin, other, BigInt(stamp));
    load().set(origin, seen.set(other, stamp));
    unseen.forget(origin);
  };
  const seenBy = (origin: OriginId): SeenOf => {
    const seen: SeenStamps | undefined = load().get(origin);
    return (other) => (other === origin ? wholeOrigin : (seen?.get(other) ?? zeroStamp));
  };
  /** Above every changeset of its origin that is held here: only a stray one can have written it. */
  const isBeyond = (other: OriginId, stamp: Stamp): boolean =>
    stamp > origins.entry(other).stamp && strays.of(other).some(({ low, high }) => low <= stamp && stamp <= high);
  const judge = (seenOf: SeenOf, missed: readonly Stray[], other: OriginId, stamp: Stamp): boolean =>
    !missed.some(({ low, high }) => low <= stamp && stamp <= high) &&
    (stamp <= seenOf(other) || isBeyond(other, stamp));
  return {
    hasSeen(origin, other, stamp) {
      if (origin === origins.own()) return true;
      const seenOf = seenBy(origin);
      return judge(seenOf, unseen.by(origin, other, seenOf), other, stamp);
    },
    isCovered(vector, other, stamp) {
      const seenOf: SeenOf = (each) => vector.get(each)?.stamp ?? zeroStamp;
      return judge(seenOf, missedOf(strays.of(other), seenOf), other, stamp);
    },
    learn(origin, seen) {
      for (const [other, { stamp }] of seen) set(origin, other, stamp);
    },
    learnStamps(origin, seen) {
      for (const [other, stamp] of seen) if (other !== origin) set(origin, other, stamp);
    },
    of: (origin) => load().get(origin) ?? new Map(),
    rename(renaming, uncertain) {
      renameSeen(connection, renaming, uncertain);
      known = null;
      unseen.clear();
    },
    reload() {
      known = null;
      unseen.clear();
    },
  };
}

const missedOf = (strays: readonly Stray[], seenOf: SeenOf): readonly Stray[] =>
  strays.filter(({ writer, stamp }) => stamp > seenOf(writer));

/** The strays of an origin that another one had not seen, kept while neither changes: asked for every cell. */
function createUnseenStrays(strays: StrayStore) {
  const known = new Map<OriginId, Map<OriginId, readonly Stray[]>>();
  let version = strays.version;
  return {
    by(origin: OriginId, other: OriginId, seenOf: SeenOf): readonly Stray[] {
      const all = strays.of(other);
      if (all.length === 0) return all;
      if (version !== strays.version) known.clear();
      version = strays.version;
      const byOther = known.get(origin) ?? new Map<OriginId, readonly Stray[]>();
      known.set(origin, byOther);
      const found = byOther.get(other) ?? missedOf(all, seenOf);
      byOther.set(other, found);
      return found;
    },
    forget: (origin: OriginId) => void known.delete(origin),
    clear: () => known.clear(),
  };
}

function loadSeen(connection: Connection): Map<OriginId, Map<OriginId, Stamp>> {
  const loaded = new Map<OriginId, Map<OriginId, Stamp>>();
  for (const row of connection.cached('SELECT origin, other, stamp FROM _usync_seen').all()) {
    const origin = textAt(row, 0) as OriginId;
    const seen = loaded.get(origin) ?? new Map<OriginId, Stamp>();
    loaded.set(origin, seen.set(textAt(row, 1) as OriginId, integerAt(row, 2) as Stamp));
  }
  return loaded;
}

/**
 * Who has seen the branch has seen it under its new name. The branch has seen what it had; the line that stays had seen
 * less, and where it is not known how much less, nothing.
 */
function renameSeen(
  connection: Connection,
  { origin, from, before, to }: OriginRenaming,
  uncertain: ReadonlySet<OriginId> | null,
): void {
  connection
    .cached(
      'INSERT OR REPLACE INTO _usync_seen SELECT origin, ?, stamp FROM _usync_seen WHERE other = ? AND stamp >= ?',
    )
    .run(to, origin, BigInt(from));
  connection
    .cached('UPDATE _usync_seen SET stamp = ? WHERE other = ? AND stamp >= ?')
    .run(BigInt(before.stamp), origin, BigInt(from));
  connection
    .cached('INSERT OR REPLACE INTO _usync_seen SELECT ?, other, stamp FROM _usync_seen WHERE origin = ?')
    .run(to, origin);
  connection
    .cached('INSERT OR REPLACE INTO _usync_seen (origin, other, stamp) VALUES (?, ?, ?)')
    .run(to, origin, BigInt(before.stamp));
  if (!uncertain) connection.cached('DELETE FROM _usync_seen WHERE origin = ?').run(origin);
  for (const other of uncertain ?? [])
    connection.cached('DELETE FROM _usync_seen WHERE origin = ? AND other = ?').run(origin, other);
}
