import type { SqlValue } from '../../../core/value.js';
import type { Connection, PlainRow } from './driver.js';
import { packedBlobs, packedNulls, packedSteps, packedTexts, type PackedKind } from './packed-columns.js';

export interface ColumnPage {
  readonly count: number;
  /** Per column, per row. */
  readonly columns: readonly (readonly SqlValue[])[];
}

/** Reads one page at a time. Inside a transaction: a page may take more than one statement. */
export interface ColumnReader {
  /** How many rows there may be only says whether packing pays. */
  read(params: readonly SqlValue[], rowsMax: number): ColumnPage;
}

export interface ColumnQuery {
  /** SQL expressions. */
  readonly columns: readonly string[];
  /** What stands behind them in the SELECT; its ORDER BY must leave no two rows in doubt. */
  readonly from: string;
  /** What `from` orders by, when that is an integer. */
  readonly order?: string;
}

/** Fewer rows are read faster row by row. */
const packedRowsMin = 64;
/** Larger rows cost little beside their bytes, and would need the memory twice. */
const packedRowBytesMax = 2048;

/**
 * Reads rows column by column. To take a text or a blob out of SQLite costs more than to find it, so from the second page
 * on SQLite joins the values of a column into one, as long as they are of the kind that the first page held. All other
 * columns are read row by row. SQLite keeps the order of a subquery for aggregates like `group_concat`.
 */
export function createColumnReader(connection: Connection, { columns, from, order }: ColumnQuery): ColumnReader {
  const isUtf8 = connection.cached('PRAGMA encoding').get()?.[0] === 'UTF-8';
  const kinds: (PackedKind | null)[] = columns.map(() => null);
  const positions = columns.map((_, c) => c);
  const sql = createPageSql({ columns, from, ...(order !== undefined && { order }) });
  let rowBytes = Infinity;

  function read(params: readonly SqlValue[], rowsMax: number): ColumnPage {
    const isPacked = rowsMax >= packedRowsMin && rowBytes <= packedRowBytesMax && kinds.some(Boolean);
    return (isPacked ? readPacked(params) : null) ?? readFirst(params);
  }

  function readFirst(params: readonly SqlValue[]): ColumnPage {
    const rows = readRows(positions, params);
    const page = { count: rows.length, columns: columns.map((_, c) => columnOf(rows, c)) };
    if (rows.length === 0) return page;
    rowBytes = bytesOf(rows) / rows.length;
    for (const [c, values] of page.columns.entries())
      kinds[c] = kindOf(values, { isUtf8, isOrdered: order !== undefined });
    return page;
  }

  const readRows = (wanted: readonly number[], params: readonly SqlValue[]): SqlValue[][] =>
    connection.cached(sql.rows(wanted)).allExact(...params);

  /** Null where SQLite cannot join so much. */
  function readPacked(params: readonly SqlValue[]): ColumnPage | null {
    const packed = positions.filter((c) => kinds[c]);
    const joined = joinedRow(packed, params);
    if (!joined) return null;
    const count = Number(joined[0]);
    if (count === 0) return { count, columns: columns.map(() => []) };
    rowBytes = bytesOf([joined]) / count;
    const values = new Map<number, readonly SqlValue[]>();
    let at = 1;
    for (const c of packed) {
      const kind = kinds[c];
      const unpacked = kind?.read(joined, at, count);
      at += kind?.width ?? 0;
      if (unpacked) values.set(c, unpacked);
      else kinds[c] = kind?.otherwise ?? null;
    }
    const others = positions.filter((c) => !values.has(c));
    if (others.length > 0) {
      const rows = readRows(others, params);
      others.forEach((c, n) => values.set(c, columnOf(rows, n)));
    }
    return { count, columns: positions.map((c) => values.get(c) ?? []) };
  }

  function joinedRow(packed: readonly number[], params: readonly SqlValue[]): PlainRow | undefined {
    try {
      return connection.cached(sql.packed(packed, kinds)).get(...params);
    } catch {
      // More than one value can be, or a failure that reading row by row meets again and tells.
      kinds.fill(null);
      return undefined;
    }
  }

  return { read };
}

interface PageSql {
  rows(wanted: readonly number[]): string;
  packed(wanted: readonly number[], kinds: readonly (PackedKind | null)[]): string;
}

/** The text of many columns is long: it is made once. */
function createPageSql({ columns, from, order }: ColumnQuery): PageSql {
  const known = new Map<string, string>();
  function once(name: string, make: () => string): string {
    const sql = known.get(name) ?? make();
    known.set(name, sql);
    return sql;
  }
  return {
    rows: (wanted) => once(`rows ${wanted.join()}`, () => `SELECT ${wanted.map((c) => columns[c]).join(', ')} ${from}`),
    packed: (wanted, kinds) =>
      once(`packed ${wanted.map((c) => `${c}${kinds[c]?.name}`).join()}`, () => {
        const numbered = order === undefined ? [] : [`${order} AS place`];
        const inner = [...wanted.map((c) => `${columns[c]} AS c${c}`), ...numbered].join(', ');
        const joined = wanted.map((c) => kinds[c]?.sql(`c${c}`, 'place')).join(', ');
        return `SELECT count(*), ${joined} FROM (SELECT ${inner} ${from})`;
      }),
  };
}

const columnOf = (rows: readonly (readonly SqlValue[])[], c: number): SqlValue[] => rows.map((row) => row[c] ?? null);

/** Null where values are of several kinds, or of one that is read faster row by row. */
function kindOf(
  values: readonly SqlValue[],
  { isUtf8, isOrdered }: { readonly isUtf8: boolean; readonly isOrdered: boolean },
): PackedKind | null {
  const present = values.filter((value) => value !== null);
  if (present.length === 0) return packedNulls;
  if (isOrdered && areSteps(values)) return packedSteps;
  if (present.every((value) => typeof value === 'string')) return packedTexts;
  return isUtf8 && present.every((value) => value instanceof Uint8Array) ? packedBlobs : null;
}

function areSteps(values: readonly SqlValue[]): boolean {
  const [first] = values;
  return typeof first === 'bigint' && values.every((value, i) => value === first + BigInt(i));
}

function bytesOf(rows: readonly (readonly SqlValue[])[]): number {
  let bytes = 0;
  for (const row of rows) {
    for (const value of row) if (typeof value === 'string' || value instanceof Uint8Array) bytes += value.length;
  }
  return bytes;
}
