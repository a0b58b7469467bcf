import { freeRowids } from '../capture/bag-rowids.js';
import { quoteName, quoteNames } from '../connection/identifiers.js';
import type { SqlValue } from '../../../core/value.js';
import type { PlainRow } from '../connection/driver.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Key } from '../stores/shadow-store.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import type { SyncedTable } from '../schema/synced-table.js';
import { deleteRow, openFor } from './trigger-guard.js';

/** What is to stand in an application's table: columns without a value are left to their defaults. */
export interface RowWrite {
  readonly table: SyncedTable;
  readonly values: ReadonlyMap<string, SqlValue>;
}

/**
 * Single rows of applications' tables. Every statement says OR ABORT, since a table may declare that its constraints
 * replace or ignore. Throws `ConstraintFailure` when the schema refuses the row; nothing has happened then.
 */
export interface ShownRowWriter {
  /** Returns the key, which a bag gives out. */
  insert(row: RowWrite): Key;
  update(table: SyncedTable, key: Key, values: ReadonlyMap<string, SqlValue>): void;
  remove(table: SyncedTable, key: Key): void;
  /** Takes a row out with everything in it, also columns that are not synced, to be put back under another key. */
  takeOut(table: SyncedTable, key: Key): ReadonlyMap<string, SqlValue>;
}

export function createShownRowWriter(context: ReplicaContext): ShownRowWriter {
  const { connection } = context;
  const whereKey = (table: SyncedTable): string => table.keySql.map((column) => `${column} = ?`).join(' AND ');
  const storedColumns = (table: SyncedTable): string[] =>
    table.schema.columns.filter((column) => !column.isGenerated).map((column) => column.name);

  const writer: ShownRowWriter = {
    insert({ table, values }) {
      const columns = quoteNames([...values.keys()]);
      const rowid = table.isBag ? freeRowids(context, table, 1) : null;
      const names = [...(rowid === null ? [] : [table.keySql[0] ?? 'rowid']), ...(columns === '' ? [] : [columns])];
      const params = [...(rowid === null ? [] : [rowid]), ...values.values()];
      const sql =
        params.length === 0
          ? `INSERT OR ABORT INTO ${table.sql} DEFAULT VALUES`
          : `INSERT OR ABORT INTO ${table.sql} (${names.join(', ')}) VALUES (${params.map(() => '?').join(', ')})`;
      openFor(context, table);
      const { lastRowid, changes } = connection.cached(sql).run(...params);
      if (changes === 0) throw new ConstraintFailure('trigger', 'a trigger of the application left the row out');
      return table.isBag ? [lastRowid] : table.schema.key.map((column) => values.get(column) ?? null);
    },
    update(table, key, values) {
      if (values.size === 0) return;
      const sets = [...values.keys()].map((column) => `${quoteName(column)} = ?`).join(', ');
      openFor(context, table);
      const { changes } = connection
        .cached(`UPDATE OR ABORT ${table.sql} SET ${sets} WHERE ${whereKey(table)}`)
        .run(...values.values(), ...key);
      if (changes === 0) throw new ConstraintFailure('trigger', 'a trigger of the application left the row as it was');
    },
    remove(table, key) {
      deleteRow(context, table, key);
    },
    takeOut(table, key) {
      const columns = storedColumns(table);
      const row: readonly SqlValue[] | PlainRow =
        connection
          .cached(`SELECT ${quoteNames(columns)} FROM ${table.sql} WHERE ${whereKey(table)}`)
          .getExact(...key) ?? [];
      writer.remove(table, key);
      return new Map(columns.map((column, i) => [column, row[i] ?? null]));
    },
  };
  return writer;
}
