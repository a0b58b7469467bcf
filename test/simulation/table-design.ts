/** Tables of simulated applications: their design as data, random designs, and the SQL that makes them. */
import type { Random } from './random.js';

export interface SimulatedColumn {
  readonly name: string;
  readonly type: string;
  readonly isNotNull: boolean;
  /** SQL text; absent when the column has none. */
  readonly defaultSql?: string;
  /** Values of a unique column come from a small domain, so that they clash. */
  readonly isUnique?: boolean;
  /** The same values, in a unique of the table. */
  readonly isOfUnique?: boolean;
  readonly collation?: 'NOCASE';
  /** How a person wants it merged; numbers but for `first-write-wins`. */
  readonly rule?: SimulatedRule;
}

export type SimulatedRule = 'counter' | 'max' | 'min' | 'first-write-wins';

export type SimulatedKey =
  | { readonly kind: 'generated'; readonly column: string; readonly isAutoincrement: boolean }
  | { readonly kind: 'natural'; readonly columns: readonly KeyColumn[]; readonly isWithoutRowid: boolean }
  | { readonly kind: 'bag' };

export interface KeyColumn {
  readonly name: string;
  readonly type: string;
  readonly collation: '' | 'NOCASE';
}

export interface SimulatedReference {
  readonly column: string;
  readonly parent: number;
  readonly onDelete: 'SET NULL' | 'CASCADE' | 'RESTRICT' | 'NO ACTION';
}

export interface SimulatedTable {
  readonly name: string;
  readonly key: SimulatedKey;
  /** A value that an insert makes and nothing changes but a replacement: tells whether a deleted row came back. */
  readonly bornColumn: string;
  readonly columns: readonly SimulatedColumn[];
  readonly references: readonly SimulatedReference[];
  /** Whole rows win or lose. */
  readonly isWholeRow?: boolean;
  /** Numbers of rows of another table in columns without a foreign key. */
  readonly declared?: readonly DeclaredColumn[];
  /** Foreign keys to natural keys, by value. */
  readonly keyReferences?: readonly KeyReference[];
  readonly uniques?: readonly SimulatedUnique[];
  readonly uniquePolicy?: 'merge' | 'hold' | 'rename';
  /** Conditions as SQL text. */
  readonly checks?: readonly string[];
  /** A migration makes it. */
  readonly isLater?: boolean;
}

export interface DeclaredColumn {
  readonly column: string;
  readonly parent: number;
  readonly list?: 'json' | 'text';
}

export interface KeyReference {
  readonly columns: readonly string[];
  readonly parent: number;
  readonly onDelete: SimulatedReference['onDelete'];
  readonly onUpdate: 'CASCADE' | 'SET NULL' | 'NO ACTION';
}

export interface SimulatedUnique {
  /** What is compared, as SQL text. */
  readonly parts: string;
  /** Of an index of its own; otherwise it is declared in the table. */
  readonly index?: { readonly name: string; readonly where?: string };
}

/** `table` is a place in the plan; columns go by the names that they have there. */
export type TableChange =
  | { readonly kind: 'drop-column'; readonly table: number; readonly column: string }
  | { readonly kind: 'rename-column'; readonly table: number; readonly column: string; readonly to: string }
  | { readonly kind: 'rename-table'; readonly table: number; readonly to: string }
  | { readonly kind: 'drop-table'; readonly table: number }
  /** The migration may add rows, the same on every server: one for each token. */
  | { readonly kind: 'create-table'; readonly table: number; readonly tokens: readonly string[] }
  | { readonly kind: 'add-column'; readonly table: number; readonly column: SimulatedColumn }
  | { readonly kind: 'add-index'; readonly table: number; readonly name: string };

export interface DesignFeatures {
  readonly keys: readonly ('generated' | 'autoincrement' | 'natural' | 'composite' | 'bag')[];
  readonly oddNames: boolean;
  readonly withoutRowid: boolean;
  readonly references: boolean;
  readonly uniques: boolean;
  readonly collations: boolean;
  readonly tablesMax: number;
}

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const oddTableNames = [
  'select',
  'we"ird',
  'a b',
  'Ümläut',
  "o'brien",
  '1st',
  'per%cent',
  'x;y',
  '[box]',
  'UPPER',
  '_',
  'naïve table',
];
const oddColumnNames = ['order', 'group', 'a"b', 'two words', 'Größe', "it's", '0', 'a.b', 'ROWID_', 'key', '列'];
const types = ['TEXT', 'INTEGER', 'REAL', 'BLOB', 'NUMERIC', '', 'VARCHAR(20)', 'DATETIME'];

export function designTables(random: Random, features: DesignFeatures): SimulatedTable[] {
  const tables: SimulatedTable[] = [];
  const names = random.shuffle(oddTableNames);
  const count = random.between(1, features.tablesMax);
  for (let number = 0; number < count; number++) {
    const name = features.oddNames && random.chance(0.6) ? (names[number] ?? `t${number}`) : `t${number}`;
    tables.push(designTable(random, { features, name, earlier: tables }));
  }
  return tables;
}

function designTable(
  random: Random,
  given: { features: DesignFeatures; name: string; earlier: readonly SimulatedTable[] },
): SimulatedTable {
  const { features, name, earlier } = given;
  const names = random.shuffle(oddColumnNames);
  const columnName = (plain: string): string =>
    features.oddNames && random.chance(0.4) ? (names.pop() ?? plain) : plain;
  const columns: SimulatedColumn[] = [];
  for (let number = 0, count = random.between(1, 4); number < count; number++) {
    const isNotNull = random.chance(0.2);
    columns.push({
      name: columnName(`c${number}`),
      type: random.pick(types),
      isNotNull,
      ...(isNotNull ? { defaultSql: `'none'` } : {}),
    });
  }
  const key = designKey(random, features, columnName);
  if (features.uniques && key.kind !== 'bag' && random.chance(0.6))
    columns.push({ name: columnName('u'), type: 'TEXT', isNotNull: false, isUnique: true });
  const parents = earlier.flatMap((table, index) => (table.key.kind === 'generated' ? [index] : []));
  const references: SimulatedReference[] = [];
  if (features.references && key.kind !== 'bag' && parents.length > 0)
    for (let number = 0, count = random.between(0, 2); number < count; number++)
      references.push({
        column: `parent${number}`,
        parent: random.pick(parents),
        onDelete: random.pick(['SET NULL', 'CASCADE', 'RESTRICT', 'NO ACTION'] as const),
      });
  return { name, key, bornColumn: 'born', columns, references };
}

function designKey(random: Random, features: DesignFeatures, columnName: (plain: string) => string): SimulatedKey {
  const kind = random.pick(features.keys);
  const keyColumn = (plain: string): KeyColumn => ({
    name: columnName(plain),
    type: random.pick(['TEXT', 'INT', 'BLOB', 'TEXT']),
    collation: features.collations && random.chance(0.3) ? 'NOCASE' : '',
  });
  const isWithoutRowid = features.withoutRowid && random.chance(0.5);
  switch (kind) {
    case 'generated':
    case 'autoincrement':
      return { kind: 'generated', column: columnName('id'), isAutoincrement: kind === 'autoincrement' };
    case 'natural':
      return { kind: 'natural', columns: [keyColumn('code')], isWithoutRowid };
    case 'composite':
      return { kind: 'natural', columns: [keyColumn('k1'), keyColumn('k2')], isWithoutRowid };
    case 'bag':
      return { kind: 'bag' };
  }
}

export const keyColumnsOf = (table: SimulatedTable): readonly string[] => {
  switch (table.key.kind) {
    case 'generated':
      return [table.key.column];
    case 'natural':
      return table.key.columns.map((column) => column.name);
    case 'bag':
      return [];
  }
};

/** Every column in the order of the table's declaration. */
export const columnNamesOf = (table: SimulatedTable): string[] => [
  ...keyColumnsOf(table),
  table.bornColumn,
  ...table.columns.map((column) => column.name),
  ...table.references.map((reference) => reference.column),
  ...(table.declared ?? []).map(({ column }) => column),
  ...(table.keyReferences ?? []).flatMap(({ columns }) => columns),
];

export function createTableSql(table: SimulatedTable, tables: readonly SimulatedTable[], name = table.name): string {
  const { key } = table;
  const lines: string[] = [];
  if (key.kind === 'generated')
    lines.push(`${quoteName(key.column)} INTEGER PRIMARY KEY${key.isAutoincrement ? ' AUTOINCREMENT' : ''}`);
  if (key.kind === 'natural')
    for (const column of key.columns)
      lines.push(
        `${quoteName(column.name)} ${column.type} NOT NULL${column.collation ? ` COLLATE ${column.collation}` : ''}`,
      );
  lines.push(`${quoteName(table.bornColumn)} TEXT`);
  for (const column of table.columns) lines.push(columnSql(column) + (column.isUnique ? ' UNIQUE' : ''));
  for (const { column, parent, onDelete } of table.references) {
    const target = tables[parent];
    if (target?.key.kind === 'generated')
      lines.push(
        `${quoteName(column)} INTEGER REFERENCES ${quoteName(target.name)}(${quoteName(target.key.column)}) ON DELETE ${onDelete}`,
      );
  }
  for (const { column, list } of table.declared ?? [])
    lines.push(`${quoteName(column)} ${list === undefined ? 'INTEGER' : 'TEXT'}`);
  lines.push(...keyReferenceSql(table, tables));
  for (const { parts, index } of table.uniques ?? []) if (!index) lines.push(`UNIQUE (${parts})`);
  for (const check of table.checks ?? []) lines.push(`CHECK (${check})`);
  if (key.kind === 'natural')
    lines.push(`PRIMARY KEY (${key.columns.map((column) => quoteName(column.name)).join(', ')})`);
  return `CREATE TABLE ${quoteName(name)} (${lines.join(', ')})${key.kind === 'natural' && key.isWithoutRowid ? ' WITHOUT ROWID' : ''}`;
}

/** Columns before constraints, as SQL wants it. */
function keyReferenceSql({ keyReferences = [] }: SimulatedTable, tables: readonly SimulatedTable[]): string[] {
  const columns: string[] = [];
  const constraints: string[] = [];
  for (const { columns: names, parent, onDelete, onUpdate } of keyReferences) {
    const target = tables[parent];
    if (target?.key.kind !== 'natural') continue;
    for (const [at, name] of names.entries()) columns.push(`${quoteName(name)} ${target.key.columns[at]?.type ?? ''}`);
    const list = (all: readonly string[]): string => all.map(quoteName).join(', ');
    constraints.push(
      `FOREIGN KEY (${list(names)}) REFERENCES ${quoteName(target.name)}(${list(keyColumnsOf(target))}) ON DELETE ${onDelete} ON UPDATE ${onUpdate}`,
    );
  }
  return [...columns, ...constraints];
}

/** Indexes of the table beside those that it declares. */
export const indexSqls = (table: SimulatedTable): string[] =>
  (table.uniques ?? []).flatMap(({ parts, index }) =>
    index
      ? [
          `CREATE UNIQUE INDEX ${quoteName(index.name)} ON ${quoteName(table.name)} (${parts})${index.where === undefined ? '' : ` WHERE ${index.where}`}`,
        ]
      : [],
  );

export const columnSql = (column: SimulatedColumn): string =>
  `${quoteName(column.name)} ${column.type}${column.collation ? ` COLLATE ${column.collation}` : ''}${column.isNotNull ? ' NOT NULL' : ''}${column.defaultSql === undefined ? '' : ` DEFAULT ${column.defaultSql}`}`;

/**
 * Two tables that every simulated application has. One transaction inserts one row into each, with the same id, and
 * names a row that it saw; nothing changes them later. So a half-shown changeset, and one shown before what its origin
 * had merged, is seen at once.
 */
export const logTablesSql = [
  'CREATE TABLE log_a (id TEXT PRIMARY KEY, seen TEXT)',
  'CREATE TABLE log_b (id TEXT PRIMARY KEY, note TEXT)',
];
