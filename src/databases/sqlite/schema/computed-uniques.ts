/**
 * Unique indexes over expressions, generated columns, or with a condition. SQLite itself computes what they compare of a
 * row: in a copy of the table in memory that holds nothing but this row, since the row may not be in the table, and
 * what is computed depends on the declared types and collations.
 */
import type { SqlValue } from '../../../core/value.js';
import { openConnection, type Connection, type Statement } from '../connection/driver.js';
import { quoteName } from '../connection/identifiers.js';
import type { Key } from '../stores/shadow-store.js';
import { indexParts, type IndexParts } from './index-parts.js';
import type { SyncedTable } from './synced-table.js';

/** What the index compares of a row with these values. Null: the index has no such row, or its text says nothing here. */
export function computedUnique(
  connection: Connection,
  table: SyncedTable,
  unique: string,
  values: ReadonlyMap<string, SqlValue>,
): readonly SqlValue[] | null {
  const probe = probeOf(connection, table);
  const select = probe?.selects.get(unique);
  if (!probe || !select) return null;
  const columns = table.layout.filter((column) => values.has(column));
  probe.connection.cached(`DELETE FROM ${table.sql}`).run();
  try {
    const names = columns.map(quoteName).join(', ');
    const row = columns.length === 0 ? 'DEFAULT VALUES' : `(${names}) VALUES (${columns.map(() => '?').join(', ')})`;
    probe.connection
      .cached(`INSERT INTO ${table.sql} ${row}`)
      .run(...columns.map((column) => values.get(column) ?? null));
    return select.getExact() ?? null;
  } catch {
    // A row that the schema refuses whatever stands beside it, or of which the expression makes no sense (text that is not JSON).
    return null;
  }
}

/** The keys of rows of which the index compares these values. */
export function keysWithComputed(
  connection: Connection,
  table: SyncedTable,
  unique: string,
  values: readonly SqlValue[],
): Key[] {
  const parts = partsOf(connection, table, unique);
  if (!parts) return [];
  const terms = [...(parts.condition === null ? [] : [parts.condition]), ...parts.parts.map((part) => `(${part}) = ?`)];
  const where = terms.map((term) => `(${term})`).join(' AND ');
  return connection.cached(`SELECT ${table.keySql.join(', ')} FROM ${table.sql} WHERE ${where}`).allExact(...values);
}

interface Probe {
  readonly connection: Connection;
  /** By name of the unique. */
  readonly selects: ReadonlyMap<string, Statement>;
}

const probes = new WeakMap<Connection, WeakMap<SyncedTable, Probe | null>>();

function probeOf(connection: Connection, table: SyncedTable): Probe | null {
  const known = probes.get(connection) ?? new WeakMap<SyncedTable, Probe | null>();
  probes.set(connection, known);
  let probe = known.get(table);
  if (probe === undefined) known.set(table, (probe = makeProbe(connection, table)));
  return probe;
}

/** The table as it was declared, without what it would refuse a row for that has nothing to do with the index. */
function makeProbe(connection: Connection, table: SyncedTable): Probe | null {
  const sql = schemaText(connection, 'table', table.form.name);
  if (sql === null) return null;
  const memory = openConnection(':memory:');
  memory.exec(`PRAGMA encoding = '${String(connection.prepare('PRAGMA encoding').get()?.[0])}'`);
  memory.exec('PRAGMA ignore_check_constraints = ON');
  memory.exec(sql);
  const selects = new Map<string, Statement>();
  for (const { schema } of table.form.uniques) {
    const parts = schema.isPlain ? null : partsOf(connection, table, schema.name);
    if (!parts) continue;
    const condition = parts.condition === null ? '' : ` WHERE ${parts.condition}`;
    selects.set(schema.name, memory.prepare(`SELECT ${parts.parts.join(', ')} FROM ${table.sql}${condition}`));
  }
  return { connection: memory, selects };
}

/** SQLite keeps no text of an index that CREATE TABLE declares: that has columns only. */
function partsOf(connection: Connection, { form }: SyncedTable, unique: string): IndexParts | null {
  const found = form.uniques.find(({ schema }) => schema.name === unique);
  if (!found) return null;
  if (found.isDeclared) return { parts: found.schema.columns.map(quoteName), condition: null };
  const sql = schemaText(connection, 'index', found.indexName);
  return sql === null ? null : indexParts(sql);
}

function schemaText(connection: Connection, type: 'table' | 'index', name: string): string | null {
  const row = connection.cached('SELECT sql FROM main.sqlite_schema WHERE type = ? AND name = ?').get(type, name);
  return typeof row?.[0] === 'string' ? row[0] : null;
}
