import type { Stamp } from '../../../core/stamp.js';
import type { SqlValue } from '../../../core/value.js';
import { createColumnReader, type ColumnPage } from '../connection/column-reader.js';
import { batchSize, type ComparisonBatch } from './comparison-batch.js';
import { endOfPage } from './row-bytes.js';
import type { DrainSink } from './drain-sink.js';
import type { OwnChangeset } from './own-changeset.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Key } from '../stores/shadow-store.js';
import { stampOfMs } from '../../../core/stamp.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** One table of one comparison: which keys, and where what is found goes. Shared by drain, reconcile and founding. */
export interface Comparison {
  readonly context: ReplicaContext;
  readonly table: SyncedTable;
  readonly batch: ComparisonBatch;
  readonly changeset: OwnChangeset;
  readonly sink: DrainSink;
  /**
   * `genesis`: rows that were found, not written: they get names made from their keys (rule R10). `migration`: rows that came
   * with a change of the schema: names made from key and content, since every server may run the same migration.
   */
  readonly naming: 'life' | 'genesis' | 'migration';
  /** Tables of the application are others than at the last drain. */
  readonly isMigration: boolean;
  /** Rows whose key was changed, by the text of the new key: the key that peers know. Empty nearly always. */
  readonly oldKeys: ReadonlyMap<string, Key>;
  /** Keys that such rows took from rows that ended by it. */
  readonly takenKeys: readonly Key[];
  /** Bags with genesis names: which row of this content it is, from 0; counts on with each call. */
  occurrenceOf(hash: number): bigint;
}

/** Rows read at once. Of many, the first page only shows what the columns hold. */
const pageRows = 2000;
const firstPageRows = 200;

/** The stamp of a cell written at `timeMs`: not above the changeset's, which is also taken when nobody knows. */
export const writtenAt = (changeset: OwnChangeset, timeMs: SqlValue | undefined): Stamp =>
  typeof timeMs === 'bigint' ? (Math.min(stampOfMs(Number(timeMs)), changeset.stamp) as Stamp) : changeset.stamp;

/** Runs `take` with the rows of each page of the batch. `sql` has two parameters: the numbers of its first and last key. */
export function eachPage(
  { context, table, batch }: Comparison,
  sql: string,
  options: { readonly params?: readonly SqlValue[]; readonly take: (rows: SqlValue[][]) => void },
): void {
  const statement = context.connection.cached(sql);
  for (let first = batch.first; first <= batch.last;) {
    const last = endOfPage(context, table, { first, last: Math.min(first + pageRows - 1, batch.last) });
    const rows = statement.allExact(BigInt(first), BigInt(last), ...(options.params ?? []));
    if (rows.length > 0) options.take(rows);
    first = last + 1;
  }
}

/** The same column by column. `from` has the two parameters, and its rows are in the order of the keys: that of `b.n`. */
export function eachColumnPage(
  { context, table, batch }: Comparison,
  { columns, from }: { readonly columns: readonly string[]; readonly from: string },
  options: { readonly params?: readonly SqlValue[]; readonly take: (page: ColumnPage) => void },
): void {
  const reader = createColumnReader(context.connection, { columns, from, order: 'b.n' });
  // What fits one page is read at once: to learn what its columns hold would cost more than it saves.
  const firstRows = batchSize(batch) > pageRows ? firstPageRows : pageRows;
  for (let first = batch.first; first <= batch.last;) {
    const most = first === batch.first ? firstRows : pageRows;
    const last = endOfPage(context, table, { first, last: Math.min(first + most - 1, batch.last) });
    const page = reader.read([BigInt(first), BigInt(last), ...(options.params ?? [])], last - first + 1);
    if (page.count > 0) options.take(page);
    first = last + 1;
  }
}
