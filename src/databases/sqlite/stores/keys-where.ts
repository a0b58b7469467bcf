import type { SqlValue } from '../../../core/value.js';
import { quoteName } from '../connection/identifiers.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from './replica-context.js';
import type { Key } from './shadow-store.js';

/** The keys of rows that show these values in these columns. */
export function keysWhere(
  context: ReplicaContext,
  table: SyncedTable,
  columns: readonly string[],
  values: readonly SqlValue[],
): Key[] {
  const where = columns.map((column) => `${quoteName(column)} = ?`).join(' AND ');
  const sql = `SELECT ${table.keySql.join(', ')} FROM ${table.sql} WHERE ${where}`;
  return context.connection.cached(sql).allExact(...values);
}
