import type { OriginId } from '../../../core/origin.js';
import type { ConflictRecord } from '../../replica.js';
import type { Connection } from '../connection/driver.js';
import { integerAt, textAt } from '../connection/row-values.js';

/** What lost, newest first. Bounded: the oldest go when there are more than `recordsMax`. */
export interface ConflictStore {
  /** Ids are deterministic, so the same conflict seen twice is one record. Returns whether it is new. */
  add(record: ConflictRecord): boolean;
  list(max: number): ConflictRecord[];
  count(): number;
}

const recordsMax = 100_000;

export function createConflictStore(connection: Connection): ConflictStore {
  const insert = connection.prepare(
    `INSERT INTO _usync_conflicts (id, tbl, key, col, rule, kept, lost, lost_origin, time)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
  );
  const trim = connection.prepare('DELETE FROM _usync_conflicts WHERE number <= ?');
  const select = connection.prepare(
    `SELECT id, tbl, key, col, rule, kept, lost, lost_origin, time FROM _usync_conflicts ORDER BY number DESC LIMIT ?`,
  );
  const countAll = connection.prepare('SELECT count(*) FROM _usync_conflicts');
  return {
    add(record) {
      const { id, table, key, column, rule, kept, lost, lostOrigin, atMs } = record;
      const result = insert.run(id, table, key, column, rule, kept, lost, lostOrigin, BigInt(Math.trunc(atMs)));
      if (result.changes === 0) return false;
      if (result.lastRowid % 1000n === 0n) trim.run(result.lastRowid - BigInt(recordsMax));
      return true;
    },
    list: (max) =>
      select.all(BigInt(max)).map((row) => ({
        id: textAt(row, 0),
        table: textAt(row, 1),
        key: textAt(row, 2),
        column: row[3] === null ? null : textAt(row, 3),
        rule: textAt(row, 4),
        kept: textAt(row, 5),
        lost: textAt(row, 6),
        lostOrigin: textAt(row, 7) as OriginId,
        atMs: integerAt(row, 8),
      })),
    count: () => integerAt(countAll.get() ?? [0n], 0),
  };
}
