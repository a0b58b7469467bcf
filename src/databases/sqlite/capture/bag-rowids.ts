import type { ReplicaContext } from '../stores/replica-context.js';
import type { SyncedTable } from '../schema/synced-table.js';

const highestRowid = 2n ** 63n - 1n;

/**
 * The first of `count` free rowids in a row, above every row of the bag and those that an application has deleted since the
 * last drain: in the place of one of these a new row would be taken for it. Where an application has used up the top, they
 * are below all others.
 */
export function freeRowids({ connection }: ReplicaContext, table: SyncedTable, count: number): bigint {
  const rowid = table.keySql[0] ?? 'rowid';
  const outermost = (pick: 'min' | 'max'): bigint => {
    const sql = `SELECT ${pick}(coalesce((SELECT ${pick}(${rowid}) FROM ${table.sql}), 0),
      coalesce((SELECT ${pick}(k1) FROM ${table.shadowSql}), 0))`;
    const found = connection.cached(sql).get()?.[0];
    return typeof found === 'bigint' ? found : 0n;
  };
  const highest = outermost('max');
  return highest + BigInt(count) <= highestRowid ? highest + 1n : outermost('min') - BigInt(count);
}
