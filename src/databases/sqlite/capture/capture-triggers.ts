/**
 * The triggers that note which rows the application writes.
 *
 * 1. They name key columns only, besides columns of UNIQUE constraints declared in the table: a trigger that names a
 *    column makes `ALTER TABLE DROP COLUMN` of it fail, and SQLite itself refuses to drop those.
 * 2. They use plain INSERT and built-ins of SQLite 3.31. An `INSERT OR ...` or UPSERT inside a trigger would be
 *    overridden by the OR clause of the application's statement; the plain INSERT of a note has nothing to conflict with.
 * 3. Names of tables are never text: SQLite renames tables and columns inside triggers, and the table's number stays.
 * 4. They are silent inside our merging transactions and change neither `changes()` nor `last_insert_rowid()`.
 */
import type { DiscoveredTable, DiscoveredUnique, KeyColumn } from '../schema/discovered-table.js';
import type { Connection } from '../connection/driver.js';
import { foldName, quoteName } from '../connection/identifiers.js';
import { noteKind, type NoteKind } from './note-kind.js';
import { widenNotes } from '../stores/sync-tables.js';

/** A table with the number that stands for it in notes (`_usync_tables`). */
export interface NumberedTable {
  readonly number: number;
  readonly table: DiscoveredTable;
}

/** Puts the triggers of these tables in place, new ones for old ones. In a write transaction; moves the schema cookie. */
export function installTriggers(connection: Connection, tables: readonly NumberedTable[]): void {
  widenNotes(connection, Math.max(0, ...tables.map(({ table }) => table.key.length)));
  for (const numbered of tables) {
    for (const name of triggerNames(numbered.number)) connection.exec(`DROP TRIGGER IF EXISTS ${name}`);
    for (const trigger of triggersOf(numbered)) connection.exec(trigger.sql);
  }
}

/** Those of the tables that lack some of their triggers: lost by a rebuild, dropped by a person, or never installed. */
export function missingTriggers(connection: Connection, tables: readonly NumberedTable[]): NumberedTable[] {
  const present = new Set(ownTriggers(connection).map(({ name, table }) => `${name} ${foldName(table)}`));
  return tables.filter((numbered) =>
    triggersOf(numbered).some(({ name }) => !present.has(`${name} ${foldName(numbered.table.name)}`)),
  );
}

/**
 * The number of each table (as it is named now) that triggers of ours stand on. A renamed table keeps its triggers, so
 * this is how it is recognised.
 */
export function numbersByTrigger(connection: Connection): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const { name, table } of ownTriggers(connection)) {
    const number = triggerName.exec(name)?.[1];
    if (number !== undefined) numbers.set(table, Number(number));
  }
  return numbers;
}

/** Leaves no trigger of Universal Sync in the database. In a write transaction. */
export function removeAllTriggers(connection: Connection): void {
  for (const { name } of ownTriggers(connection)) connection.exec(`DROP TRIGGER ${quoteName(name)}`);
}

interface CaptureTrigger {
  readonly name: string;
  readonly sql: string;
}

/** The text of a table's triggers. */
function triggersOf({ number, table }: NumberedTable): CaptureTrigger[] {
  const target = quoteName(table.name);
  const trigger = (letter: string, when: string, body: readonly string[], also = ''): CaptureTrigger => ({
    name: `_usync_${letter}${number}`,
    sql: `CREATE TRIGGER _usync_${letter}${number} ${when} ON ${target} WHEN ${isNotMerging}${also} BEGIN ${body.join(' ')} END`,
  });
  const keyOf = (row: string): string[] => keyExpressions(table, row);
  const triggers = [
    trigger('i', 'AFTER INSERT', [note(number, noteKind.insert, keyOf('NEW'))]),
    trigger('u', 'AFTER UPDATE', [note(number, noteKind.update, keyOf('NEW'))]),
    // Apart, so that updates of other columns do not pay for it: SQLite looks at the names that a statement sets.
    trigger(
      'm',
      `AFTER UPDATE OF ${keyNames(table).join(', ')}`,
      [note(number, noteKind.movedFrom, keyOf('OLD')), note(number, noteKind.movedTo, keyOf('NEW'))],
      ` AND (${keyDiffers(table)})`,
    ),
    trigger('d', 'AFTER DELETE', [note(number, noteKind.delete, keyOf('OLD'))]),
  ];
  const declared = table.uniques.filter((unique) => unique.isDeclared);
  if (declared.length > 0) {
    const columns = new Set(declared.flatMap((unique) => unique.schema.columns));
    const names = [...columns].map(quoteName).join(', ');
    const rivals = declared.map((unique) => noteWhere(number, noteKind.rival, keyOf('rival'), rivalsOf(table, unique)));
    const others = declared.map((unique) =>
      noteWhere(number, noteKind.rival, keyOf('rival'), `${rivalsOf(table, unique)} AND NOT (${isOldRow(table)})`),
    );
    triggers.push(trigger('p', 'BEFORE INSERT', rivals), trigger('q', `BEFORE UPDATE OF ${names}`, others));
  }
  return triggers;
}

const triggerLetters = ['i', 'u', 'm', 'd', 'p', 'q'] as const;
const triggerName = /^_usync_[iumdpq](\d+)$/;

const triggerNames = (number: number): string[] => triggerLetters.map((letter) => `_usync_${letter}${number}`);

const isNotMerging = '(SELECT merging FROM _usync_merging) = 0';
const nowMs = `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`;

const note = (number: number, kind: NoteKind, key: readonly string[]): string =>
  `INSERT INTO _usync_notes (${noteColumns(key)}) VALUES (${number}, ${kind}, ${nowMs}, ${key.join(', ')});`;

const noteWhere = (number: number, kind: NoteKind, key: readonly string[], rest: string): string =>
  `INSERT INTO _usync_notes (${noteColumns(key)}) SELECT ${number}, ${kind}, ${nowMs}, ${key.join(', ')} ${rest};`;

const noteColumns = (key: readonly string[]): string =>
  ['tbl', 'op', 'time', ...key.map((_, i) => `k${i + 1}`)].join(', ');

/** What names a row of this table: its key, or the rowid of a bag's row. */
function keyExpressions(table: DiscoveredTable, row: string): string[] {
  if (table.key.length > 0) return table.key.map((column) => `${row}.${quoteName(column.name)}`);
  return [`${row}.${quoteName(table.rowidName ?? 'rowid')}`];
}

/**
 * Every name by which a statement can set the key. SQLite takes names in `UPDATE OF` as they come, so those of the rowid
 * may be listed where a column of the application has taken one of them: then the trigger looks at more updates.
 */
function keyNames(table: DiscoveredTable): string[] {
  const columns = table.key.map((column) => quoteName(column.name));
  return table.key.length === 0 || table.isRowidKey ? [...columns, 'rowid', 'oid', '_rowid_'] : columns;
}

/** By bytes: `abc` to `ABC` under NOCASE and 1 to 1.0 are changes of the key too. */
function keyDiffers(table: DiscoveredTable): string {
  if (table.key.length === 0 || table.isRowidKey) {
    const [name] = keyExpressions(table, '');
    return `OLD${name} <> NEW${name}`;
  }
  return table.key.map(columnDiffers).join(' OR ');
}

function columnDiffers(column: KeyColumn): string {
  const name = quoteName(column.name);
  const differs = `OLD.${name} IS NOT NEW.${name} COLLATE BINARY`;
  // Columns with another affinity hold a number in one form only.
  return column.affinity === 'BLOB' ? `${differs} OR typeof(OLD.${name}) <> typeof(NEW.${name})` : differs;
}

function rivalsOf(table: DiscoveredTable, unique: DiscoveredUnique): string {
  const same = unique.schema.columns.map((column, i) => {
    const name = quoteName(column);
    return `rival.${name} = NEW.${name} COLLATE ${unique.collations[i] ?? 'BINARY'}`;
  });
  return `FROM ${quoteName(table.name)} AS rival WHERE ${same.join(' AND ')}`;
}

function isOldRow(table: DiscoveredTable): string {
  const old = keyExpressions(table, 'OLD');
  return keyExpressions(table, 'rival')
    .map((rival, i) => `${rival} IS ${old[i] ?? ''}`)
    .join(' AND ');
}

function ownTriggers(connection: Connection): { readonly name: string; readonly table: string }[] {
  return connection
    .cached(`SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '\\_usync\\_%' ESCAPE '\\'`)
    .all()
    .map(([name, table]) => ({ name: String(name), table: String(table) }));
}
