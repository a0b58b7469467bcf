import type { OriginId } from '../../../core/origin.js';
import { zeroStamp, type Stamp } from '../../../core/stamp.js';
import { SyncError } from '../../../core/sync-error.js';
import { emptyChain, type ChainHash, type VectorEntry } from '../../../core/version-vector.js';
import type { Connection, Statement } from '../connection/driver.js';
import { integerAt, textAt } from '../connection/row-values.js';

/** `_usync_origins`: every origin that a life, a cell or the vector names, with its number. Cached. */
export interface OriginList {
  known(): ReadonlyMap<OriginId, KnownOrigin>;
  /** Writes a new one when it is unknown. */
  ensure(origin: OriginId): KnownOrigin;
  originOf(number: number): OriginId;
  advance(origin: OriginId, entry: VectorEntry): void;
  /** The own changesets have told everything that is in the vector now, or, under a new name, nothing. */
  tellAll(): void;
  tellNothing(): void;
  /** Whether the file still holds what is known of it. Nobody else writes these. */
  isAsStored(): boolean;
  reload(): void;
}

export interface KnownOrigin {
  readonly number: number;
  readonly entry: VectorEntry;
  /** How far own changesets have named it as seen. */
  readonly told: Stamp;
}

export function createOriginList(connection: Connection): OriginList {
  const all = connection.prepare('SELECT number, origin, stamp, chain, told FROM _usync_origins ORDER BY number');
  const insert = connection.prepare(
    'INSERT INTO _usync_origins (number, origin, stamp, chain, told) VALUES (?, ?, ?, ?, ?)',
  );
  const update = connection.prepare('UPDATE _usync_origins SET stamp = ?, chain = ? WHERE number = ?');
  const tell = connection.prepare('UPDATE _usync_origins SET told = stamp WHERE told <> stamp');
  const forget = connection.prepare('UPDATE _usync_origins SET told = 0');
  let knownByOrigin: Map<OriginId, KnownOrigin> | null = null;
  let originByNumber: OriginId[] = [];

  const known = (): Map<OriginId, KnownOrigin> => {
    if (knownByOrigin) return knownByOrigin;
    knownByOrigin = readOrigins(all);
    originByNumber = [];
    for (const [origin, { number }] of knownByOrigin) originByNumber[number] = origin;
    return knownByOrigin;
  };
  const list: OriginList = {
    known,
    ensure(origin) {
      const found = known().get(origin);
      if (found) return found;
      const number = Math.max(originByNumber.length, 1);
      const added = { number, entry: { stamp: zeroStamp, chain: emptyChain }, told: zeroStamp };
      insert.run(BigInt(number), origin, 0n, emptyChain, 0n);
      known().set(origin, added);
      originByNumber[number] = origin;
      return added;
    },
    originOf(number) {
      known();
      const origin = originByNumber[number];
      if (origin === undefined) throw new SyncError('USYNC-1001', `origin number ${number} is unknown`);
      return origin;
    },
    advance(origin, entry) {
      const before = list.ensure(origin);
      update.run(BigInt(entry.stamp), entry.chain, BigInt(before.number));
      known().set(origin, { ...before, entry });
    },
    tellAll() {
      tell.run();
      knownByOrigin = null;
    },
    tellNothing() {
      forget.run();
      knownByOrigin = null;
    },
    isAsStored() {
      if (knownByOrigin === null) return true;
      const stored = readOrigins(all);
      if (stored.size !== knownByOrigin.size) return false;
      return [...knownByOrigin].every(([origin, { number, entry }]) => {
        const found = stored.get(origin);
        return found?.number === number && found.entry.stamp === entry.stamp && found.entry.chain === entry.chain;
      });
    },
    reload() {
      knownByOrigin = null;
    },
  };
  return list;
}

function readOrigins(all: Statement): Map<OriginId, KnownOrigin> {
  const stored = new Map<OriginId, KnownOrigin>();
  for (const row of all.iterate()) {
    const entry = { stamp: integerAt(row, 2) as Stamp, chain: textAt(row, 3) as ChainHash };
    stored.set(textAt(row, 1) as OriginId, { number: integerAt(row, 0), entry, told: integerAt(row, 4) as Stamp });
  }
  return stored;
}
