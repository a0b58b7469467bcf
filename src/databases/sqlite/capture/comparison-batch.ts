import type { SqlValue } from '../../../core/value.js';
import type { Connection } from '../connection/driver.js';
import { noteKind } from './note-kind.js';
import type { NoteRange } from './note-store.js';
import { integerAt } from '../connection/row-values.js';
import { shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';

/**
 * The keys of one table that are to be compared, in key order, numbered without holes: `_usync_batch` in the temporary
 * database, so that it costs no lock and may be large. `t` is the time of the write in unix milliseconds, null when
 * nobody knows; `d` is 1 when the row was deleted in between, so that a row that stands there now is another one.
 */
export interface ComparisonBatch {
  readonly first: number;
  readonly last: number;
}

export const emptyBatch: ComparisonBatch = { first: 1, last: 0 };
export const batchSize = (batch: ComparisonBatch): number => batch.last - batch.first + 1;

/** Makes room for keys of `keyColumns` columns and forgets what an earlier comparison left. */
export function clearBatches(connection: Connection, keyColumns: number): void {
  const present = connection.cached(`SELECT count(*) FROM pragma_table_info('_usync_batch', 'temp')`).get();
  const columns = integerAt(present ?? [0n], 0) - 3;
  if (columns < keyColumns) {
    connection.exec('DROP TABLE IF EXISTS temp._usync_batch');
    const keys = Array.from({ length: Math.max(keyColumns, 4) }, (_, i) => `k${i + 1}`).join(', ');
    connection.exec(`CREATE TEMP TABLE _usync_batch (n INTEGER PRIMARY KEY, t INTEGER, d INTEGER, ${keys})`);
  } else connection.cached('DELETE FROM temp._usync_batch').run();
}

/**
 * The keys that notes name; with `leavesOld` not those of rows that were there before capture and have no shadow yet, unless
 * they stand where they did not: adopting them may have passed that place.
 * Rows with NULL in the key are not synced.
 */
export function batchOfNotes(connection: Connection, table: SyncedTable, noted: Noted): ComparisonBatch {
  const { range, leavesOld } = noted;
  if (isOneRun(connection, table, noted)) return batchOfRun(connection, table, range);
  const keys = shadowKeyColumns(table);
  const grouped = keys.map((key, i) => `note.${key}${collationOf(table, i)}`).join(', ');
  const notNull = keys.map((key) => `note.${key} IS NOT NULL`).join(' AND ');
  const isKnown = `EXISTS (SELECT 1 FROM ${table.shadowSql} s WHERE ${keys.map((key) => `s.${key} = note.${key}`).join(' AND ')})`;
  return filled(connection, () =>
    connection
      .cached(
        `INSERT INTO temp._usync_batch (t, d, ${keys.join(', ')})
         SELECT max(time), max(op = ${noteKind.delete}), ${keys.map((key) => `note.${key}`).join(', ')}
         FROM main._usync_notes note WHERE seq > ? AND seq <= ? AND tbl = ? AND ${notNull} GROUP BY ${grouped}
         ${leavesOld ? `HAVING max(op IN (${noteKind.insert}, ${noteKind.movedTo})) OR ${isKnown}` : ''}`,
      )
      .run(BigInt(range.after), BigInt(range.upTo), BigInt(table.number)),
  );
}

interface Noted {
  readonly range: NoteRange;
  readonly leavesOld: boolean;
  /** Which kinds of notes there are of this table. */
  readonly kinds: ReadonlySet<number>;
}

/** Fewer notes are sorted before it is known that they need not be. */
const runNotesMin = 1000;

/** Whether the notes are only of inserted rows whose keys go up by one: then each key is there once, and in order. */
function isOneRun(connection: Connection, table: SyncedTable, { range, kinds }: Noted): boolean {
  if (!table.isRowidKey || range.upTo - range.after < runNotesMin) return false;
  if (kinds.size !== 1 || !kinds.has(noteKind.insert)) return false;
  const [least, most, integers, all] =
    connection
      .cached(
        `SELECT min(k1 - seq), max(k1 - seq), count(CASE typeof(k1) WHEN 'integer' THEN 1 END), count(*)
         FROM main._usync_notes WHERE seq > ? AND seq <= ? AND tbl = ?`,
      )
      .get(BigInt(range.after), BigInt(range.upTo), BigInt(table.number)) ?? [];
  return typeof least === 'bigint' && least === most && integers === all;
}

const batchOfRun = (connection: Connection, table: SyncedTable, { after, upTo }: NoteRange): ComparisonBatch =>
  filled(connection, () =>
    connection
      .cached(
        `INSERT INTO temp._usync_batch (t, d, k1) SELECT time, 0, k1 FROM main._usync_notes
         WHERE seq > ? AND seq <= ? AND tbl = ? ORDER BY seq`,
      )
      .run(BigInt(after), BigInt(upTo), BigInt(table.number)),
  );

/** Every key that the table or its shadows hold or that notes name: all that could have been written. */
export function batchOfTable(connection: Connection, table: SyncedTable, range: NoteRange): ComparisonBatch {
  const keys = shadowKeyColumns(table);
  const named = (columns: readonly string[]): string => columns.map((column) => `${column} IS NOT NULL`).join(' AND ');
  const grouped = keys.map((key, i) => `${key}${collationOf(table, i)}`).join(', ');
  return filled(connection, () =>
    connection
      .cached(
        `INSERT INTO temp._usync_batch (t, d, ${keys.join(', ')})
         SELECT max(t), max(d), ${keys.join(', ')} FROM (
           SELECT NULL AS t, 0 AS d, ${table.keySql.map((key, i) => `${key} AS k${i + 1}`).join(', ')} FROM ${table.sql}
           UNION ALL SELECT NULL, 0, ${keys.join(', ')} FROM ${table.shadowSql}
           UNION ALL SELECT time, op = ${noteKind.delete}, ${keys.join(', ')} FROM main._usync_notes
             WHERE seq > ? AND seq <= ? AND tbl = ?)
         WHERE ${named(keys)} GROUP BY ${grouped} ORDER BY ${grouped}`,
      )
      .run(BigInt(range.after), BigInt(range.upTo), BigInt(table.number)),
  );
}

/** Every key from `after` on (null: from the start) that the table or its shadows hold, at most about `count`. */
export function batchOfSlice(
  connection: Connection,
  table: SyncedTable,
  slice: { readonly after: readonly SqlValue[] | null; readonly count: number },
): { readonly batch: ComparisonBatch; readonly last: readonly SqlValue[] | null } {
  const keys = shadowKeyColumns(table);
  const { after, count } = slice;
  const side = (from: string, columns: readonly string[]): string => {
    const isFar = after === null ? [] : [`(${columns.join(', ')}) > (${keys.map((_, i) => `?${i + 1}`).join(', ')})`];
    const isNamed = table.isRowidKey ? [] : columns.map((column) => `${column} IS NOT NULL`);
    const conditions = [...isFar, ...isNamed].join(' AND ');
    const position = conditions === '' ? '' : `WHERE ${conditions}`;
    const order = columns.join(', ');
    return `SELECT * FROM (SELECT ${columns.map((column, i) => `${column} AS k${i + 1}`).join(', ')} FROM ${from}
      ${position} ORDER BY ${order} LIMIT ${count})`;
  };
  const rows = side(table.sql, table.keySql);
  const shadows = side(table.shadowSql, keys);
  const order = keys.map((key, i) => `${key}${collationOf(table, i)}`).join(', ');
  const notNull = keys.map((key) => `${key} IS NOT NULL`).join(' AND ');
  const batch = filled(connection, () =>
    connection
      .cached(
        `INSERT INTO temp._usync_batch (t, d, ${keys.join(', ')}) SELECT NULL, 0, ${keys.join(', ')}
         FROM (${rows} UNION ALL ${shadows}) WHERE ${notNull} GROUP BY ${order} ORDER BY ${order} LIMIT ${count}`,
      )
      .run(...(after ?? [])),
  );
  if (batchSize(batch) === 0) return { batch, last: null };
  const last = connection
    .cached(`SELECT ${keys.join(', ')} FROM temp._usync_batch WHERE n = ?`)
    .getExact(BigInt(batch.last));
  return { batch, last: last ?? null };
}

function filled(connection: Connection, fill: () => void): ComparisonBatch {
  const top = (): number =>
    integerAt(connection.cached('SELECT coalesce(max(n), 0) FROM temp._usync_batch').get() ?? [0n], 0);
  const before = top();
  fill();
  return { first: before + 1, last: top() };
}

const collationOf = (table: SyncedTable, part: number): string => {
  const collation = table.isRowidKey ? undefined : table.form.key[part]?.collation;
  return collation === undefined || collation === 'BINARY' ? '' : ` COLLATE ${collation}`;
};
