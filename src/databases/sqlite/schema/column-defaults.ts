import type { SqlValue } from '../../../core/value.js';
import type { Connection } from '../connection/driver.js';
import type { SyncedTable } from './synced-table.js';

/** By table as the schema has it now; a changed schema makes new tables. */
const known = new WeakMap<SyncedTable, ReadonlyMap<string, SqlValue>>();

/**
 * What a row shows in a column of which it has no cell, since it was written where that column was not there: the
 * column's default, as SQLite stores it. NULL when there is none, or when it is not the same for every row (an expression).
 */
export function defaultOf(connection: Connection, table: SyncedTable, column: string): SqlValue {
  let defaults = known.get(table);
  if (!defaults) known.set(table, (defaults = readDefaults(connection, table)));
  return defaults.get(column) ?? null;
}

function readDefaults(connection: Connection, table: SyncedTable): Map<string, SqlValue> {
  const defaults = new Map<string, SqlValue>();
  for (const { name, affinity, defaultSql } of table.form.columns) {
    if (defaultSql === null || !isConstant(defaultSql)) continue;
    try {
      connection.exec('DROP TABLE IF EXISTS temp._usync_default');
      connection.exec(`CREATE TEMP TABLE _usync_default (c ${affinity} DEFAULT ${defaultSql})`);
      connection.exec('INSERT INTO temp._usync_default DEFAULT VALUES');
      const value = connection.prepare('SELECT c FROM temp._usync_default').getExact()?.[0] ?? null;
      if (value !== null) defaults.set(name, value);
    } catch {
      // Not a constant after all: such a column cannot have been added to a table with rows.
    }
  }
  return defaults;
}

/** A number, text, blob or word; SQLite reports an expression without its brackets. */
const isConstant = (sql: string): boolean =>
  /^\s*(?:[-+]?\s*[\d.][\w.]*(?:e[-+]?\d+)?|x?'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+)\s*$/i.test(sql) &&
  !/^\s*current_(?:time|date|timestamp)\s*$/i.test(sql);
