import type { SqlValue } from '../../core/value.js';
import { SyncError } from '../../core/sync-error.js';
import type { BucketRequest, BucketRow, BucketRowsRequest } from '../replica.js';
import type { ReplicaContext } from './replica-context.js';
import { integerAt } from './row-values.js';
import { shadowKeyColumns, type SyncedTable } from './synced-table.js';

/** Summed in 40 bits, so that no sum of SQLite's overflows at any number of rows that fits a disk. */
const summedBits = 0xff_ffff_ffffn;

/**
 * A row's bucket follows from its content, not its key: then both sides agree whatever their keys are. A row that
 * differs shows in two buckets.
 */
export function bucketSums(context: ReplicaContext, { table: name, buckets }: BucketRequest): number[] {
  const table = tableNamed(context, name);
  const rows = context.connection
    .cached(`SELECT h % ?1, sum(h & ${summedBits}) FROM ${table.shadowSql} GROUP BY 1`)
    .all(BigInt(buckets));
  const sums = Array.from({ length: buckets }, () => 0);
  for (const row of rows) sums[integerAt(row, 0)] = Number((row[1] as bigint) % 2n ** 48n);
  return sums;
}

export function bucketRows(context: ReplicaContext, request: BucketRowsRequest): BucketRow[] {
  const table = tableNamed(context, request.table);
  const keys = shadowKeyColumns(table);
  const order = keys.join(', ');
  const chosen = request.chosen.map((bucket) => Math.trunc(bucket)).join(', ');
  return context.connection
    .prepare(
      `SELECT h % ?1, h, ${order} FROM ${table.shadowSql} WHERE h % ?1 IN (${chosen}) ORDER BY ${order} LIMIT ?2`,
    )
    .allExact(BigInt(request.buckets), BigInt(request.rowsMax))
    .map((row) => ({ bucket: integerAt(row, 0), hash: integerAt(row, 1), key: keyOf(table, row.slice(2)) }));
}

/** Rowids of a bag mean nothing elsewhere. */
const keyOf = (table: SyncedTable, key: SqlValue[]): readonly SqlValue[] => (table.isBag ? [] : key);

function tableNamed(context: ReplicaContext, name: string): SyncedTable {
  const table = context.tables.byName(name);
  if (table) return table;
  throw new SyncError('USYNC-1300', `table ${name} is not synced here`);
}
