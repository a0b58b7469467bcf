/** What an application sees of its tables, cell by cell and exact: the kind of each value and all of its bits. */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import { applicationStatement } from './application-statements.js';
import { quoteName } from './table-design.js';

export interface TableDump {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

interface Design {
  readonly schemaVersion: number;
  readonly tables: readonly TableDesign[];
}

interface TableDesign {
  readonly name: string;
  readonly columns: readonly string[];
  readonly select: StatementSyncInstance;
}

const designs = new WeakMap<DatabaseSyncInstance, Design>();

/** Read again when the schema has changed. */
function designOf(db: DatabaseSyncInstance): Design {
  const version = applicationStatement(db, 'PRAGMA schema_version').get() as { schema_version: number };
  const known = designs.get(db);
  if (known?.schemaVersion === version.schema_version) return known;
  const names = applicationStatement(
    db,
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_usync\\_%' ESCAPE '\\' ORDER BY name`,
  ).all() as { name: string }[];
  const design = {
    schemaVersion: version.schema_version,
    tables: names.map(({ name }) => designOfTable(db, name)),
  };
  designs.set(db, design);
  return design;
}

function designOfTable(db: DatabaseSyncInstance, name: string): TableDesign {
  const columns = applicationStatement(db, 'SELECT name FROM pragma_table_info(?)')
    .all(name)
    .map((row) => String((row as { name: unknown }).name));
  const cells = columns
    .map(quoteName)
    .map((cell) => `typeof(${cell}), CASE typeof(${cell}) WHEN 'text' THEN CAST(${cell} AS BLOB) ELSE ${cell} END`);
  const select = db.prepare(`SELECT ${cells.join(', ')} FROM ${quoteName(name)}`);
  select.setReadBigInts(true);
  select.setReturnArrays(true);
  return { name, columns, select };
}

/** Every table of the application that is there, with its columns as they stand. Rows in no particular order. */
export const dumpTables = (db: DatabaseSyncInstance): TableDump[] => designOf(db).tables.map(dumpTable);

function dumpTable({ name, columns, select }: TableDesign): TableDump {
  const rows = (select.all() as unknown as CellValue[][]).map((row) =>
    columns.map((_, column) => cellText(String(row[2 * column]), row[2 * column + 1] ?? null)),
  );
  return { name, columns, rows };
}

type CellValue = string | bigint | number | Uint8Array | null;

function cellText(kind: string, value: CellValue): string {
  switch (kind) {
    case 'null':
      return 'null';
    case 'text':
    case 'blob':
      return `${kind}:${value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1') : ''}`;
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
