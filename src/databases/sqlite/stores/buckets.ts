import { addHash } from '../../../core/digest.js';
import { columnHash, columnSeed } from '../../../core/row-hash.js';
import type { SqlValue } from '../../../core/value.js';
import { SyncError } from '../../../core/sync-error.js';
import type { BucketRequest, BucketRow, BucketRowsRequest } from '../../replica.js';
import { foldKey } from '../capture/genesis-row.js';
import type { ReplicaContext } from './replica-context.js';
import { shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';

/**
 * A row's bucket follows from its key, so that a row that differs shows in one bucket on both sides; in bags from its
 * content. Reads every shadow of the table: about a second for a million rows.
 */
export function bucketSums(context: ReplicaContext, { table: name, buckets }: BucketRequest): number[] {
  const sums = Array.from({ length: buckets }, () => 0);
  for (const { bucket, hash } of eachRow(context, tableNamed(context, name), buckets)) {
    sums[bucket] = addHash(sums[bucket] ?? 0, hash);
  }
  return sums;
}

export function bucketRows(context: ReplicaContext, request: BucketRowsRequest): BucketRow[] {
  const table = tableNamed(context, request.table);
  const chosen = new Set(request.chosen);
  const rows: BucketRow[] = [];
  for (const row of eachRow(context, table, request.buckets)) {
    if (!chosen.has(row.bucket)) continue;
    // Rowids of a bag mean nothing elsewhere.
    rows.push(table.isBag ? { ...row, key: [] } : row);
    if (rows.length >= request.rowsMax) break;
  }
  return rows;
}

const pageRows = 5000;

function* eachRow(context: ReplicaContext, table: SyncedTable, buckets: number): Generator<BucketRow> {
  const keys = shadowKeyColumns(table);
  const order = keys.join(', ');
  const position = `WHERE (${order}) > (${keys.map(() => '?').join(', ')})`;
  const page = (where: string): string =>
    `SELECT h, ${order} FROM ${table.shadowSql} ${where} ORDER BY ${order} LIMIT ${pageRows}`;
  let rows = context.connection.cached(page('')).allExact();
  while (rows.length > 0) {
    for (const [h, ...key] of rows) {
      const hash = Number(h);
      yield { bucket: table.isBag ? hash % buckets : bucketOf(table, key, buckets), key, hash };
    }
    const last = rows.at(-1)?.slice(1) ?? [];
    rows = rows.length < pageRows ? [] : context.connection.cached(page(position)).allExact(...last);
  }
}

const seed = columnSeed('bucket');

function bucketOf(table: SyncedTable, key: readonly SqlValue[], buckets: number): number {
  let mixed = 0;
  for (const [part, value] of key.entries()) {
    const text = typeof value === 'string' ? foldKey(table, part, value) : value;
    mixed = (Math.imul(mixed, 31) + columnHash(seed, text)) >>> 0;
  }
  return mixed % buckets;
}

function tableNamed(context: ReplicaContext, name: string): SyncedTable {
  const table = context.tables.byName(name);
  if (table) return table;
  throw new SyncError('USYNC-1300', `table ${name} is not synced here`);
}
