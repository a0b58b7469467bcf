import { keyColumnsOf, type SimulatedTable } from './table-design.js';
import type { TableDump } from './table-dump.js';

/** The rows of a table by the token of their birth, which names a row wherever it stands. */
export function rowsByBirth(dump: TableDump): ReadonlyMap<string, readonly string[]> {
  const bornAt = dump.columns.indexOf('born');
  return new Map(dump.rows.map((row) => [row[bornAt] ?? '', row]));
}

/**
 * Rows that stand at the key of another one that stood there before the transaction: births of these by births of those.
 * A replacement may be taken for a change of the row that it replaces.
 */
export function replacedBirths(
  table: SimulatedTable,
  before: TableDump | undefined,
  after: TableDump,
): ReadonlyMap<string, string> {
  if (!before || table.key.kind === 'bag') return new Map();
  const keyOf = (dump: TableDump, row: readonly string[]): string =>
    keyColumnsOf(table)
      .map((column) => row[dump.columns.indexOf(column)])
      .join('\t');
  const was = rowsByBirth(before);
  const birthAt = new Map([...was].map(([birth, row]) => [keyOf(before, row), birth]));
  const replaced = new Map<string, string>();
  for (const [birth, row] of rowsByBirth(after)) {
    const former = was.has(birth) ? undefined : birthAt.get(keyOf(after, row));
    if (former !== undefined) replaced.set(birth, former);
  }
  return replaced;
}
