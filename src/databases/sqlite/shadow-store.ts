import type { CellStamp } from '../../core/cell-stamp.js';
import type { LifeName } from '../../core/life.js';
import type { Stamp } from '../../core/stamp.js';
import type { SqlValue } from '../../core/value.js';
import type { Connection, Statement } from './driver.js';
import type { OriginStore } from './origin-store.js';
import { bytesAt, integerAt } from './row-values.js';
import { bytesToExceptions, exceptionsToBytes, readVarint, writeVarint } from './stamp-bytes.js';
import { createShadowTable, shadowKeyColumns, type SyncedTable } from './synced-table.js';

/** What is known of a shown row. */
export interface Shadow {
  readonly life: LifeName;
  /** The row where it is not named after the life. */
  readonly row: LifeName | null;
  /** Stamp of the row's cells; never weak. */
  readonly at: CellStamp;
  /** The row's hash, 48 bits. */
  readonly hash: number;
  /** A 32-bit hash per column, little-endian, in the order of the layout. */
  readonly columns: Uint8Array;
  /** Cells with another stamp than `at`, by position in the layout. Null in calm weather. */
  readonly exceptions: ReadonlyMap<number, CellStamp> | null;
}

export type Key = readonly SqlValue[];

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

export interface ShadowStore {
  createTable(table: SyncedTable): void;
  find(table: SyncedTable, key: Key): Shadow | null;
  /** Bags only: their keys are rowids, which nobody else knows. */
  findKeyOfLife(table: SyncedTable, life: LifeName): Key | null;
  put(table: SyncedTable, key: Key, shadow: Shadow): void;
  putMany(table: SyncedTable, rows: NewShadows): void;
  remove(table: SyncedTable, key: Key): void;
  count(table: SyncedTable): number;
  /** Reads the columns of `shadowColumns` that begin at `position` of a joined row. */
  read(row: readonly SqlValue[], position: number): Shadow;
  rowToBytes(row: LifeName): Uint8Array;
  bytesToRow(bytes: Uint8Array): LifeName;
}

/** The columns of a shadow as `read` wants them, with an alias. */
export const shadowColumns = (alias: string): string =>
  ['o', 's', 'i', 'r', 'd', 'b', 'h', 'c', 'x'].map((column) => `${alias}.${column}`).join(', ');
export const shadowColumnCount = 9;

const bulkRows = 32;

export function createShadowStore(connection: Connection, origins: OriginStore): ShadowStore {
  const store: ShadowStore = {
    createTable(table) {
      for (const sql of createShadowTable(table)) connection.exec(sql);
    },
    find(table, key) {
      const row = connection
        .cached(`SELECT ${shadowColumns('s')} FROM ${table.shadowSql} s WHERE ${byKey(table)}`)
        .get(...key);
      return row ? store.read(row, 0) : null;
    },
    findKeyOfLife(table, life) {
      const sql = `SELECT ${shadowKeyColumns(table).join(', ')} FROM ${table.shadowSql} WHERE s = ? AND i = ? AND o = ?`;
      const found = connection
        .cached(sql)
        .get(BigInt(life.stamp), BigInt(life.index), BigInt(origins.numberOf(life.origin)));
      return found ?? null;
    },
    put(table, key, shadow) {
      upsertOf(connection, table).run(...key, ...paramsOf(shadow, origins));
    },
    putMany(table, rows) {
      writeMany(connection, table, rows, store.rowToBytes);
    },
    remove(table, key) {
      connection.cached(`DELETE FROM ${table.shadowSql} WHERE ${byKey(table)}`).run(...key);
    },
    count: (table) => integerAt(connection.cached(`SELECT count(*) FROM ${table.shadowSql}`).get() ?? [0n], 0),
    read(row, position) {
      const life = {
        origin: origins.originOf(integerAt(row, position)),
        stamp: integerAt(row, position + 1) as Stamp,
        index: integerAt(row, position + 2),
      };
      const delta = row[position + 4] === null ? 0 : integerAt(row, position + 4);
      const by = row[position + 5] === null ? life.origin : origins.originOf(integerAt(row, position + 5));
      return {
        life,
        row: row[position + 3] === null ? null : bytesToRowName(bytesAt(row, position + 3), origins),
        at: { stamp: (life.stamp + delta) as Stamp, origin: by },
        hash: integerAt(row, position + 6),
        columns: bytesAt(row, position + 7),
        exceptions: row[position + 8] === null ? null : bytesToExceptions(bytesAt(row, position + 8), origins),
      };
    },
    bytesToRow: (bytes) => bytesToRowName(bytes, origins),
    rowToBytes(row) {
      const bytes: number[] = [];
      writeVarint(bytes, origins.numberOf(row.origin));
      writeVarint(bytes, row.stamp);
      writeVarint(bytes, row.index);
      return Uint8Array.from(bytes);
    },
  };
  return store;

  function paramsOf(shadow: Shadow, known: OriginStore): SqlValue[] {
    const { life, row, at } = shadow;
    return [
      BigInt(known.numberOf(life.origin)),
      BigInt(life.stamp),
      BigInt(life.index),
      row ? store.rowToBytes(row) : null,
      at.stamp === life.stamp ? null : BigInt(at.stamp - life.stamp),
      at.origin === life.origin ? null : BigInt(known.numberOf(at.origin)),
      BigInt(shadow.hash),
      shadow.columns,
      exceptionsToBytes(shadow.exceptions, known),
    ];
  }
}

const byKey = (table: SyncedTable): string =>
  shadowKeyColumns(table)
    .map((column) => `${column} = ?`)
    .join(' AND ');

export function bytesToRowName(bytes: Uint8Array, origins: OriginStore): LifeName {
  const cursor = { bytes, offset: 0 };
  const origin = origins.originOf(readVarint(cursor));
  const stamp = readVarint(cursor) as Stamp;
  return { origin, stamp, index: readVarint(cursor) };
}

const valueColumns = ['o', 's', 'i', 'r', 'd', 'b', 'h', 'c', 'x'];

function upsertOf(connection: Connection, table: SyncedTable): Statement {
  const keys = shadowKeyColumns(table);
  const marks = Array(keys.length + valueColumns.length)
    .fill('?')
    .join(', ');
  // OR REPLACE on one's own table without triggers: one search instead of the two of an UPSERT.
  return connection.cached(
    `INSERT OR REPLACE INTO ${table.shadowSql} (${[...keys, ...valueColumns].join(', ')}) VALUES (${marks})`,
  );
}

/**
 * Parameters 1 to 3 are shared: origin, stamp, and the column hashes of all rows in one blob. Per row: key, index, time
 * difference, row name, hash. Numbers are bound as reals, which INTEGER columns take back exactly.
 */
function bulkInsert(connection: Connection, table: SyncedTable, rowCount: number, hasNames: boolean): Statement {
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
  return connection.cached(`INSERT OR REPLACE INTO ${table.shadowSql} (${columns}) VALUES ${rows.join(', ')}`);
}

function writeMany(
  connection: Connection,
  table: SyncedTable,
  rows: NewShadows,
  rowToBytes: (row: LifeName) => Uint8Array,
): void {
  const width = table.layout.length * 4;
  const hasNames = rows.rows.size > 0;
  const [origin, stamp] = [BigInt(rows.origin), BigInt(rows.stamp)];
  for (let start = 0; start < rows.count; start += bulkRows) {
    const rowCount = Math.min(bulkRows, rows.count - start);
    const params: SqlValue[] = [origin, stamp, rows.columns.subarray(start * width, (start + rowCount) * width)];
    for (let n = start; n < start + rowCount; n++) {
      for (const column of rows.keys) params.push(column[n] ?? null);
      const delta = (rows.times[n] ?? 0) - rows.stamp;
      params.push(rows.indexes[n] ?? 0, delta === 0 ? null : delta, rows.hashes[n] ?? 0);
      if (hasNames) {
        const name = rows.rows.get(n);
        params.push(name ? rowToBytes(name) : null);
      }
    }
    bulkInsert(connection, table, rowCount, hasNames).run(...params);
  }
}
