import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { noteKind } from '../../src/databases/sqlite/capture/note-kind.js';
import { tokensIn } from './written-value.js';

/**
 * The `born` tokens of rows that an application had inserted and nobody had drained when this database was copied: they
 * have no shadow at their key, or one of a row that was deleted there or moved away. Whoever goes on with the copy drains them too, as
 * rows of its own (decision 0003).
 */
export function undrainedRows(db: DatabaseSyncInstance): string[] {
  if (!hasSyncTables(db)) return [];
  const tables = db.prepare('SELECT number, name, key FROM _usync_tables').all() as unknown as SyncedRecord[];
  const [cursor] = db.prepare(`SELECT value FROM _usync_meta WHERE name = 'cursor'`).all() as { value: unknown }[];
  return tables.flatMap((table) => bornIn(db, table, Number(cursor?.value ?? 0)));
}

interface SyncedRecord {
  readonly number: number;
  readonly name: string;
  /** A list of column names as JSON; empty where rows have no key. */
  readonly key: string;
}

const hasSyncTables = (db: DatabaseSyncInstance): boolean =>
  db.prepare(`SELECT 1 FROM sqlite_master WHERE name = '_usync_tables'`).get() !== undefined;

function bornIn(db: DatabaseSyncInstance, { number, name, key }: SyncedRecord, cursor: number): string[] {
  const quoted = `"${name.replaceAll('"', '""')}"`;
  const columns = db.prepare('SELECT name FROM pragma_table_info(?)').all(name) as { name: string }[];
  if (!columns.some((column) => column.name === 'born')) return [];
  const names = JSON.parse(key) as string[];
  const parts = names.length === 0 ? ['r.rowid'] : names.map((part) => `r."${part.replaceAll('"', '""')}"`);
  const isAt = (alias: string): string => parts.map((part, i) => `${alias}.k${i + 1} IS ${part}`).join(' AND ');
  const rows = db
    .prepare(
      `SELECT r.born AS born FROM ${quoted} r WHERE NOT EXISTS (SELECT 1 FROM _usync_s${number} s WHERE ${isAt('s')})
       OR EXISTS (SELECT 1 FROM _usync_notes n
         WHERE n.tbl = ${number} AND n.seq > ${cursor} AND n.op IN (${noteKind.delete}, ${noteKind.movedFrom}) AND ${isAt('n')})`,
    )
    .all() as { born: unknown }[];
  return rows.flatMap(({ born }) => tokensIn(String(born)));
}
