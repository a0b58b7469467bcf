/** What an application sees of its tables, cell by cell and exact: the kind of each value and all of its bits. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { quoteName } from './table-design.js';

export interface TableDump {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Every table of the application that is there, with its columns as they stand. Rows in no particular order. */
export function dumpTables(db: DatabaseSyncInstance): TableDump[] {
  const names = db
    .prepare(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_usync\\_%' ESCAPE '\\' ORDER BY name`,
    )
    .all()
    .map((row) => String((row as { name: unknown }).name));
  return names.map((name) => dumpTable(db, name));
}

export function dumpTable(db: DatabaseSyncInstance, name: string): TableDump {
  const columns = db
    .prepare(`SELECT name FROM pragma_table_info(?)`)
    .all(name)
    .map((row) => String((row as { name: unknown }).name));
  const cells = columns
    .map(quoteName)
    .map(
      (cell) =>
        `typeof(${cell}), CASE typeof(${cell}) WHEN 'text' THEN hex(CAST(${cell} AS BLOB)) WHEN 'blob' THEN hex(${cell}) ELSE ${cell} END`,
    );
  const select = db.prepare(`SELECT ${cells.join(', ')} FROM ${quoteName(name)}`);
  select.setReadBigInts(true);
  select.setReturnArrays(true);
  const rows = (select.all() as unknown as (string | bigint | number | null)[][]).map((row) =>
    columns.map((_, column) => cellText(String(row[2 * column]), row[2 * column + 1] ?? null)),
  );
  return { name, columns, rows };
}

function cellText(kind: string, value: string | bigint | number | null): string {
  switch (kind) {
    case 'null':
      return 'null';
    case 'text':
      return `text:${Buffer.from(String(value), 'hex').toString('latin1')}`;
    case 'blob':
      return `blob:${Buffer.from(String(value), 'hex').toString('latin1')}`;
    case 'real':
      return `real:${Object.is(value, -0) ? '-0' : String(value)}`;
    default:
      return `integer:${String(value)}`;
  }
}

/** One line a row, sorted, columns by name: equal texts mean equal tables, whatever the order of rows and columns. */
export function dumpText(dump: TableDump): string {
  const order = dump.columns.map((name, index) => ({ name, index })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return dump.rows
    .map((row) => order.map(({ name, index }) => `${name}=${row[index] ?? ''}`).join('\t'))
    .toSorted()
    .join('\n');
}
