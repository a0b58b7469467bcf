import { createRowHasher, type ColumnHashes } from '../../../core/row-hash.js';
import type { SqlValue } from '../../../core/value.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** Hashes rows of one table and says which columns differ from what a shadow remembers. Allocates only results. */
export interface RowComparison {
  /** The row's hash; the columns' hashes are in `columnHashes` until the next call. Values in the order of the layout. */
  hash(values: ArrayLike<SqlValue>): number;
  readonly columnHashes: Uint32Array;
  /** Positions in the layout whose hash, as of the last `hash`, is not the one that is remembered. */
  changedSince(remembered: Uint8Array): number[];
  /** The last hashes in the form that shadows keep. */
  bytes(): Uint8Array;
  /** Hashes of many rows, column by column. */
  hashColumns(columns: readonly (readonly SqlValue[] | null)[], count: number): ColumnHashes;
}

export function createRowComparison(table: SyncedTable): RowComparison {
  const hasher = createRowHasher(table.layout);
  const columnCount = table.layout.length;
  const columnHashes = new Uint32Array(columnCount);
  const bytesOfHashes = new Uint8Array(columnHashes.buffer);
  return {
    columnHashes,
    hash: (values) => hasher.hash(values, columnHashes),
    changedSince(remembered) {
      const changed: number[] = [];
      const view = new DataView(remembered.buffer, remembered.byteOffset, remembered.length);
      for (let position = 0; position < columnCount; position++) {
        const before = position * 4 < remembered.length ? view.getUint32(position * 4, true) : 0;
        if (before !== columnHashes[position]) changed.push(position);
      }
      return changed;
    },
    bytes: () => bytesOfHashes.slice(),
    hashColumns: (columns, count) => hasher.hashColumns(columns, count),
  };
}
