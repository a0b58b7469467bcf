import type { SyncedTable } from '../schema/synced-table.js';

/** Rows here that have a number of a row of the group and are other rows: both stand, under two numbers. */
export interface RowsApart {
  /** By table, the highest number whose rows are the same. What differs above it is judged row by row. */
  readonly above: ReadonlyMap<string, bigint>;
  /** Tables whose rows with equal numbers are others, all of them. */
  readonly strange: ReadonlySet<string>;
}

export const noRowsApart: RowsApart = { above: new Map(), strange: new Set() };

/** What a landing remembers, in JSON. */
export type StoredRowsApart = {
  readonly above: readonly (readonly [string, string])[];
  readonly strange: readonly string[];
};

export const storedRowsApart = ({ above, strange }: RowsApart): StoredRowsApart => ({
  above: [...above].map(([table, number]) => [table, String(number)]),
  strange: [...strange],
});

export const readRowsApart = ({ above, strange }: StoredRowsApart): RowsApart => ({
  above: new Map(above.map(([table, number]) => [table, BigInt(number)])),
  strange: new Set(strange),
});

export const isAbove = ({ above }: RowsApart, table: SyncedTable, number: unknown): boolean => {
  const common = above.get(table.name);
  return common !== undefined && typeof number === 'bigint' && number > common;
};
