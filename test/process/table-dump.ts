import { createHash } from 'node:crypto';
import { openConnection } from '../../src/databases/sqlite/connection/driver.js';

/** What a plain reader sees: every row of every table of the application, exactly, in an order of its own. */
export function dumpTables(database: string): Map<string, string[]> {
  const connection = openConnection(database);
  try {
    const names = connection
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_usync\\_%' ESCAPE '\\' ORDER BY name",
      )
      .all()
      .map(([name]) => String(name));
    return new Map(names.map((name) => [name, dumpTable(name)]));
  } finally {
    connection.close();
  }

  function dumpTable(name: string): string[] {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    const columns = connection.prepare('SELECT name FROM pragma_table_info(?)').all(name);
    const list = columns.map(([column]) => `quote("${String(column).replaceAll('"', '""')}")`).join(" || ',' || ");
    return connection
      .prepare(`SELECT ${list} FROM ${quoted} ORDER BY 1`)
      .all()
      .map(([line]) => String(line));
  }
}

export const dumpHash = (database: string): string =>
  createHash('sha256')
    .update(JSON.stringify([...dumpTables(database)]))
    .digest('hex');

/** The problems that SQLite itself finds: damage, and references that lead nowhere. */
export function problemsOf(database: string): string[] {
  const connection = openConnection(database);
  try {
    const integrity = connection
      .prepare('PRAGMA integrity_check')
      .all()
      .map(([line]) => String(line));
    const dangling = connection
      .prepare('PRAGMA foreign_key_check')
      .all()
      .map((row) => `dangling ${row.map(String).join(' ')}`);
    return [...integrity.filter((line) => line !== 'ok'), ...dangling];
  } finally {
    connection.close();
  }
}
