import type { OriginId } from '../../../core/origin.js';
import { clockAfterSeeing, nextStamp, zeroStamp, type Stamp } from '../../../core/stamp.js';
import { SyncError } from '../../../core/sync-error.js';
import { emptyChain, type VectorEntry, type VersionVector } from '../../../core/version-vector.js';
import type { Connection } from '../connection/driver.js';
import type { MetaStore } from './meta-store.js';
import { createOriginList } from './origin-list.js';

/** The version vector, the number of each known origin, the own origin and its clock. Cached. */
export interface OriginStore {
  own(): OriginId;
  setOwn(origin: OriginId): void;
  /** The number by which the sync tables call an origin; a new one is written when it is unknown. */
  numberOf(origin: OriginId): number;
  originOf(number: number): OriginId;
  vector(): VersionVector;
  entry(origin: OriginId): VectorEntry;
  advance(origin: OriginId, entry: VectorEntry): void;
  /** What the vector gained since the own changeset before: the `seen` of the next one. */
  untold(): VersionVector;
  /** To be called with an own changeset: everything in the vector is told now. */
  markTold(): void;
  /** A new own stamp; the clock moves with it. */
  nextStamp(nowMs: number): Stamp;
  clock(): Stamp;
  saw(stamp: Stamp, nowMs: number): void;
  /** Whether the file still holds what is known of it. Nobody else writes these. */
  isAsStored(): boolean;
  reload(): void;
}

export function createOriginStore(connection: Connection, meta: MetaStore): OriginStore {
  const list = createOriginList(connection);
  let vector: VersionVector | null = null;

  const store: OriginStore = {
    own() {
      const origin = meta.text('origin');
      if (origin === null) throw new SyncError('USYNC-1001', 'the database has no origin yet');
      return origin as OriginId;
    },
    setOwn(origin) {
      meta.set('origin', origin);
      list.ensure(origin);
      list.tellNothing();
    },
    numberOf: (origin) => list.ensure(origin).number,
    originOf: (number) => list.originOf(number),
    vector() {
      return (vector ??= new Map(
        [...list.known()].filter(([, { entry }]) => entry.stamp > 0).map(([origin, { entry }]) => [origin, entry]),
      ));
    },
    entry: (origin) => list.known().get(origin)?.entry ?? { stamp: zeroStamp, chain: emptyChain },
    advance(origin, entry) {
      list.advance(origin, entry);
      vector = null;
    },
    untold() {
      const own = store.own();
      const gained = [...list.known()].filter(([origin, { entry, told }]) => origin !== own && entry.stamp > told);
      return new Map(gained.map(([origin, { entry }]) => [origin, entry]));
    },
    markTold() {
      if (store.untold().size > 0) list.tellAll();
    },
    nextStamp(nowMs) {
      const stamp = nextStamp(store.clock(), nowMs);
      meta.set('clock', stamp);
      return stamp;
    },
    clock() {
      const own = meta.text('origin');
      const last = own === null ? zeroStamp : store.entry(own as OriginId).stamp;
      return Math.max(meta.number('clock') ?? 0, last) as Stamp;
    },
    saw(stamp, nowMs) {
      meta.set('clock', clockAfterSeeing(store.clock(), stamp, nowMs));
    },
    isAsStored: () => list.isAsStored(),
    reload() {
      list.reload();
      vector = null;
    },
  };
  return store;
}
