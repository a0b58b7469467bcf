/**
 * The tables that Universal Sync keeps in the application's database. Those of capture are here; those of the stores
 * are listed in `store-tables.ts`. A table's number (`_usync_tables`) stands in notes, so a renamed table needs no new
 * triggers: SQLite renames the table in them and the number stays.
 */
import { SyncError } from '../../../core/sync-error.js';
import type { Connection } from '../connection/driver.js';
import { storeTables } from './store-tables.js';

/** Grows when the meaning of what is stored changes. A newer one than this is refused. */
const syncTablesFormat = 1;

const noteKeyColumnsAtFirst = 4;

const captureTables: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS _usync_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID`,
  // One row. 1 inside a merging transaction of ours, so no other connection ever sees anything but 0.
  `CREATE TABLE IF NOT EXISTS _usync_merging (merging INTEGER NOT NULL)`,
  `INSERT INTO _usync_merging (merging) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM _usync_merging)`,
  // Key columns have no type, so that every value stays as the row holds it.
  `CREATE TABLE IF NOT EXISTS _usync_notes (seq INTEGER PRIMARY KEY, tbl INTEGER, op INTEGER, time INTEGER, ${keyColumns(
    0,
    noteKeyColumnsAtFirst,
  )})`,
];

/**
 * Creates what is missing; costs a few reads when nothing is. Run it in a write transaction.
 * Throws `SyncError` USYNC-1211 when a newer version of Universal Sync made the tables.
 */
export function createSyncTables(connection: Connection): void {
  refuseNewerFormat(connection);
  for (const sql of [...captureTables, ...storeTables]) connection.exec(sql);
  connection
    .prepare(`INSERT INTO _usync_meta (name, value) VALUES ('format', ?) ON CONFLICT (name) DO NOTHING`)
    .run(BigInt(syncTablesFormat));
}

/** Whether the database has ever been opened by Universal Sync. */
export const hasSyncTables = (connection: Connection): boolean => hasTable(connection, '_usync_meta');

/** Makes room in the notes for keys of `count` columns. Inside a write transaction. */
export function widenNotes(connection: Connection, count: number): void {
  const present = noteKeyColumnCount(connection);
  for (let i = present; i < count; i++) connection.exec(`ALTER TABLE _usync_notes ADD COLUMN ${keyColumns(i, i + 1)}`);
}

export function noteKeyColumnCount(connection: Connection): number {
  const names = connection.prepare(`SELECT name FROM pragma_table_info('_usync_notes')`).all();
  return names.filter(([name]) => /^k\d+$/.test(String(name))).length;
}

/** Drops everything that Universal Sync keeps in this database. Triggers must be gone before. In a write transaction. */
export function dropSyncTables(connection: Connection): void {
  const names = connection
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '\\_usync\\_%' ESCAPE '\\'`)
    .all();
  for (const [name] of names) connection.exec(`DROP TABLE "${String(name)}"`);
}

function keyColumns(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, i) => `k${from + i + 1}`).join(', ');
}

function refuseNewerFormat(connection: Connection): void {
  if (!hasSyncTables(connection)) return;
  const format = Number(connection.prepare(`SELECT value FROM _usync_meta WHERE name = 'format'`).get()?.[0] ?? 0);
  if (format <= syncTablesFormat) return;
  throw new SyncError('USYNC-1211', `${connection.location} was used by a newer version of Universal Sync`, {
    facts: { format, understood: syncTablesFormat },
  });
}

const hasTable = (connection: Connection, name: string): boolean =>
  connection.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`).get(name) !== undefined;
