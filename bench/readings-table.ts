import type { Connection } from '../src/databases/sqlite/connection/driver.js';

/** The table of the benchmarks: 8 columns, about 210 bytes a row, no secondary unique. */
export const readingsSchema =
  'CREATE TABLE readings (id INTEGER PRIMARY KEY, device TEXT, kind TEXT, place TEXT, value REAL, count INTEGER, note TEXT, payload BLOB)';

const insertSql = 'INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)';
const note = 'the quick brown fox jumps over the lazy dog and runs on ';

export type Reading = [bigint, string, string, string, number, bigint, string, Uint8Array];

export const readingOf = (id: number): Reading => [
  BigInt(id),
  `device-${id % 997}`,
  ['temperature', 'pressure', 'humidity'][id % 3] ?? '',
  `hall ${id % 31}, shelf ${id % 101}`,
  id / 7,
  BigInt(Math.imul(id, 2654435761) >>> 0),
  `${note}${id.toString(36)}`,
  Uint8Array.from({ length: 40 }, (_, at) => (id * 31 + at * 17) & 255),
];

export const readingsOf = (from: number, count: number): Reading[] =>
  Array.from({ length: count }, (_, at) => readingOf(from + at));

/** Inserts rows `from` to `from + count - 1` in one transaction. Rows are made before the clock starts. Returns wall ms. */
export function insertReadings(connection: Connection, from: number, count: number): number {
  const rows = readingsOf(from, count);
  const startedAt = performance.now();
  insertRows(connection, rows);
  return performance.now() - startedAt;
}

export function insertRows(connection: Connection, rows: readonly Reading[]): void {
  const insert = connection.cached(insertSql);
  connection.exec('BEGIN IMMEDIATE');
  for (const row of rows) insert.run(...row);
  connection.exec('COMMIT');
}
