/**
 * What is told of a table, so that a server that lacks it can make it. Data, never SQL: whoever makes the table writes the
 * SQL itself, from parts that it has checked. What such data cannot say (a CHECK, an expression, a collation) is not told.
 */
import { foldName, isOwnName, quoteName, quoteNames } from '../connection/identifiers.js';
import type { Connection } from '../connection/driver.js';
import type { DiscoveredTable } from './discovered-table.js';

export interface TableDescription {
  readonly name: string;
  readonly columns: readonly ColumnDescription[];
  readonly key: readonly string[];
  readonly isAutoincrement: boolean;
  readonly isWithoutRowid: boolean;
  readonly uniques: readonly (readonly string[])[];
  readonly references: readonly ReferenceDescription[];
}

export interface ColumnDescription {
  readonly name: string;
  readonly type: string;
  readonly isNotNull: boolean;
  /** A literal, or the name of a time; null for none. */
  readonly fallback: string | null;
  /** Other servers may have it under another name: part of the table that is made, but not added to one that is there. */
  readonly isRenamed: boolean;
}

interface ReferenceDescription {
  readonly columns: readonly string[];
  readonly table: string;
  readonly parentColumns: readonly string[];
  readonly onDelete: string;
  readonly onUpdate: string;
}

const literal = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|'(?:[^']|'')*'|x'(?:[0-9a-f]{2})*'|null|true|false)$/i;
const time = /^current_(?:timestamp|date|time)$/i;
const typeText = /^(?:[a-z_][a-z0-9_]*(?: [a-z_][a-z0-9_]*)*)?(?: ?\( ?\d+ ?(?:, ?\d+ ?)?\))?$/i;
const typeKeyword =
  /\b(?:primary|key|not|null|unique|check|default|collate|references|generated|always|as|constraint|autoincrement|on)\b/i;
const actions = new Set(['NO ACTION', 'RESTRICT', 'CASCADE', 'SET NULL', 'SET DEFAULT']);
/** Words in the text of a table that say what a description cannot. */
const beyond = /\b(?:check|generated|collate|deferrable|conflict|strict)\b|\bas\s*\(/i;

/** Null when the table cannot be described as a whole. `form` is as discovered, without rules of a person. */
export function describeTable(
  connection: Connection,
  form: DiscoveredTable,
  renamed: ReadonlySet<string>,
): TableDescription | null {
  const sql = connection
    .cached(`SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?`)
    .get(form.name)?.[0];
  const plain = String(sql ?? '').replaceAll(
    /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//g,
    ' x ',
  );
  if (form.obstacle !== null || beyond.test(plain)) return null;
  const notNull = new Set(
    connection
      .cached(`SELECT name FROM pragma_table_info(?, 'main') WHERE "notnull" = 1`)
      .all(form.name)
      .map(([name]) => String(name)),
  );
  const described: TableDescription = {
    name: form.name,
    columns: form.columns.map(({ name, declaredType, defaultSql }) => ({
      name,
      type: declaredType,
      isNotNull: notNull.has(name),
      fallback: defaultSql,
      isRenamed: renamed.has(name),
    })),
    key: form.schema.key,
    isAutoincrement: form.isAutoincrement,
    isWithoutRowid: form.storage === 'without-rowid',
    uniques: form.uniques.filter(({ isDeclared }) => isDeclared).map(({ schema }) => schema.columns),
    references: referencesOf(connection, form.name),
  };
  return isSound(described) ? described : null;
}

function referencesOf(connection: Connection, table: string): ReferenceDescription[] {
  const byId = new Map<unknown, { -readonly [Part in keyof ReferenceDescription]: ReferenceDescription[Part] }>();
  const rows = connection
    .cached(
      `SELECT id, "table", "from", "to", on_delete, on_update FROM pragma_foreign_key_list(?, 'main') ORDER BY id DESC, seq`,
    )
    .all(table);
  for (const [id, parent, from, to, onDelete, onUpdate] of rows) {
    const known = byId.get(id);
    byId.set(id, {
      table: String(parent),
      columns: [...(known?.columns ?? []), String(from)],
      parentColumns: [...(known?.parentColumns ?? []), ...(typeof to === 'string' ? [to] : [])],
      onDelete: String(onDelete),
      onUpdate: String(onUpdate),
    });
  }
  return [...byId.values()];
}

/** From a peer, so anything may stand there. Null when it is not sound. */
export function readDescription(text: unknown): TableDescription | null {
  if (typeof text !== 'string' || text.length > 1_000_000) return null;
  try {
    const described = JSON.parse(text) as TableDescription;
    return isSound(described) ? described : null;
  } catch {
    return null;
  }
}

/** Every part is looked at, whoever it is from: SQL is made of what passes here only. */
function isSound(described: TableDescription): boolean {
  const { name, columns, key, isAutoincrement, isWithoutRowid, uniques, references } = described;
  if (!isName(name) || isOwnName(name) || foldName(name).startsWith('sqlite_')) return false;
  if (!Array.isArray(columns) || columns.length === 0 || columns.length > 2000 || !columns.every(isColumn))
    return false;
  const names = new Set(columns.map((column) => foldName(column.name)));
  const areOwn = (list: unknown): boolean =>
    Array.isArray(list) && list.every((each) => isName(each) && names.has(foldName(each)));
  if (names.size < columns.length || typeof isAutoincrement !== 'boolean' || typeof isWithoutRowid !== 'boolean')
    return false;
  if (!areOwn(key) || !Array.isArray(uniques) || !uniques.every((unique) => areOwn(unique) && unique.length > 0))
    return false;
  return (
    Array.isArray(references) && references.every((reference) => isReference(reference) && areOwn(reference.columns))
  );
}

const isName = (name: unknown): name is string =>
  typeof name === 'string' && name.length > 0 && name.length <= 200 && !name.includes('\0');

function isColumn(column: unknown): boolean {
  if (typeof column !== 'object' || column === null) return false;
  const { name, type, isNotNull, fallback, isRenamed } = column as ColumnDescription;
  const isType = typeof type === 'string' && type.length <= 100 && typeText.test(type) && !typeKeyword.test(type);
  const isFallback = fallback === null || (typeof fallback === 'string' && isPlainDefault(fallback));
  return isName(name) && isType && isFallback && typeof isNotNull === 'boolean' && typeof isRenamed === 'boolean';
}

const isPlainDefault = (text: string): boolean =>
  !text.includes('\0') && text.length <= 10_000 && (literal.test(text) || time.test(text));

function isReference(reference: unknown): reference is ReferenceDescription {
  if (typeof reference !== 'object' || reference === null) return false;
  const { columns, table, parentColumns, onDelete, onUpdate } = reference as ReferenceDescription;
  return (
    isName(table) &&
    Array.isArray(columns) &&
    columns.length > 0 &&
    Array.isArray(parentColumns) &&
    parentColumns.every(isName) &&
    (parentColumns.length === 0 || parentColumns.length === columns.length) &&
    actions.has(onDelete) &&
    actions.has(onUpdate)
  );
}

/** `CREATE TABLE`, of a sound description. */
export function createTableSql(described: TableDescription): string {
  const { name, columns, key, isAutoincrement, isWithoutRowid, uniques, references } = described;
  const [only] = key.length === 1 ? columns.filter((column) => foldName(column.name) === foldName(key[0] ?? '')) : [];
  // Only this spelling makes the column the rowid.
  const isInline = !isWithoutRowid && only !== undefined && foldName(only.type) === 'integer';
  const lines = columns.map((column) =>
    isInline && column === only
      ? `${columnSql(column)} PRIMARY KEY${isAutoincrement ? ' AUTOINCREMENT' : ''}`
      : columnSql(column),
  );
  if (key.length > 0 && !isInline) lines.push(`PRIMARY KEY (${quoteNames(key)})`);
  for (const unique of uniques) lines.push(`UNIQUE (${quoteNames(unique)})`);
  for (const reference of references)
    lines.push(`FOREIGN KEY (${quoteNames(reference.columns)}) ${parentSql(reference)}`);
  return `CREATE TABLE main.${quoteName(name)} (${lines.join(', ')})${isWithoutRowid ? ' WITHOUT ROWID' : ''}`;
}

/** `ALTER TABLE`, or null where SQLite cannot add such a column to a table that has rows. */
export function addColumnSql(table: string, column: ColumnDescription, described: TableDescription): string | null {
  const { name, isNotNull, fallback } = column;
  const isIn = (list: readonly string[]): boolean => list.some((each) => foldName(each) === foldName(name));
  const hasFallback = fallback !== null && !/^null$/i.test(fallback);
  if (isIn(described.key) || described.uniques.some(isIn) || (isNotNull && !hasFallback)) return null;
  if (fallback !== null && time.test(fallback)) return null;
  const reference = described.references.find(({ columns }) => isIn(columns));
  if (reference && (reference.columns.length > 1 || hasFallback)) return null;
  const parent = reference ? ` ${parentSql(reference)}` : '';
  return `ALTER TABLE main.${quoteName(table)} ADD COLUMN ${columnSql(column)}${parent}`;
}

const columnSql = ({ name, type, isNotNull, fallback }: ColumnDescription): string =>
  [
    quoteName(name),
    ...(type === '' ? [] : [type]),
    ...(isNotNull ? ['NOT NULL'] : []),
    ...(fallback === null ? [] : [`DEFAULT ${fallback}`]),
  ].join(' ');

const parentSql = ({ table, parentColumns, onDelete, onUpdate }: ReferenceDescription): string =>
  `REFERENCES ${quoteName(table)}${parentColumns.length > 0 ? ` (${quoteNames(parentColumns)})` : ''}` +
  ` ON DELETE ${onDelete} ON UPDATE ${onUpdate}`;
