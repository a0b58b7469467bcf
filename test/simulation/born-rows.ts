import type { TableDump } from './table-dump.js';

/** The rows of a table by the token of their birth, which names a row wherever it stands. */
export function rowsByBirth(dump: TableDump): ReadonlyMap<string, readonly string[]> {
  const bornAt = dump.columns.indexOf('born');
  return new Map(dump.rows.map((row) => [row[bornAt] ?? '', row]));
}
