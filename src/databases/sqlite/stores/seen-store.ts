import { serverIdOfOrigin, type OriginId, type ServerId } from '../../../core/origin.js';
import { zeroStamp, type Stamp } from '../../../core/stamp.js';
import type { VersionVector } from '../../../core/version-vector.js';
import type { Connection } from '../connection/driver.js';
import { integerAt, textAt } from '../connection/row-values.js';

/**
 * Per origin, how far it had seen the others at its last changeset that is merged here. Tells a write that replaced
 * what its writer saw from a concurrent one, which is a conflict.
 */
export interface SeenStore {
  /** Whether `origin` had seen a write of `other` with this stamp. */
  hasSeen(origin: OriginId, other: OriginId, stamp: Stamp): boolean;
  learn(origin: OriginId, seen: VersionVector): void;
  /** After a snapshot nothing is known of who saw what; what it covers counts as seen by all. */
  learnAll(vector: VersionVector): void;
  reload(): void;
}

export function createSeenStore(connection: Connection, server: ServerId): SeenStore {
  let known: Map<string, Stamp> | null = null;
  const name = (origin: OriginId, other: OriginId): string => `${origin} ${other}`;
  const load = (): Map<string, Stamp> =>
    (known ??= new Map(
      connection
        .cached('SELECT origin, other, stamp FROM _usync_seen')
        .all()
        .map((row) => [`${textAt(row, 0)} ${textAt(row, 1)}`, integerAt(row, 2) as Stamp]),
    ));
  const set = (origin: OriginId, other: OriginId, stamp: Stamp): void => {
    if ((load().get(name(origin, other)) ?? zeroStamp) >= stamp) return;
    connection
      .cached('INSERT OR REPLACE INTO _usync_seen (origin, other, stamp) VALUES (?, ?, ?)')
      .run(origin, other, BigInt(stamp));
    load().set(name(origin, other), stamp);
  };
  return {
    hasSeen: (origin, other, stamp) =>
      origin === other ||
      serverIdOfOrigin(origin) === server ||
      stamp <= (load().get(name(origin, other)) ?? zeroStamp),
    learn(origin, seen) {
      for (const [other, { stamp }] of seen) set(origin, other, stamp);
    },
    learnAll(vector) {
      for (const origin of vector.keys()) {
        for (const [other, { stamp }] of vector) if (other !== origin) set(origin, other, stamp);
      }
    },
    reload() {
      known = null;
    },
  };
}
