import type { OriginId } from '../../core/origin.js';
import { clockAfterSeeing, nextStamp, zeroStamp, type Stamp } from '../../core/stamp.js';
import { SyncError } from '../../core/sync-error.js';
import { emptyChain, type ChainHash, type VectorEntry, type VersionVector } from '../../core/version-vector.js';
import type { Connection } from './driver.js';
import type { MetaStore } from './meta-store.js';
import { integerAt, textAt } from './row-values.js';

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
  untold(): ReadonlyMap<OriginId, Stamp>;
  /** To be called with an own changeset: everything in the vector is told now. */
  markTold(): void;
  /** A new own stamp; the clock moves with it. */
  nextStamp(nowMs: number): Stamp;
  clock(): Stamp;
  saw(stamp: Stamp, nowMs: number): void;
  reload(): void;
}

interface Known {
  readonly number: number;
  readonly entry: VectorEntry;
  readonly told: Stamp;
}

export function createOriginStore(connection: Connection, meta: MetaStore): OriginStore {
  const all = connection.prepare('SELECT number, origin, stamp, chain, told FROM _usync_origins ORDER BY number');
  const insert = connection.prepare(
    'INSERT INTO _usync_origins (number, origin, stamp, chain, told) VALUES (?, ?, ?, ?, ?)',
  );
  const update = connection.prepare('UPDATE _usync_origins SET stamp = ?, chain = ? WHERE number = ?');
  const tell = connection.prepare('UPDATE _usync_origins SET told = stamp WHERE told <> stamp');
  const forget = connection.prepare('UPDATE _usync_origins SET told = 0');
  let knownByOrigin: Map<OriginId, Known> | null = null;
  let originByNumber: OriginId[] = [];
  let vector: VersionVector | null = null;

  const known = (): Map<OriginId, Known> => {
    if (knownByOrigin) return knownByOrigin;
    const loaded = new Map<OriginId, Known>();
    originByNumber = [];
    for (const row of all.iterate()) {
      const origin = textAt(row, 1) as OriginId;
      const entry = { stamp: integerAt(row, 2) as Stamp, chain: textAt(row, 3) as ChainHash };
      loaded.set(origin, { number: integerAt(row, 0), entry, told: integerAt(row, 4) as Stamp });
      originByNumber[integerAt(row, 0)] = origin;
    }
    return (knownByOrigin = loaded);
  };

  const ensure = (origin: OriginId): Known => {
    const found = known().get(origin);
    if (found) return found;
    const number = Math.max(originByNumber.length, 1);
    const added = { number, entry: { stamp: zeroStamp, chain: emptyChain }, told: zeroStamp };
    insert.run(BigInt(number), origin, 0n, emptyChain, 0n);
    known().set(origin, added);
    originByNumber[number] = origin;
    return added;
  };

  const store: OriginStore = {
    own() {
      const origin = meta.text('origin');
      if (origin === null) throw new SyncError('USYNC-1001', 'the database has no origin yet');
      return origin as OriginId;
    },
    setOwn(origin) {
      meta.set('origin', origin);
      ensure(origin);
      forget.run();
      knownByOrigin = null;
    },
    numberOf: (origin) => ensure(origin).number,
    originOf(number) {
      known();
      const origin = originByNumber[number];
      if (origin === undefined) throw new SyncError('USYNC-1001', `origin number ${number} is unknown`);
      return origin;
    },
    vector() {
      return (vector ??= new Map(
        [...known()].filter(([, { entry }]) => entry.stamp > 0).map(([origin, { entry }]) => [origin, entry]),
      ));
    },
    entry: (origin) => known().get(origin)?.entry ?? { stamp: zeroStamp, chain: emptyChain },
    advance(origin, entry) {
      const before = ensure(origin);
      update.run(BigInt(entry.stamp), entry.chain, BigInt(before.number));
      known().set(origin, { ...before, entry });
      vector = null;
    },
    untold() {
      const own = store.own();
      const gained = [...known()].filter(([origin, { entry, told }]) => origin !== own && entry.stamp > told);
      return new Map(gained.map(([origin, { entry }]) => [origin, entry.stamp]));
    },
    markTold() {
      if (store.untold().size === 0) return;
      tell.run();
      knownByOrigin = null;
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
    reload() {
      knownByOrigin = null;
      vector = null;
    },
  };
  return store;
}
