/**
 * The state behind the view: living lives with a stamped cell per column, and aliases. Names of lives are unique within
 * a table only, so every map of rows is keyed by `rowKey`.
 */
import type { CellStamp } from './cell-stamp.js';
import { compareLives, lifeText, type LifeName } from './life.js';
import type { CellValue } from './value.js';

export interface Cell {
  readonly value: CellValue;
  readonly at: CellStamp;
}

export interface LifeState {
  readonly table: string;
  readonly life: LifeName;
  /** The row that this life was born into: the life itself, except for revivals and adopted rows. */
  readonly row: LifeName;
  /** Columns by name. A reference that goes by row holds a `RowReference`, or the raw value if it dangled at capture. */
  readonly cells: ReadonlyMap<string, Cell>;
}

/** From now on a row is part of the elder row `to` (rule R6). */
export interface Alias {
  readonly to: LifeName;
  readonly at: CellStamp;
}

/** Names a row (or a life) of one table in maps. */
export type RowKey = string & { readonly __brand: 'RowKey' };
export const rowKey = (table: string, row: LifeName): RowKey => `${lifeText(row)} ${table}` as RowKey;

export type Aliases = ReadonlyMap<RowKey, Alias>;

/** The row that a row is part of by now (rule R3). */
export const rowNow = (aliases: Aliases, table: string, row: LifeName): LifeName =>
  aliases.size === 0 ? row : (aliasChain(aliases, table, row).at(-1) ?? row);

/**
 * A row and the rows that it became part of, one after the other. Only aliases that lead to an elder row count, so the
 * walk ends: renaming a branch may turn the ages of two rows with one stamp, and two servers may then have merged them
 * into each other.
 */
export function aliasChain(aliases: Aliases, table: string, row: LifeName): LifeName[] {
  const chain = [row];
  let last = row;
  for (;;) {
    const alias = aliases.get(rowKey(table, last));
    if (!alias || compareLives(alias.to, last) >= 0) return chain;
    last = alias.to;
    chain.push(last);
  }
}
