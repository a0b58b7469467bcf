import type { Connection } from '../src/databases/sqlite/connection/driver.js';

/** Eight columns, about 210 bytes a row, no secondary index. */
export const sampleSchema = `CREATE TABLE sample (
  id INTEGER PRIMARY KEY, name TEXT, title TEXT, body TEXT, price REAL, amount INTEGER, tag TEXT, bytes BLOB)`;

const text = 'lorem ipsum dolor sit amet consectetur ';
const bytes = new Uint8Array(32).fill(7);

export const insertSql = 'INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?)';

/** Inserts rows `from` to `to`; the caller holds the transaction, if there is one. */
export function insertSamples(connection: Connection, from: number, to: number, sql = insertSql): void {
  const statement = connection.cached(sql);
  for (let id = from; id <= to; id++)
    statement.run(BigInt(id), `name ${id}`, text, `${text}${id}`, id * 1.5, BigInt(id * 7), text, bytes);
}
