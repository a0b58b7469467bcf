import { addHash, isSameDigest, sumOf, type TableDigest } from '../../../core/digest.js';
import type { SqlValue } from '../../../core/value.js';
import { createColumnReader, type ColumnReader } from '../connection/column-reader.js';
import type { Connection } from '../connection/driver.js';
import { quoteName } from '../connection/identifiers.js';
import { isDigestRight, rememberedDigest } from './recounted-digest.js';
import type { ReplicaContext } from './replica-context.js';
import { createRowComparison, type RowComparison } from '../capture/row-comparison.js';
import type { SyncedTable } from '../schema/synced-table.js';

export interface AuditedTable {
  readonly rows: number;
  /** Rows whose content is not what is remembered, as far as they can be told by counting; 0: the table is proven. */
  readonly differing: number;
  /** Whether the kept digest is the sum of what is remembered of the rows. */
  readonly isDigestRight: boolean;
}

const pageRows = 5000;
/** The first page of a table only shows what its columns hold. */
const firstPageRows = 200;

/**
 * Hashes the content of a whole table again and compares with what the shadows remember, and that with the kept digest.
 * What both add up to is compared first, since that needs no look at every shadow; where it differs, row by row.
 * Inside one read transaction, so that nobody's commit falls between two pages.
 */
export function auditTable(context: ReplicaContext, table: SyncedTable): AuditedTable {
  const shown = shownDigest(context, table);
  const isAsRemembered = isSameDigest(shown, rememberedDigest(context, table));
  const differing = isAsRemembered ? 0 : countDiffering(context, table);
  return { rows: shown.rows, differing, isDigestRight: isDigestRight(context, table) };
}

/** What the rows add up to as they stand, page by page in key order. */
function shownDigest(context: ReplicaContext, table: SyncedTable): TableDigest {
  const { connection } = context;
  const hashing = createRowComparison(table);
  const width = table.layout.length;
  const readers = { first: contentReader(connection, table, true), next: contentReader(connection, table, false) };
  const all = { rows: 0, sum: 0 };
  let [rowsMax, after]: [number, readonly SqlValue[]] = [firstPageRows, []];
  for (let reader = readers.first; ; reader = readers.next) {
    const { count, columns } = reader.read([...after, BigInt(rowsMax)], rowsMax);
    if (count === 0) return all;
    all.rows += count;
    all.sum = addHash(all.sum, sumOf(hashing.hashColumns(columns.slice(0, width), count).rows));
    if (count < rowsMax) return all;
    const keys = table.isBag ? columns.slice(width) : table.keyPositions.map((at) => columns[at] ?? []);
    after = keys.map((key) => key[count - 1] ?? null);
    // The second page is the first one of its reader.
    rowsMax = reader === readers.first ? firstPageRows : pageRows;
  }
}

/** Parameters: the key after which the page begins, unless it is the first, and how many rows it may have. */
function contentReader(connection: Connection, table: SyncedTable, isFirst: boolean): ColumnReader {
  const order = table.keySql.map((key) => `r.${key}`).join(', ');
  const columns = table.layout.map((column) => `r.${quoteName(column)}`);
  return createColumnReader(connection, {
    columns: table.isBag ? [...columns, order] : columns,
    from: `FROM ${table.sql} r ${pageWhere(table, isFirst)} ORDER BY ${order} LIMIT ?`,
    ...(table.isRowidKey && { order }),
  });
}

/** Rows with NULL in the key are not synced. */
function pageWhere(table: SyncedTable, isFirst: boolean): string {
  const order = table.keySql.map((key) => `r.${key}`).join(', ');
  const conditions = [
    ...(isFirst ? [] : [`(${order}) > (${table.keySql.map(() => '?').join(', ')})`]),
    ...(table.isRowidKey ? [] : table.keySql.map((key) => `r.${key} IS NOT NULL`)),
  ];
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
}

/** Each row against its shadow. Rows of whose change the schema here refused a part are as they should be. */
export function countDiffering(context: ReplicaContext, table: SyncedTable): number {
  const { connection } = context;
  const values = table.layout.map((column) => `r.${quoteName(column)}`).join(', ');
  const shadowJoin = table.keySql.map((key, i) => `s.k${i + 1} = r.${key}`).join(' AND ');
  const order = table.keySql.map((key) => `r.${key}`).join(', ');
  const page = (isFirst: boolean): string =>
    `SELECT ${values}, CAST(s.h AS REAL)${table.isBag ? `, ${order}` : ''} FROM ${table.sql} r
      LEFT JOIN ${table.shadowSql} s ON ${shadowJoin} ${pageWhere(table, isFirst)} ORDER BY ${order} LIMIT ${pageRows}`;
  const hashing = createRowComparison(table);
  const width = table.layout.length;
  const keyOf = (row: readonly SqlValue[]): SqlValue[] =>
    table.isBag ? row.slice(width + 1) : table.keyPositions.map((at) => row[at] ?? null);
  let differing = 0;
  let matched = 0;
  let rows = connection.cached(page(true)).allExact();
  while (rows.length > 0) {
    for (const row of rows) {
      const hash = hashing.hash(row);
      const remembered = row[width] ?? null;
      if (remembered !== null) matched++;
      const isRefused =
        remembered !== null && remembered !== hash && isRefusedRow(context, table, { row, keyOf, hashing });
      if (remembered !== hash && !isRefused) differing++;
    }
    const last = keyOf(rows.at(-1) ?? []);
    rows = rows.length < pageRows ? [] : connection.cached(page(false)).allExact(...last);
  }
  return differing + Math.max(0, context.shadows.count(table) - matched);
}

interface DifferingRow {
  readonly row: readonly SqlValue[];
  readonly keyOf: (row: readonly SqlValue[]) => SqlValue[];
  /** Has hashed this row last. */
  readonly hashing: RowComparison;
}

/** Where the schema here refused a change the remembered hash is that of the view, the columns' that of the row. */
function isRefusedRow({ shadows }: ReplicaContext, table: SyncedTable, { row, keyOf, hashing }: DifferingRow): boolean {
  const shadow = shadows.find(table, keyOf(row));
  return shadow !== null && hashing.changedSince(shadow.columns).length === 0;
}
