/**
 * What tables an application has, read from its database. Left out: tables of SQLite (`sqlite_*`) and of Universal
 * Sync, views, virtual tables and the shadow tables behind them (full-text indexes are rebuilt by the application's own
 * triggers, never replicated).
 */
import { affinityOf } from '../../../core/reference-form.js';
import type { Collation, ColumnSchema, KeyKind, TableSchema } from '../../../core/table-schema.js';
import { errorMessageOf } from '../../../core/sync-error.js';
import {
  type AppTrigger,
  type DatabaseSchema,
  type DiscoveredColumn,
  type DiscoveredTable,
  type DiscoveredUnique,
  type KeyColumn,
} from './discovered-table.js';
import type { Connection, PlainRow } from '../connection/driver.js';
import { foldName, isOwnName, quoteName } from '../connection/identifiers.js';
import { readReferences } from './reference-reader.js';
import { transact } from '../connection/transaction.js';

/** Reads everything in one snapshot. About 0.1 ms a table. Sync tables must be complete when sync triggers are there. */
export function readSchema(connection: Connection): DatabaseSchema {
  if (!connection.isInTransaction) return transact(connection, 'deferred', () => readSchema(connection));
  const cookie = readCookie(connection);
  const triggersByTable = readTriggers(connection);
  const rootPages = readRootPages(connection);
  const tables = connection
    .cached(`SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name`)
    .all()
    .map(([name, isWithoutRowid]) => ({ name: String(name), isWithoutRowid: isWithoutRowid === 1n }))
    .filter(({ name }) => !foldName(name).startsWith('sqlite_') && !isOwnName(name))
    .map(({ name, isWithoutRowid }) =>
      readTable(connection, {
        name,
        isWithoutRowid,
        sql: rootPages.get(name)?.sql ?? '',
        rootPage: rootPages.get(name)?.page ?? 0,
        triggers: triggersByTable.get(foldName(name)) ?? [],
      }),
    );
  return { cookie, tables: readReferences(connection, tables) };
}

export const readCookie = (connection: Connection): number =>
  Number(connection.cached('PRAGMA schema_version').get()?.[0]);

interface TableFacts {
  readonly name: string;
  readonly isWithoutRowid: boolean;
  readonly sql: string;
  readonly rootPage: number;
  readonly triggers: readonly AppTrigger[];
}

function readTable(connection: Connection, facts: TableFacts): DiscoveredTable {
  const { name, isWithoutRowid } = facts;
  const rows = connection
    .cached('SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, \'main\') ORDER BY cid')
    .all(name)
    .map(columnFacts);
  const indexes = readIndexes(connection, name);
  const keyIndex = indexes.find((index) => index.origin === 'pk');
  const keyRows = rows.filter((row) => row.keyPosition > 0).toSorted((a, b) => a.keyPosition - b.keyPosition);
  const isRowidKey = !isWithoutRowid && keyRows.length === 1 && !keyIndex;
  const key = keyRows.map((row): KeyColumn => ({
    name: row.name,
    collation: keyIndex?.parts.find((part) => part.column === row.name)?.collation ?? 'BINARY',
    affinity: affinityOf(row.declaredType),
    canBeNull: !isWithoutRowid && !isRowidKey && !row.isNotNull,
  }));
  const keyKind: KeyKind = isRowidKey ? 'generated' : key.length > 0 ? 'natural' : 'bag';
  const rowidName = isWithoutRowid ? null : isRowidKey ? (key[0]?.name ?? null) : freeRowidName(rows);
  const uniques = readUniques(indexes, rows, key);
  const schema: TableSchema = {
    name,
    columns: rows.map((row) => withCollation(columnSchema(row, isRowidKey), key)),
    key: key.map((column) => column.name),
    keyKind,
    references: [],
    uniques: uniques.map((unique) => unique.schema),
  };
  return {
    name,
    schema,
    storage: isWithoutRowid ? 'without-rowid' : 'rowid',
    rowidName,
    isRowidKey,
    isAutoincrement: isRowidKey && isAutoincrement(facts.sql),
    key,
    columns: rows.map(discoveredColumn),
    uniques,
    triggers: facts.triggers,
    rootPage: facts.rootPage,
    ...obstacleOf(connection, name, {
      keyKind,
      rowidName,
      columnCount: rows.length,
      firstColumn: rows.find((row) => !row.isGenerated),
    }),
  };
}

interface ColumnFacts {
  readonly name: string;
  readonly declaredType: string;
  readonly isNotNull: boolean;
  readonly defaultSql: string | null;
  /** From 1 in the key, 0 outside. */
  readonly keyPosition: number;
  readonly isGenerated: boolean;
}

const columnFacts = ([name, type, notNull, defaultSql, keyPosition, hidden]: PlainRow): ColumnFacts => ({
  name: String(name),
  declaredType: String(type),
  isNotNull: notNull === 1n,
  defaultSql: typeof defaultSql === 'string' ? defaultSql : null,
  keyPosition: Number(keyPosition),
  isGenerated: hidden === 2n || hidden === 3n,
});

const columnSchema = (row: ColumnFacts, isRowidKey: boolean): ColumnSchema => ({
  name: row.name,
  declaredType: row.declaredType,
  isGenerated: row.isGenerated,
  isNotNull: row.isNotNull || (isRowidKey && row.keyPosition > 0),
  hasDefault: row.defaultSql !== null,
  rule: 'column',
});

/** How the rules compare keys: as the table does, or rows that it takes for one would be shown side by side. */
function withCollation(column: ColumnSchema, key: readonly KeyColumn[]): ColumnSchema {
  const collation = ruleCollation(key.find((each) => each.name === column.name)?.collation);
  return collation === 'binary' ? column : { ...column, collation };
}

const ruleCollation = (collation: string | undefined): Collation =>
  collation === 'NOCASE' ? 'nocase' : collation === 'RTRIM' ? 'rtrim' : 'binary';

const discoveredColumn = (row: ColumnFacts): DiscoveredColumn => ({
  name: row.name,
  declaredType: row.declaredType,
  affinity: affinityOf(row.declaredType),
  defaultSql: row.defaultSql,
  isGenerated: row.isGenerated,
});

interface IndexFacts {
  readonly name: string;
  readonly isUnique: boolean;
  readonly origin: 'c' | 'u' | 'pk';
  readonly isPartial: boolean;
  /** Key parts only; the column is null for an expression. */
  readonly parts: readonly { readonly column: string | null; readonly collation: string }[];
}

function readIndexes(connection: Connection, table: string): IndexFacts[] {
  const parts = connection.cached(
    'SELECT name, coll FROM pragma_index_xinfo(?, \'main\') WHERE "key" = 1 ORDER BY seqno',
  );
  return connection
    .cached('SELECT name, "unique", origin, partial FROM pragma_index_list(?, \'main\') ORDER BY seq DESC')
    .all(table)
    .map(([name, isUnique, origin, isPartial]) => ({
      name: String(name),
      isUnique: isUnique === 1n,
      origin: String(origin) as IndexFacts['origin'],
      isPartial: isPartial === 1n,
      parts: parts.all(String(name)).map(([column, collation]) => ({
        column: typeof column === 'string' ? column : null,
        // SQLite compares these names without case; one spelling makes them comparable here.
        collation: String(collation).toUpperCase(),
      })),
    }));
}

/** Unique constraints beyond the key, those declared in the table first, each set of columns and collations once. */
function readUniques(
  indexes: readonly IndexFacts[],
  columns: readonly ColumnFacts[],
  key: readonly KeyColumn[],
): DiscoveredUnique[] {
  const policy = columns.some((column) => accountPattern.test(column.name)) ? 'hold' : 'merge';
  const generated = new Set(columns.filter((column) => column.isGenerated).map((column) => column.name));
  const seen = new Set([partsText(key.map(({ name, collation }) => ({ column: name, collation })))]);
  const found: DiscoveredUnique[] = [];
  const unique = indexes.filter((index) => index.isUnique && index.origin !== 'pk');
  for (const index of [...unique.filter(isDeclared), ...unique.filter((other) => !isDeclared(other))]) {
    const names = index.parts.map((part) => part.column).filter((name) => name !== null);
    const isPlain =
      !index.isPartial && names.length === index.parts.length && !names.some((name) => generated.has(name));
    if (isPlain && seen.has(partsText(index.parts))) continue;
    if (isPlain) seen.add(partsText(index.parts));
    found.push({
      schema: {
        name: isDeclared(index) ? `unique(${names.join(', ')})` : index.name,
        columns: names,
        policy,
        collations: index.parts.map((part) => ruleCollation(part.collation)),
        isPlain,
      },
      indexName: index.name,
      isDeclared: isDeclared(index),
      collations: index.parts.filter((part) => part.column !== null).map((part) => part.collation),
    });
  }
  return found;
}

const accountPattern = /passw|passphrase|pwd|token|e[-_ ]?mail/i;

const isDeclared = (index: IndexFacts): boolean => index.origin === 'u';

const partsText = (parts: IndexFacts['parts']): string =>
  JSON.stringify(parts.map((part) => [part.column, foldName(part.collation)]));

function freeRowidName(columns: readonly ColumnFacts[]): string | null {
  const taken = new Set(columns.map((column) => foldName(column.name)));
  return ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name)) ?? null;
}

/** SQLite reads 2,000 columns at once, and a row is read together with its shadow and the rows that it references. */
const columnsSyncedMax = 1500;

/** Whether SQLite here can write the table at all: its collations, functions and triggers may be of the application. */
function obstacleOf(
  connection: Connection,
  name: string,
  facts: {
    readonly keyKind: KeyKind;
    readonly rowidName: string | null;
    readonly columnCount: number;
    readonly firstColumn: ColumnFacts | undefined;
  },
): Pick<DiscoveredTable, 'obstacle' | 'isObstaclePassing'> {
  const lasting = (obstacle: string | null) => ({ obstacle, isObstaclePassing: false });
  if (facts.keyKind === 'bag' && facts.rowidName === null)
    return lasting('it has no key, and its columns hide every name of the rowid');
  if (facts.columnCount > columnsSyncedMax) return lasting(`it has more than ${columnsSyncedMax} columns`);
  const table = quoteName(name);
  const column = quoteName(facts.firstColumn?.name ?? '');
  try {
    connection.check(`INSERT INTO main.${table} DEFAULT VALUES`);
    connection.check(`UPDATE main.${table} SET ${column} = ${column}`);
    connection.check(`DELETE FROM main.${table} WHERE ${column} = 0`);
    return lasting(null);
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const obstacle = `SQLite cannot write it without the application: ${errorMessageOf(cause)}`;
    return { obstacle, isObstaclePassing: true };
  }
}

/** The keyword cannot be a name, so it is enough to find it outside quoted text, quoted names and comments. */
const isAutoincrement = (sql: string): boolean =>
  /\bautoincrement\b/i.test(
    sql.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//g, ' '),
  );

function readTriggers(connection: Connection): Map<string, AppTrigger[]> {
  const byTable = new Map<string, AppTrigger[]>();
  const rows = connection.cached(`SELECT tbl_name, name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name`);
  for (const [table, name, sql] of rows.all()) {
    if (isOwnName(String(name))) continue;
    const key = foldName(String(table));
    byTable.set(key, [...(byTable.get(key) ?? []), { name: String(name), sql: String(sql) }]);
  }
  return byTable;
}

function readRootPages(connection: Connection): Map<string, { readonly page: number; readonly sql: string }> {
  const rows = connection.cached(`SELECT name, rootpage, sql FROM sqlite_schema WHERE type = 'table'`).all();
  return new Map(rows.map(([name, page, sql]) => [String(name), { page: Number(page), sql: String(sql) }]));
}
