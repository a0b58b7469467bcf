import type { EntryTable } from '../../entry-table.js';
import { openConnection, type Connection } from '../connection/driver.js';
import type { SqliteModule } from '../connection/sqlite-module.js';
import { atomically } from './atomically.js';
import { createConflictLog } from './conflict-log.js';
import { createContentRecords } from './content-records.js';
import { createDiskRecords } from './disk-records.js';
import { createEntryRows } from './entry-rows.js';
import { entrySchema } from './entry-schema.js';
import { createHistoryRecords } from './history-records.js';

/** The state of a folder dataset in a SQLite file, which is made when it is missing. */
export function openSqliteEntryTable(path: string, { module }: { readonly module?: SqliteModule } = {}): EntryTable {
  // Its other writer is the replica, whose merges hold the lock for milliseconds.
  const connection = openConnection(path, { busyTimeoutMs: 30_000, ...(module === undefined ? {} : { module }) });
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384');
  connection.exec(`BEGIN IMMEDIATE; ${entrySchema} COMMIT`);
  addModeAge(connection);
  return {
    atomically: (work) => atomically(connection, work),
    rows: createEntryRows(connection),
    disk: createDiskRecords(connection),
    contents: createContentRecords(connection),
    history: createHistoryRecords(connection),
    conflicts: createConflictLog(connection),
    value(name) {
      const row = connection.cached('SELECT value FROM local WHERE name = ?').get(name);
      return row === undefined ? null : String(row[0]);
    },
    setValue: (name, value) =>
      void connection.cached('INSERT OR REPLACE INTO local (name, value) VALUES (?, ?)').run(name, value),
    close: () => connection.close(),
  };
}

/** The tables of an earlier build have no such column. */
function addModeAge(connection: Connection): void {
  for (const table of ['entries', 'disk']) {
    const columns = connection.cached('SELECT name FROM pragma_table_info(?)').all(table);
    if (!columns.some(([name]) => name === 'mode_age'))
      connection.exec(`ALTER TABLE ${table} ADD COLUMN mode_age INTEGER NOT NULL DEFAULT 0`);
  }
}
