import type { LifeName } from '../../../core/life.js';
import type { Stamp } from '../../../core/stamp.js';
import type { SqlValue } from '../../../core/value.js';
import type { Connection, Statement } from '../connection/driver.js';
import { shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';

/** New rows of one changeset, in bulk: what they share is bound once for many rows. */
export interface NewShadows {
  readonly origin: number;
  readonly stamp: Stamp;
  readonly count: number;
  /** Per key column, per row. */
  readonly keys: readonly (readonly SqlValue[])[];
  readonly indexes: ArrayLike<number>;
  /** Stamps of the cells, of the same origin as the lives. */
  readonly times: ArrayLike<number>;
  readonly hashes: ArrayLike<number>;
  /** Column hashes of all rows, one after the other. */
  readonly columns: Uint8Array;
  /** Rows that are not named after their life, by position. */
  readonly rows: ReadonlyMap<number, LifeName>;
}

/** Rows of one INSERT with a parameter per value, and of one that counts. */
const boundRows = 32;
const countedRows = 1000;
/** A shorter run is not worth a statement of its own. */
const runRowsMin = 24;

/** The numbers from 0 on, to make many rows out of few parameters. A transaction that is rolled back takes it along. */
function ensureCountingTable(connection: Connection): void {
  if (connection.cached(`SELECT 1 FROM sqlite_temp_schema WHERE name = '_usync_counting'`).get()) return;
  connection.exec(`CREATE TEMP TABLE _usync_counting (n INTEGER PRIMARY KEY);
    INSERT INTO temp._usync_counting
      WITH RECURSIVE c (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < ${countedRows - 1}) SELECT n FROM c`);
}

export interface BulkWrite {
  readonly connection: Connection;
  readonly table: SyncedTable;
  readonly rows: NewShadows;
  /** The statement of that name, prepared from `sql` the first time. */
  readonly statement: (name: string, sql: () => string) => Statement;
  readonly rowToBytes: (row: LifeName) => Uint8Array;
}

/**
 * Binding a value costs more than storing it. Bulk inserts mostly have keys and indexes that count upwards: such runs are
 * written with a handful of parameters. All else binds what differs from row to row.
 */
export function writeNewShadows(work: BulkWrite): void {
  const { table, rows } = work;
  const names = namesOf(work);
  const countedMax = table.isRowidKey ? rows.count : 0;
  let waiting = 0;
  for (let start = 0; start < countedMax;) {
    const end = endOfRun(rows, names, start);
    if (end - start >= runRowsMin) {
      writeBound(work, names, { from: waiting, to: start });
      writeRun(work, names, { from: start, to: end });
      waiting = end;
    }
    start = end;
  }
  writeBound(work, names, { from: waiting, to: rows.count });
}

/** As they are stored; null when all rows are named after their lives. */
type RowNames = readonly (Uint8Array | null)[] | null;

function namesOf({ rows, rowToBytes }: BulkWrite): RowNames {
  if (rows.rows.size === 0) return null;
  return Array.from({ length: rows.count }, (_, n) => {
    const name = rows.rows.get(n);
    return name ? rowToBytes(name) : null;
  });
}

/** Behind the last row whose key and index follow on those of the row before, with the same time and as long a name. */
function endOfRun({ keys: [keys], indexes, times, count }: NewShadows, names: RowNames, start: number): number {
  let before = keys?.[start];
  if (typeof before !== 'bigint') return start + 1;
  const nameLength = names?.[start]?.length;
  const endMax = Math.min(count, start + countedRows);
  for (let n = start + 1; n < endMax; n++) {
    const key = keys?.[n];
    if (typeof key !== 'bigint' || key !== before + 1n) return n;
    if (times[n] !== times[start] || indexes[n] !== (indexes[start] ?? 0) + n - start) return n;
    if (names && names[n]?.length !== nameLength) return n;
    before = key;
  }
  return endMax;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

const hashDigits = 15;

function writeRun(work: BulkWrite, names: RowNames, { from: start, to: end }: Range): void {
  const { connection, table, rows, statement } = work;
  ensureCountingTable(connection);
  const width = table.layout.length * 4;
  const nameLength = names?.[start]?.length;
  const hashes = new Uint8Array((end - start) * hashDigits);
  for (let n = start; n < end; n++) putDigits(hashes, (n - start) * hashDigits, rows.hashes[n] ?? 0);
  const delta = (rows.times[start] ?? 0) - rows.stamp;
  statement('run', () => runSql(table)).run(
    rows.keys[0]?.[start] ?? null,
    BigInt(rows.origin),
    BigInt(rows.stamp),
    BigInt(rows.indexes[start] ?? 0),
    delta === 0 ? null : BigInt(delta),
    hashes,
    rows.columns.subarray(start * width, end * width),
    BigInt(end - start),
    nameLength === undefined ? null : joined(names?.slice(start, end) ?? [], nameLength),
    BigInt(nameLength ?? 0),
  );
}

function joined(names: readonly (Uint8Array | null)[], nameLength: number): Uint8Array {
  const bytes = new Uint8Array(names.length * nameLength);
  names.forEach((name, n) => name && bytes.set(name, n * nameLength));
  return bytes;
}

/** Decimal, with zeros in front; in two halves, so that the divisions stay among small integers. */
function putDigits(bytes: Uint8Array, offset: number, value: number): void {
  const high = Math.floor(value / 1e8);
  let low = value - high * 1e8;
  for (let at = offset + hashDigits - 1; at >= offset + hashDigits - 8; at--) {
    const rest = (low / 10) | 0;
    bytes[at] = 48 + low - rest * 10;
    low = rest;
  }
  let rest = high;
  for (let at = offset + hashDigits - 9; at >= offset; at--) {
    const next = (rest / 10) | 0;
    bytes[at] = 48 + rest - next * 10;
    rest = next;
  }
}

function runSql(table: SyncedTable): string {
  const width = table.layout.length * 4;
  return `INSERT OR REPLACE INTO ${table.shadowSql} (k1, o, s, i, r, d, h, c)
    SELECT ?1 + n, ?2, ?3, ?4 + n, substr(?9, n * ?10 + 1, ?10), ?5, CAST(substr(?6, n * ${hashDigits} + 1, ${hashDigits}) AS INTEGER),
      substr(?7, n * ${width} + 1, ${width}) FROM temp._usync_counting WHERE n < ?8`;
}

function writeBound({ table, rows, statement }: BulkWrite, names: RowNames, { from, to }: Range): void {
  const width = table.layout.length * 4;
  const hasNames = names !== null;
  const [origin, stamp] = [BigInt(rows.origin), BigInt(rows.stamp)];
  for (let start = from; start < to; start += boundRows) {
    const rowCount = Math.min(boundRows, to - start);
    const params: SqlValue[] = [origin, stamp, rows.columns.subarray(start * width, (start + rowCount) * width)];
    for (let n = start; n < start + rowCount; n++) {
      for (const column of rows.keys) params.push(column[n] ?? null);
      const delta = (rows.times[n] ?? 0) - rows.stamp;
      params.push(rows.indexes[n] ?? 0, delta === 0 ? null : delta, rows.hashes[n] ?? 0);
      if (names) params.push(names[n] ?? null);
    }
    statement(`${rowCount} ${hasNames}`, () => boundSql(table, rowCount, hasNames)).run(...params);
  }
}

/**
 * Parameters 1 to 3 are shared: origin, stamp, and the column hashes of all rows in one blob. Per row: key, index, time
 * difference, hash, row name. Numbers are bound as reals, which INTEGER columns take back exactly.
 */
function boundSql(table: SyncedTable, rowCount: number, hasNames: boolean): string {
  const keyCount = table.keySql.length;
  const width = table.layout.length * 4;
  const perRow = keyCount + 3 + (hasNames ? 1 : 0);
  const rows = Array.from({ length: rowCount }, (_, n) => {
    const at = 4 + n * perRow;
    const keys = table.keySql.map((__, k) => `?${at + k}`).join(', ');
    const first = at + keyCount;
    const name = hasNames ? `?${first + 3}` : 'NULL';
    return `(${keys}, ?1, ?2, ?${first}, ${name}, ?${first + 1}, ?${first + 2}, substr(?3, ${n * width + 1}, ${width}))`;
  });
  const columns = [...shadowKeyColumns(table), 'o', 's', 'i', 'r', 'd', 'h', 'c'].join(', ');
  return `INSERT OR REPLACE INTO ${table.shadowSql} (${columns}) VALUES ${rows.join(', ')}`;
}
