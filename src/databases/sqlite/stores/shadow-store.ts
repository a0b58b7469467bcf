import { compareCellStamps, unwrittenStamp, type CellStamp } from '../../../core/cell-stamp.js';
import type { LifeName } from '../../../core/life.js';
import type { Stamp } from '../../../core/stamp.js';
import type { SqlValue } from '../../../core/value.js';
import type { Connection, Statement } from '../connection/driver.js';
import type { OriginStore } from './origin-store.js';
import { bytesAt, integerAt } from '../connection/row-values.js';
import { bytesToExceptions, exceptionsToBytes, readVarint, writeVarint } from './stamp-bytes.js';
import { writeNewShadows, type NewShadows } from './new-shadows.js';
import { createShadowTable, shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';

/** What is known of a shown row. */
export interface Shadow {
  readonly life: LifeName;
  /** The row where it is not named after the life. */
  readonly row: LifeName | null;
  /** Stamp of the row's cells; never weak. */
  readonly at: CellStamp;
  /** The row's hash, 48 bits. */
  readonly hash: number;
  /** A 32-bit hash per column, little-endian, in the order of the layout. Columns that were added since may be missing. */
  readonly columns: Uint8Array;
  /** Cells with another stamp than `at`, by position in the layout. Null in calm weather. */
  readonly exceptions: ReadonlyMap<number, CellStamp> | null;
}

/** The stamp of one cell. A column that came after the row was last written has none of the row's. */
export const stampAt = ({ at, columns, exceptions }: Shadow, position: number): CellStamp =>
  exceptions?.get(position) ?? (position * 4 < columns.length ? at : unwrittenStamp);

/** The exceptions that hold when the shadow gets a hash for each of `width` columns. */
export function exceptionsFor({ columns, exceptions }: Shadow, width: number): Map<number, CellStamp> {
  const all = new Map(exceptions);
  for (let position = columns.length >> 2; position < width; position++)
    if (!all.has(position)) all.set(position, unwrittenStamp);
  return all;
}

/** Stamp and exceptions where most columns were written at once: then the row takes their stamp. Null where they were not. */
export function stampsOfWholeWrite(
  shadow: Shadow,
  written: ReadonlyMap<number, CellStamp>,
  width: number,
): Pick<Shadow, 'at' | 'exceptions'> | null {
  const [first] = written.values();
  if (!first || first.weak || written.size * 2 <= width) return null;
  for (const at of written.values()) if (compareCellStamps(at, first) !== 0) return null;
  const exceptions = new Map<number, CellStamp>();
  for (let position = 0; position < width; position++) {
    const at = stampAt(shadow, position);
    if (!written.has(position) && compareCellStamps(at, first) !== 0) exceptions.set(position, at);
  }
  return { at: first, exceptions: exceptions.size > 0 ? exceptions : null };
}

export type Key = readonly SqlValue[];

export interface KeyedShadow {
  readonly key: Key;
  readonly shadow: Shadow;
}

export interface ShadowStore {
  createTable(table: SyncedTable): void;
  find(table: SyncedTable, key: Key): Shadow | null;
  /** Bags only: their keys are rowids, which nobody else knows. */
  findKeyOfLife(table: SyncedTable, life: LifeName): Key | null;
  put(table: SyncedTable, key: Key, shadow: Shadow): void;
  /** Many at once; a page of changed rows. */
  putAll(table: SyncedTable, rows: readonly KeyedShadow[]): void;
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

const putRows = 20;

export function createShadowStore(connection: Connection, origins: OriginStore): ShadowStore {
  const statementsOf = createStatements(connection);
  const codec = createShadowCodec(origins);
  const store: ShadowStore = {
    createTable(table) {
      for (const sql of createShadowTable(table)) connection.exec(sql);
    },
    find(table, key) {
      const row = statementsOf(table).find.get(...key);
      return row ? store.read(row, 0) : null;
    },
    findKeyOfLife(table, life) {
      const sql = `SELECT ${shadowKeyColumns(table).join(', ')} FROM ${table.shadowSql} WHERE s = ? AND i = ? AND o = ?`;
      const found = connection
        .cached(sql)
        .get(BigInt(life.stamp), BigInt(life.index), BigInt(origins.numberOf(life.origin)));
      return found ?? null;
    },
    put: (table, key, shadow) => store.putAll(table, [{ key, shadow }]),
    putAll(table, rows) {
      const { put } = statementsOf(table);
      for (let start = 0; start < rows.length; start += putRows) {
        const page = rows.length <= putRows ? rows : rows.slice(start, start + putRows);
        const params: SqlValue[] = [];
        for (const { key, shadow } of page) {
          for (const value of key) params.push(value);
          codec.push(params, shadow);
        }
        const statement = put.get(page.length) ?? connection.prepare(putSql(table, page.length));
        put.set(page.length, statement);
        statement.run(...params);
      }
    },
    putMany(table, rows) {
      const { insert } = statementsOf(table);
      const statement = (name: string, sql: () => string): Statement => {
        const known = insert.get(name) ?? connection.prepare(sql());
        insert.set(name, known);
        return known;
      };
      writeNewShadows({ connection, table, rows, statement, rowToBytes: (row) => store.rowToBytes(row) });
    },
    remove(table, key) {
      statementsOf(table).remove.run(...key);
    },
    count: (table) => integerAt(connection.cached(`SELECT count(*) FROM ${table.shadowSql}`).get() ?? [0n], 0),
    ...codec,
  };
  return store;
}

type ShadowCodec = Pick<ShadowStore, 'read' | 'rowToBytes' | 'bytesToRow'> & {
  /** The values of a shadow behind its key, as parameters. */
  push(params: SqlValue[], shadow: Shadow): void;
};

function createShadowCodec(origins: OriginStore): ShadowCodec {
  const codec: ShadowCodec = {
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
    push(params, { life, row, at, hash, columns, exceptions }) {
      params.push(
        origins.numberOf(life.origin),
        life.stamp,
        life.index,
        row ? codec.rowToBytes(row) : null,
        at.stamp === life.stamp ? null : at.stamp - life.stamp,
        at.origin === life.origin ? null : origins.numberOf(at.origin),
        hash,
        columns,
        exceptionsToBytes(exceptions, origins),
      );
    },
    bytesToRow: (bytes) => bytesToRowName(bytes, origins),
    rowToBytes(row) {
      const bytes: number[] = [];
      writeVarint(bytes, origins.numberOf(row.origin));
      writeVarint(bytes, row.stamp);
      writeVarint(bytes, row.index);
      return new Uint8Array(bytes);
    },
  };
  return codec;
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

/** Statements by table: texts of many rows are long, so even finding them by text would cost. */
interface TableStatements {
  readonly find: Statement;
  readonly remove: Statement;
  readonly put: Map<number, Statement>;
  readonly insert: Map<string, Statement>;
}

function createStatements(connection: Connection): (table: SyncedTable) => TableStatements {
  const byTable = new WeakMap<SyncedTable, TableStatements>();
  return (table) => {
    const known = byTable.get(table);
    if (known) return known;
    const made: TableStatements = {
      find: connection.prepare(`SELECT ${shadowColumns('s')} FROM ${table.shadowSql} s WHERE ${byKey(table)}`),
      remove: connection.prepare(`DELETE FROM ${table.shadowSql} WHERE ${byKey(table)}`),
      put: new Map(),
      insert: new Map(),
    };
    byTable.set(table, made);
    return made;
  };
}

const valueColumns = ['o', 's', 'i', 'r', 'd', 'b', 'h', 'c', 'x'];

/** OR REPLACE on one's own table without triggers: one search instead of the two of an UPSERT. */
function putSql(table: SyncedTable, rowCount: number): string {
  const columns = [...shadowKeyColumns(table), ...valueColumns];
  const row = `(${columns.map(() => '?').join(', ')})`;
  const rows = Array.from({ length: rowCount }, () => row).join(', ');
  return `INSERT OR REPLACE INTO ${table.shadowSql} (${columns.join(', ')}) VALUES ${rows}`;
}
