import { epochOfChain, historyPointsMax, type History, type HistoryPoint } from '../../../core/branch.js';
import { epochOfOrigin, serverIdOfOrigin, type OriginId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import type { ChainHash, VectorEntry } from '../../../core/version-vector.js';
import type { Connection, PlainRow } from '../connection/driver.js';
import type { OriginStore } from './origin-store.js';
import { integerAt, textAt } from '../connection/row-values.js';

/**
 * How a changeset of somebody else's vector relates to the history that is held here. `unknown`: it is older than what
 * is remembered, or lies in a hole of it.
 */
export type Relation = 'held' | 'ahead' | 'forked' | 'unknown';

/**
 * The changesets of each origin, by stamp and chain: those of the journal, and `_usync_points` for those that it no
 * longer holds or never did (snapshots). By them forks are found.
 */
export interface HistoryStore {
  relation(origin: OriginId, entry: VectorEntry): Relation;
  find(origin: OriginId, stamp: Stamp): HistoryPoint | null;
  /** The newest ones without a hole. Empty when the newest itself is not remembered. */
  of(origin: OriginId): History;
  /** The changeset of another origin of the same server after whose chain `name` is named: the branch that it cuts. */
  namesake(name: OriginId): { readonly origin: OriginId; readonly point: HistoryPoint } | null;
  put(origin: OriginId, point: HistoryPoint): void;
  /** Keeps what the journal rows up to this position say, for they are about to be removed. */
  keepJournal(fromPosition: number, toPosition: number): void;
  /** The branch from `from` on belongs to `to`, and begins there. */
  rename(renaming: { readonly origin: OriginId; readonly from: Stamp; readonly to: OriginId }): void;
  /** Forgets the oldest beyond what is kept. */
  trim(): void;
}

const known = `(SELECT origin, stamp, prev, chain FROM _usync_points
  UNION SELECT origin, stamp, prev, chain FROM _usync_journal WHERE origin IS NOT NULL)`;

export const createHistoryStore = (connection: Connection, origins: OriginStore): HistoryStore => ({
  ...readingOf(connection, origins),
  ...keepingOf(connection, origins),
});

type Keeping = 'put' | 'keepJournal' | 'rename' | 'trim';

function readingOf(connection: Connection, origins: OriginStore): Omit<HistoryStore, Keeping> {
  const numberOf = (origin: OriginId): bigint => BigInt(origins.numberOf(origin));
  const first = (sql: string, ...params: bigint[]): HistoryPoint | null => {
    const row = connection.cached(sql).get(...params);
    return row ? pointOf(row) : null;
  };
  /** From both tables apart, since each has its index. */
  const best = (condition: string, order: 'ASC' | 'DESC', params: bigint[]): HistoryPoint | null => {
    const found = ['_usync_points', '_usync_journal'].flatMap((table) => {
      const sql = `SELECT stamp, prev, chain FROM ${table} WHERE origin = ? AND ${condition}
        ORDER BY stamp ${order} LIMIT 1`;
      return first(sql, ...params) ?? [];
    });
    return found.toSorted((a, b) => (order === 'ASC' ? a.stamp - b.stamp : b.stamp - a.stamp))[0] ?? null;
  };
  const newest = (origin: OriginId): HistoryPoint[] =>
    ['_usync_points', '_usync_journal'].flatMap((table) =>
      connection
        .cached(`SELECT stamp, prev, chain FROM ${table} WHERE origin = ? ORDER BY stamp DESC LIMIT ?`)
        .all(numberOf(origin), BigInt(historyPointsMax))
        .map(pointOf),
    );
  const store: Omit<HistoryStore, Keeping> = {
    relation(origin, { stamp, chain }) {
      if (stamp === 0) return 'held';
      const head = origins.entry(origin);
      if (stamp > head.stamp) return 'ahead';
      if (stamp === head.stamp) return chain === head.chain ? 'held' : 'forked';
      const next = best('stamp >= ?', 'ASC', [numberOf(origin), BigInt(stamp)]);
      if (!next) return 'unknown';
      if (next.stamp === stamp) return next.chain === chain ? 'held' : 'forked';
      return next.prev < stamp ? 'forked' : 'unknown';
    },
    find: (origin, stamp) => best('stamp = ?', 'ASC', [numberOf(origin), BigInt(stamp)]),
    of(origin) {
      const points: HistoryPoint[] = [];
      let { stamp } = origins.entry(origin);
      const byStamp = new Map(newest(origin).map((point) => [point.stamp, point]));
      while (stamp > 0 && points.length < historyPointsMax) {
        const point = byStamp.get(stamp);
        if (!point) break;
        points.push(point);
        stamp = point.prev;
      }
      return points.toReversed();
    },
    namesake(name) {
      const server = serverIdOfOrigin(name);
      const epoch = epochOfOrigin(name);
      for (const origin of origins.vector().keys()) {
        if (origin === name || serverIdOfOrigin(origin) !== server) continue;
        const rows = connection
          .cached(`SELECT stamp, prev, chain FROM ${known} WHERE origin = ? AND substr(chain, 1, 8) = ?`)
          .all(numberOf(origin), epoch);
        const found = rows.map(pointOf).find((point) => store.relation(origin, point) === 'held');
        if (found && epochOfChain(found.chain) === epoch) return { origin, point: found };
      }
      return null;
    },
  };
  return store;
}

function keepingOf(connection: Connection, origins: OriginStore): Pick<HistoryStore, Keeping> {
  const numberOf = (origin: OriginId): bigint => BigInt(origins.numberOf(origin));
  return {
    put(origin, { stamp, prev, chain }) {
      connection
        .cached('INSERT OR REPLACE INTO _usync_points (origin, stamp, prev, chain) VALUES (?, ?, ?, ?)')
        .run(numberOf(origin), BigInt(stamp), BigInt(prev), chain);
    },
    keepJournal(fromPosition, toPosition) {
      connection
        .cached(
          `INSERT OR REPLACE INTO _usync_points (origin, stamp, prev, chain) SELECT origin, stamp, prev, chain
           FROM _usync_journal WHERE position BETWEEN ? AND ? AND origin IS NOT NULL`,
        )
        .run(BigInt(fromPosition), BigInt(toPosition));
    },
    rename({ origin, from, to }) {
      connection
        .cached('UPDATE _usync_points SET origin = ? WHERE origin = ? AND stamp >= ?')
        .run(numberOf(to), numberOf(origin), BigInt(from));
      connection
        .cached('UPDATE _usync_points SET prev = 0 WHERE origin = ? AND prev < ?')
        .run(numberOf(to), BigInt(from));
    },
    trim() {
      for (const origin of origins.vector().keys()) {
        connection
          .cached(
            `DELETE FROM _usync_points WHERE origin = ?1 AND stamp <= (SELECT stamp FROM _usync_points
             WHERE origin = ?1 ORDER BY stamp DESC LIMIT 1 OFFSET ?2)`,
          )
          .run(numberOf(origin), BigInt(historyPointsMax));
      }
    },
  };
}

const pointOf = (row: PlainRow): HistoryPoint => ({
  stamp: integerAt(row, 0) as Stamp,
  prev: integerAt(row, 1) as Stamp,
  chain: textAt(row, 2) as ChainHash,
});
