import type { ChangesetPart } from '../../../core/changeset.js';
import type { OriginId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import type { Connection } from '../connection/driver.js';
import type { OriginStore } from './origin-store.js';
import { bytesAt, integerAt } from '../connection/row-values.js';

/** `_usync_parts`: the bytes of changesets. Without a journal entry they are staged: received, not yet merged. */
export interface PartStore {
  putPart(part: ChangesetPart): void;
  parts(origin: OriginId, stamp: Stamp): IterableIterator<ChangesetPart>;
  part(origin: OriginId, stamp: Stamp, part: number): ChangesetPart | null;
  /** How many bytes are here of a changeset. */
  bytesOf(origin: OriginId, stamp: Stamp): number;
  /** Changesets with staged parts, with how many there are and whether the last one is. */
  staged(): { readonly origin: OriginId; readonly stamp: Stamp; readonly parts: number; readonly isWhole: boolean }[];
  dropParts(origin: OriginId, stamp: Stamp): void;
  /** At most so many of them, the last ones first. True when there may be more. */
  dropSomeParts(origin: OriginId, stamp: Stamp, max: number): boolean;
}

export function createPartStore(connection: Connection, origins: OriginStore): PartStore {
  const put = connection.prepare(
    'INSERT OR IGNORE INTO _usync_parts (origin, stamp, part, last, bytes) VALUES (?, ?, ?, ?, ?)',
  );
  const select = connection.prepare(
    'SELECT part, last, bytes FROM _usync_parts WHERE origin = ? AND stamp = ? AND part = ?',
  );
  const selectStaged = connection.prepare(
    `SELECT p.origin, p.stamp, count(*), max(p.last), max(p.part) FROM _usync_parts p WHERE NOT EXISTS (
       SELECT 1 FROM _usync_journal j WHERE j.origin = p.origin AND j.stamp = p.stamp AND j.origin IS NOT NULL)
     GROUP BY p.origin, p.stamp ORDER BY p.stamp`,
  );
  const sumBytes = connection.prepare(
    'SELECT coalesce(sum(length(bytes)), 0) FROM _usync_parts WHERE origin = ? AND stamp = ?',
  );
  const drop = connection.prepare('DELETE FROM _usync_parts WHERE origin = ? AND stamp = ?');
  const dropSome = connection.prepare(
    `DELETE FROM _usync_parts WHERE origin = ?1 AND stamp = ?2 AND part IN (
       SELECT part FROM _usync_parts WHERE origin = ?1 AND stamp = ?2 ORDER BY part DESC LIMIT ?3)`,
  );
  const numberOf = (origin: OriginId): bigint => BigInt(origins.numberOf(origin));
  const store: PartStore = {
    putPart({ origin, stamp, part, isLast, bytes }) {
      put.run(numberOf(origin), BigInt(stamp), BigInt(part), isLast ? 1n : 0n, bytes);
    },
    *parts(origin, stamp) {
      // One at a time, so that a huge changeset is never in memory as a whole and other statements may run between.
      for (let part = 0; ; part++) {
        const found = store.part(origin, stamp, part);
        if (!found) return;
        yield found;
        if (found.isLast) return;
      }
    },
    part(origin, stamp, part) {
      const row = select.get(numberOf(origin), BigInt(stamp), BigInt(part));
      if (!row) return null;
      return { origin, stamp, part: integerAt(row, 0), isLast: integerAt(row, 1) === 1, bytes: bytesAt(row, 2) };
    },
    bytesOf(origin, stamp) {
      return integerAt(sumBytes.get(numberOf(origin), BigInt(stamp)) ?? [0n], 0);
    },
    staged: () =>
      selectStaged.all().map((row) => ({
        origin: origins.originOf(integerAt(row, 0)),
        stamp: integerAt(row, 1) as Stamp,
        parts: integerAt(row, 2),
        isWhole: integerAt(row, 3) === 1 && integerAt(row, 2) === integerAt(row, 4) + 1,
      })),
    dropParts(origin, stamp) {
      drop.run(numberOf(origin), BigInt(stamp));
    },
    dropSomeParts: (origin, stamp, max) => dropSome.run(numberOf(origin), BigInt(stamp), BigInt(max)).changes >= max,
  };
  return store;
}
