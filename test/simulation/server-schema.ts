/** The schema of one server's application: its tables as they stand, and the changes that it makes to them. */
import type { VirtualServer } from './virtual-server.js';
import {
  columnSql,
  createTableSql,
  indexSqls,
  quoteName,
  type SimulatedColumn,
  type SimulatedTable,
  type TableChange,
} from './table-design.js';
import type { LeftOut } from './plan.js';
import { dumpTables } from './table-dump.js';
import type { World } from './world.js';

export interface ServerTable extends SimulatedTable {
  /** Not made yet, or dropped. */
  readonly isAbsent: boolean;
}

/** The tables as the application of this server knows them now, in the order of the plan. */
export const tablesOf = (world: World, server: VirtualServer): ServerTable[] =>
  world.plan.tables.map((table, index) => tableAfter(table, index, server.changes));

function tableAfter(table: SimulatedTable, index: number, changes: readonly TableChange[]): ServerTable {
  let { name, columns } = table;
  let isAbsent = table.isLater === true;
  for (const change of changes) {
    if (change.table !== index) continue;
    switch (change.kind) {
      case 'add-column':
        columns = [...columns, change.column];
        break;
      case 'drop-column':
        columns = columns.filter((column) => column.name !== change.column);
        break;
      case 'rename-column':
        columns = columns.map((column) => (column.name === change.column ? { ...column, name: change.to } : column));
        break;
      case 'rename-table':
        name = change.to;
        break;
      case 'create-table':
      case 'drop-table':
        isAbsent = change.kind === 'drop-table';
        break;
      case 'add-index':
    }
  }
  return { ...table, name, columns, isAbsent };
}

/** What the application does in a migration. What it did before is not done again. */
export function changeSchema(world: World, server: VirtualServer, change: TableChange): void {
  if (server.changes.some((made) => JSON.stringify(made) === JSON.stringify(change))) return;
  const tables = tablesOf(world, server);
  const table = tables[change.table];
  if (!table) throw new Error(`no table ${change.table}`);
  server.changes.push(change);
  if (table.isAbsent && change.kind !== 'create-table') return;
  if (isThere(server, change, table)) return;
  for (const sql of changeSqls(change, table, tables)) {
    server.app.exec(sql);
    world.trace.line(`s${server.index}   ${sql}`);
  }
  noteChange(world, server, change);
}

/** It spread before the application made it, or never came here: migrations look. */
function isThere(server: VirtualServer, change: TableChange, { name }: SimulatedTable): boolean {
  const columns = columnsIn(server, name);
  if (change.kind === 'create-table') return columns.length > 0;
  if (change.kind === 'drop-column') return !columns.includes(change.column);
  return change.kind === 'add-column' && columns.includes(change.column.name);
}

const columnsIn = ({ app }: VirtualServer, table: string): string[] =>
  app
    .prepare('SELECT name FROM pragma_table_info(?)')
    .all(table)
    .map((row) => String((row as { name: unknown }).name));

/** Columns that spread to this server and that its application dropped: the others keep them, and they do not come back here. */
export const droppedHere = ({ plan }: World, { index, changes }: VirtualServer): LeftOut[] =>
  plan.propagates === true
    ? changes.flatMap((change) =>
        change.kind === 'drop-column' ? [{ server: index, table: change.table, column: change.column }] : [],
      )
    : [];

function changeSqls(change: TableChange, table: SimulatedTable, tables: readonly SimulatedTable[]): string[] {
  const name = quoteName(table.name);
  switch (change.kind) {
    case 'add-column':
      return [`ALTER TABLE ${name} ADD COLUMN ${columnSql(change.column)}`];
    case 'add-index':
      return [`CREATE INDEX ${quoteName(change.name)} ON ${name} (${quoteName(table.bornColumn)})`];
    case 'drop-column':
      return [`ALTER TABLE ${name} DROP COLUMN ${quoteName(change.column)}`];
    case 'rename-column':
      return [`ALTER TABLE ${name} RENAME COLUMN ${quoteName(change.column)} TO ${quoteName(change.to)}`];
    case 'rename-table':
      return [`ALTER TABLE ${name} RENAME TO ${quoteName(change.to)}`];
    case 'drop-table':
      return [`DROP TABLE ${name}`];
    case 'create-table':
      return [
        createTableSql(table, tables),
        ...indexSqls(table),
        ...change.tokens.map((token, at) => migrationRowSql(table, token, at)),
      ];
  }
}

function migrationRowSql(table: SimulatedTable, token: string, at: number): string {
  const { key } = table;
  const keys =
    key.kind === 'generated'
      ? [[key.column, String(at + 1)] as const]
      : key.kind === 'natural'
        ? key.columns.map((column) => [column.name, `'m${at}'`] as const)
        : [];
  const cells = [...keys, [table.bornColumn, `'${token}'`] as const];
  const list = (items: readonly string[]): string => items.join(', ');
  return `INSERT INTO ${quoteName(table.name)} (${list(cells.map(([column]) => quoteName(column)))}) VALUES (${list(cells.map(([, value]) => value))})`;
}

/** Defaults appear without a write; rows of a migration are written by every server that runs it. */
function noteChange({ plan, ledger }: World, server: VirtualServer, change: TableChange): void {
  const name = plan.tables[change.table]?.name ?? '';
  if (change.kind === 'add-column') ledger.allow(name, change.column.name, defaultCell(change.column));
  if (change.kind !== 'create-table') return;
  const made = dumpTables(server.app).filter((dump) => dump.name === name);
  ledger.note(server.index, [], made);
  ledger.noteOutside(made);
}

export const defaultCell = ({ defaultSql }: SimulatedColumn): string =>
  defaultSql === undefined ? 'null' : `text:${defaultSql.slice(1, -1)}`;

/**
 * What a migration tool does: a new table with the same content takes the place of the old one. Triggers are lost, and so are
 * columns that the tool knows nothing of, since they spread from another server: they are dropped here, as by a migration.
 */
export function rebuildTable(world: World, server: VirtualServer, index: number): void {
  const tables = tablesOf(world, server);
  const table = tables[index];
  if (!table || table.isAbsent) return;
  const { app } = server;
  app.exec('PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE');
  try {
    app.exec(createTableSql(table, tables, 'rebuilt_table'));
    const known = columnsIn(server, 'rebuilt_table');
    const present = columnsIn(server, table.name);
    const names = present
      .filter((column) => known.includes(column))
      .map(quoteName)
      .join(', ');
    const quoted = quoteName(table.name);
    app.exec(
      `INSERT INTO rebuilt_table (${names}) SELECT ${names} FROM ${quoted}; DROP TABLE ${quoted}; ALTER TABLE rebuilt_table RENAME TO ${quoted}; ${indexSqls(table).join('; ')}; COMMIT`,
    );
    for (const column of present)
      if (!known.includes(column)) server.changes.push({ kind: 'drop-column', table: index, column });
  } catch (error) {
    app.exec('ROLLBACK');
    throw error;
  } finally {
    app.exec('PRAGMA foreign_keys = ON');
  }
}
