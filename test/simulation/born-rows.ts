import type { ReplacedRows } from './replaced-rows.js';
import { keyColumnsOf, type SimulatedTable } from './table-design.js';
import type { TableDump } from './table-dump.js';

/** The rows of a table by the token of their birth, which names a row wherever it stands. */
export function rowsByBirth(dump: TableDump): ReadonlyMap<string, readonly string[]> {
  const bornAt = dump.columns.indexOf('born');
  return new Map(dump.rows.map((row) => [row[bornAt] ?? '', row]));
}

/**
 * Rows that stand at the key of another one that stood there before the transaction, or that a statement of it put at the
 * key which another one had by then: births of these by births of those. A replacement may be taken for a change of the row
 * that it replaces.
 */
export function replacedBirths(
  table: SimulatedTable,
  { before, after, steps }: ReplacingWrite,
): ReadonlyMap<string, readonly string[]> {
  if (!before || table.key.kind === 'bag') return new Map();
  const keyOf = (dump: TableDump, row: readonly string[]): string =>
    keyColumnsOf(table)
      .map((column) => row[dump.columns.indexOf(column)])
      .join('\t');
  const was = rowsByBirth(before);
  const birthAt = new Map([...was].map(([birth, row]) => [keyOf(before, row), birth]));
  const replaced = new Map<string, readonly string[]>();
  for (const [birth, row] of rowsByBirth(after)) {
    if (was.has(birth)) continue;
    const former = birthAt.get(keyOf(after, row));
    const formers = [...(former === undefined ? [] : [former]), ...chainOf(birth, steps)];
    if (formers.length > 0) replaced.set(birth, formers);
  }
  return replaced;
}

interface ReplacingWrite {
  readonly before: TableDump | undefined;
  readonly after: TableDump;
  /** What its statements replaced, one by one. */
  readonly steps: Readonly<ReplacedRows>;
}

/** The row that it replaced, the one which that had replaced, and so on. */
function chainOf(birth: string, steps: ReplacedRows): string[] {
  const former = steps.get(birth);
  return former === undefined ? [] : [former, ...chainOf(former, steps)];
}
