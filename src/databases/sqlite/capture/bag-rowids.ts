import type { ReplicaContext } from '../stores/replica-context.js';
import { integerAt } from '../connection/row-values.js';
import type { SyncedTable } from '../schema/synced-table.js';

/**
 * Above every row of the bag, and above those that an application has deleted since the last drain: in the place of one
 * of these a new row would be taken for it.
 */
export function freeRowid({ connection }: ReplicaContext, table: SyncedTable): bigint {
  const row = connection
    .cached(
      `SELECT max(coalesce((SELECT max(${table.keySql[0] ?? 'rowid'}) FROM ${table.sql}), 0),
         coalesce((SELECT max(k1) FROM ${table.shadowSql}), 0))`,
    )
    .get();
  return BigInt(integerAt(row ?? [0n], 0)) + 1n;
}
