import type { CellStamp } from './cell-stamp.js';
import type { LifeName } from './life.js';
import type { CellValue, SqlValue } from './value.js';

/**
 * A page of a replica's state, as a snapshot carries it (rule R9): living lives of one table with all their cells.
 * Column by column like a changeset's blocks: `values[c][i]` is column `columns[c]` of life `i`.
 */
export interface StateBlock {
  readonly table: string;
  readonly keyColumns: readonly string[];
  readonly columns: readonly string[];
  readonly count: number;
  readonly lives: readonly LifeName[];
  /** By position, the row of lives that are not named after it. */
  readonly rows: ReadonlyMap<number, LifeName>;
  /** Per life, the stamp of its cells. */
  readonly stamps: readonly CellStamp[];
  /** Cells whose stamp differs from the life's, by life then column position. */
  readonly cellStamps: ReadonlyMap<number, ReadonlyMap<number, CellStamp>>;
  readonly values: readonly (readonly CellValue[])[];
  /** Per life in the order of `keyColumns` where the sender shows it; null for a life that it does not show. A hint, never identity. */
  readonly keys: readonly (readonly SqlValue[] | null)[];
}

/** The aliases of a table's merged rows (rule R6). */
export interface AliasState {
  readonly table: string;
  readonly from: LifeName;
  readonly to: LifeName;
  readonly at: CellStamp;
}
