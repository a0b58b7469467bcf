import { rowBytesMax } from '../../../core/limits.js';
import { quoteName } from '../connection/identifiers.js';
import { integerAt } from '../connection/row-values.js';
import { joinsTable, type SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { ComparisonBatch } from './comparison-batch.js';

/** In a smaller file no row is too large, and none of its pages: nothing is looked at. */
export function isLargeFile({ connection }: ReplicaContext): boolean {
  const pages = integerAt(connection.cached('PRAGMA main.page_count').get() ?? [0n], 0);
  const pageBytes = integerAt(connection.cached('PRAGMA main.page_size').get() ?? [0n], 0);
  return pages * pageBytes > rowBytesMax;
}

/** SQL: what a changeset takes for the values of a row `r` at most. Summed in halves: SQLite bounds how deep an expression may be. */
export function bytesOf(table: SyncedTable): string {
  const sum = (columns: readonly string[]): string => {
    const [only] = columns;
    if (columns.length <= 1) return only === undefined ? '0' : `(coalesce(octet_length(r.${quoteName(only)}), 0) + 32)`;
    const middle = Math.floor(columns.length / 2);
    return `(${sum(columns.slice(0, middle))} + ${sum(columns.slice(middle))})`;
  };
  return sum(table.layout);
}

/** Beyond it a page of rows is cut: what is read at once is in memory. */
const pageBytesMax = 64 * 1024 * 1024;

/** The number of the last row that a page which begins with `first` may hold. */
export function endOfPage(context: ReplicaContext, table: SyncedTable, { first, last }: ComparisonBatch): number {
  if (!isLargeFile(context)) return last;
  const statement = context.connection.cached(
    `SELECT coalesce(sum(${bytesOf(table)}), 0) FROM temp._usync_batch b
     CROSS JOIN ${table.sql} r ON ${joinsTable(table, 'b', 'r')} WHERE b.n BETWEEN ? AND ?`,
  );
  let end = last;
  const isTooMuch = (): boolean => integerAt(statement.get(BigInt(first), BigInt(end)) ?? [0n], 0) > pageBytesMax;
  while (end > first && isTooMuch()) end = first + Math.floor((end - first) / 2);
  return end;
}
