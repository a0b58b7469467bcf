import { addHash } from '../../../core/digest.js';
import { joinedDigest, refusedDigest } from './recounted-digest.js';
import { compareCellStamps, unwrittenStamp, type CellStamp } from '../../../core/cell-stamp.js';
import { columnHash, columnSeed, createRowHasher, type ColumnSeed } from '../../../core/row-hash.js';
import type { SqlValue } from '../../../core/value.js';
import { defaultOf } from '../schema/column-defaults.js';
import { quoteName } from '../connection/identifiers.js';
import type { ReplicaContext } from './replica-context.js';
import { textAt } from '../connection/row-values.js';
import { shadowColumnCount, shadowColumns, stampAt, type Shadow } from './shadow-store.js';
import { createShadowTable, joinsTable, layoutOf, type SyncedTable } from '../schema/synced-table.js';

/** How the shadows were laid out before. */
export interface FormerLayout {
  /** The table's name: what is kept aside of it still stands under this one. */
  readonly name: string;
  readonly layout: readonly string[];
  readonly key: readonly string[];
  readonly renamed: ReadonlyMap<string, string>;
}

/** Forgets every shadow of a table, and the table of shadows. */
export function clearShadows(
  { connection, tables, lives, displaced, asides }: ReplicaContext,
  table: SyncedTable,
): void {
  connection.exec(`DROP TABLE IF EXISTS ${table.shadowSql}`);
  lives.dropTable(table.number);
  displaced.dropTable(table.number);
  tables.setDigest(table, refusedDigest(asides, table.name));
}

/** Whether the shadows are kept by the key that the table has now. */
export function keepsKey({ connection }: ReplicaContext, table: SyncedTable): boolean {
  const row = connection
    .prepare(`SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?`)
    .get(`_usync_s${table.number}`);
  const [create] = createShadowTable(table);
  return row !== undefined && create !== undefined && declared(textAt(row, 0)) === declared(create);
}

const declared = (sql: string): string => sql.slice(sql.indexOf('('));

/**
 * Lays the shadows out anew. What was remembered of columns that stay is kept, so that writes nobody noted are still
 * found; a new column counts as holding its default, so that adding one is no change of any row. True when rows show what
 * nobody has drained: shadows keep hashes of single columns, from which no row's hash is made, so the digest speaks of
 * what these rows show. Rows that the schema refuses count as before until they are settled again.
 */
export function rebuildShadows(context: ReplicaContext, table: SyncedTable, former: FormerLayout): boolean {
  const plan = planOf(context, table, former);
  const hasKey = keepsKey(context, table);
  // Missing hashes at the end of a shadow read as NULL's: then nothing has to be written.
  if (hasKey && plan.isOnlyNullsAdded) return false;
  const { connection } = context;
  const old = `main._usync_old${table.number}`;
  const name = `_usync_s${table.number}`;
  connection.exec(`DROP TABLE IF EXISTS ${old}`);
  connection.exec(`DROP INDEX IF EXISTS main.${name}_life`);
  connection.exec(`ALTER TABLE main.${name} RENAME TO _usync_old${table.number}`);
  context.shadows.createTable(table);
  const join = hasKey ? joinsTable(table, 's', 'r') : formerKeyJoin(table, former);
  const isAhead = join === null || copyShadows(context, table, { old, join, plan, hasKey, name: former.name });
  connection.exec(`DROP TABLE ${old}`);
  return isAhead;
}

interface LayoutPlan {
  /** Per position now: where the column was, or -1. */
  readonly before: readonly number[];
  /** Per position. The column's name is part of its hash. */
  readonly seeds: readonly ColumnSeed[];
  /** Per position: where the hash started when the column had another name. */
  readonly formerSeeds: readonly (ColumnSeed | null)[];
  readonly defaults: readonly SqlValue[];
  readonly isOnlyNullsAdded: boolean;
}

function planOf(context: ReplicaContext, table: SyncedTable, { layout, renamed }: FormerLayout): LayoutPlan {
  const formerName = new Map([...renamed].map(([from, to]) => [to, from]));
  const before = table.layout.map((column) => layout.indexOf(formerName.get(column) ?? column));
  const defaults = table.layout.map((column, i) =>
    before[i] === -1 ? defaultOf(context.connection, table, column) : null,
  );
  return {
    before,
    seeds: table.layout.map(columnSeed),
    formerSeeds: table.layout.map((column) => {
      const name = formerName.get(column);
      return name === undefined ? null : columnSeed(name);
    }),
    defaults,
    isOnlyNullsAdded:
      renamed.size === 0 &&
      // Hashes of columns that were dropped are part of the rows' hashes, at the end as well.
      before.filter((at) => at !== -1).length === layout.length &&
      defaults.every((value) => value === null) &&
      before.every((at, i) => at === i || (at === -1 && i >= layout.length)),
  };
}

interface CopyWork {
  readonly old: string;
  readonly join: string;
  readonly plan: LayoutPlan;
  readonly name: string;
  /** The key is the one that it was. */
  readonly hasKey: boolean;
}

const pageRows = 5000;

function copyShadows(
  context: ReplicaContext,
  table: SyncedTable,
  { old, join, plan, hasKey, name }: CopyWork,
): boolean {
  const { connection, shadows, tables, asides } = context;
  const refused = refusedDigest(asides, name);
  const width = table.layout.length;
  const values = table.layout.map((column) => `r.${quoteName(column)}`).join(', ');
  const keys = table.keySql.map((key) => `r.${key}`).join(', ');
  connection.exec('DROP TABLE IF EXISTS temp._usync_order');
  const oldKeys = `SELECT row_number() OVER () AS n, s.* FROM ${old} s`;
  connection.exec(`CREATE TEMP TABLE _usync_order AS ${oldKeys}`);
  const page = connection.prepare(
    `SELECT ${values}, ${shadowColumns('s')}, ${keys} FROM temp._usync_order s
     CROSS JOIN ${table.sql} r ON ${join} WHERE s.rowid > ? AND s.rowid <= ? ORDER BY s.rowid`,
  );
  const hasher = createRowHasher(table.layout);
  const scratch = new Uint32Array(width);
  const total = Number(connection.prepare('SELECT count(*) FROM temp._usync_order').get()?.[0] ?? 0);
  let digest = { rows: 0, sum: 0 };
  let isAhead = false;
  for (let from = 0; from < total; from += pageRows) {
    for (const row of page.allExact(BigInt(from), BigInt(from + pageRows))) {
      const shadow = shadows.read(row, width);
      const shown = table.layout.map((_, i) => (plan.before[i] === -1 ? (plan.defaults[i] ?? null) : (row[i] ?? null)));
      const columns = columnsOf(shown, shadow.columns, plan);
      const hash = hasher.hash(shown, scratch);
      isAhead ||= columns.some((hashOfColumn, i) => hashOfColumn !== scratch[i]);
      const exceptions = movedExceptions(shadow, plan);
      const moved: Shadow = { ...shadow, hash, columns: new Uint8Array(columns.buffer), exceptions };
      shadows.put(table, row.slice(width + shadowColumnCount), moved);
      digest = { rows: digest.rows + 1, sum: addHash(digest.sum, hash) };
    }
  }
  connection.exec('DROP TABLE temp._usync_order');
  if (hasKey) keepRowless(context, table, { old, plan });
  tables.setDigest(table, joinedDigest(digestWithRowless(context, table, digest), refused));
  return isAhead || digest.rows < total;
}

/** What is remembered of each column; what was written and nobody has drained differs from it as before. */
function columnsOf(shown: readonly SqlValue[], before: Uint8Array, plan: LayoutPlan): Uint32Array {
  const remembered = new DataView(before.buffer, before.byteOffset, before.length);
  return Uint32Array.from(plan.seeds, (seed, i) => {
    const at = plan.before[i] ?? -1;
    const value = shown[i] ?? null;
    if (at === -1) return columnHash(seed, value);
    const former = at * 4 < remembered.byteLength ? remembered.getUint32(at * 4, true) : 0;
    const formerSeed = plan.formerSeeds[i];
    return formerSeed ? columnHash(seed, value) ^ columnHash(formerSeed, value) ^ former : former;
  });
}

/** Shadows whose row is gone wait for the comparison to end them; of a bag it may stand elsewhere, by what it holds. */
function keepRowless(
  { connection, shadows }: ReplicaContext,
  table: SyncedTable,
  { old, plan }: Pick<CopyWork, 'old' | 'plan'>,
): void {
  const rowless = `FROM ${old} s WHERE NOT EXISTS (SELECT 1 FROM ${table.sql} r WHERE ${joinsTable(table, 's', 'r')})`;
  if (!table.isBag) return connection.exec(`INSERT OR IGNORE INTO ${table.shadowSql} SELECT s.* ${rowless}`);
  for (const row of connection.prepare(`SELECT s.k1, ${shadowColumns('s')} ${rowless}`).allExact()) {
    const shadow = shadows.read(row, 1);
    const columns = new Uint8Array(columnsOf(plan.defaults, shadow.columns, plan).buffer);
    shadows.put(table, row.slice(0, 1), { ...shadow, columns, exceptions: movedExceptions(shadow, plan) });
  }
}

function digestWithRowless({ connection }: ReplicaContext, table: SyncedTable, digest: { rows: number; sum: number }) {
  let sum = 0;
  let rows = 0;
  for (const [hash] of connection.prepare(`SELECT h FROM ${table.shadowSql}`).iterate()) {
    sum = addHash(sum, Number(hash));
    rows++;
  }
  return rows === digest.rows ? digest : { rows, sum };
}

function movedExceptions(shadow: Shadow, { before }: LayoutPlan): Map<number, CellStamp> | null {
  const moved = new Map<number, CellStamp>();
  for (const [position, at] of before.entries()) {
    const stamp = at === -1 ? unwrittenStamp : stampAt(shadow, at);
    if (compareCellStamps(stamp, shadow.at) !== 0) moved.set(position, stamp);
  }
  return moved.size === 0 ? null : moved;
}

/** Another key than before: rows are found by the columns that were the key, where they are still there. */
function formerKeyJoin(table: SyncedTable, { key, renamed }: FormerLayout): string | null {
  const columns = key.map((column) => renamed.get(column) ?? column);
  if (columns.length === 0 || !columns.every((column) => layoutOf(table.schema).includes(column))) return null;
  return columns.map((column, i) => `r.${quoteName(column)} = s.k${i + 1}`).join(' AND ');
}
