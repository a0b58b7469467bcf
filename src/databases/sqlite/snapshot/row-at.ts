import type { SqlValue } from '../../../core/value.js';
import { quoteNames } from '../connection/identifiers.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Key } from '../stores/shadow-store.js';

/** The row at a key as it stands, in the order of the layout. */
export const rowAt = ({ connection }: ReplicaContext, table: SyncedTable, key: Key): SqlValue[] | undefined =>
  connection
    .cached(
      `SELECT ${quoteNames(table.layout)} FROM ${table.sql} WHERE ${table.keySql.map((column) => `${column} = ?`).join(' AND ')}`,
    )
    .getExact(...key);
