import type { SqlValue } from '../../../core/value.js';
import { quoteName } from '../connection/identifiers.js';
import { isDigestRight } from './recounted-digest.js';
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

/**
 * Hashes the content of a whole table again, page by page in key order, and compares with what the shadows remember,
 * and that with the kept digest.
 * Inside one read transaction, so that nobody's commit falls between two pages.
 */
export function auditTable(context: ReplicaContext, table: SyncedTable): AuditedTable {
  const { connection } = context;
  const values = table.layout.map((column) => `r.${quoteName(column)}`).join(', ');
  const shadowJoin = table.keySql.map((key, i) => `s.k${i + 1} = r.${key}`).join(' AND ');
  const order = table.keySql.map((key) => `r.${key}`).join(', ');
  const named = table.isRowidKey ? '' : table.keySql.map((key) => `r.${key} IS NOT NULL`).join(' AND ');
  const position = `(${order}) > (${table.keySql.map(() => '?').join(', ')})`;
  const page = (isFirst: boolean): string => {
    const conditions = [isFirst ? '' : position, named].filter((condition) => condition !== '').join(' AND ');
    return `SELECT ${values}, CAST(s.h AS REAL)${table.isBag ? `, ${order}` : ''} FROM ${table.sql} r LEFT JOIN ${table.shadowSql} s ON ${shadowJoin}
      ${conditions === '' ? '' : `WHERE ${conditions}`} ORDER BY ${order} LIMIT ${pageRows}`;
  };
  const hashing = createRowComparison(table);
  const width = table.layout.length;
  const keyOf = (row: readonly SqlValue[]): SqlValue[] =>
    table.isBag ? row.slice(width + 1) : table.keyPositions.map((at) => row[at] ?? null);
  let count = 0;
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
    count += rows.length;
    const last = keyOf(rows.at(-1) ?? []);
    rows = rows.length < pageRows ? [] : connection.cached(page(false)).allExact(...last);
  }
  differing += Math.max(0, context.shadows.count(table) - matched);
  return { rows: count, differing, isDigestRight: isDigestRight(context, table) };
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
