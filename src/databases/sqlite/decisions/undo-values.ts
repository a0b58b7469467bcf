/** Values as they are shown now, and the values that an undo writes. */
import type { Cell } from '../../../core/life-state.js';
import { lifeText, type LifeName } from '../../../core/life.js';
import { SyncError } from '../../../core/sync-error.js';
import { RowReference, type SqlValue } from '../../../core/value.js';
import { quoteName } from '../connection/identifiers.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Key } from '../stores/shadow-store.js';
import { valueLiteral } from '../stores/value-literal.js';
import { cellText, keyOfReference } from './conflict-records.js';

/** Rows that come back with this plan. */
export interface Returning {
  /** Their numbers, by table and row: children of theirs come back with them. */
  readonly rows: Map<string, bigint>;
  /** The tables and keys that they take. */
  readonly keys: Set<string>;
}

export const rowKey = (table: string, row: LifeName): string => `${table} ${lifeText(row)}`;

/** A cell as people read it; references as the numbers that they show. */
export const textOfCell = (
  context: ReplicaContext,
  table: SyncedTable,
  column: string,
  cell: Cell | undefined,
): string => cellText(context, { table: table.name, column }, cell?.value ?? null);

/** The values to write, references as the numbers of today; `missing` says which referenced row is not here. */
export function valuesOf(
  context: ReplicaContext,
  table: SyncedTable,
  cells: ReadonlyMap<string, Cell | undefined>,
  returning?: Returning,
): { readonly values: [string, SqlValue][]; readonly missing: string | null } {
  const values: [string, SqlValue][] = [];
  const numberOf: typeof keyOfReference = (of, place, reference) => {
    const parent = table.schema.references.find(({ columns }) => columns[0] === place.column)?.parentTable ?? '';
    return keyOfReference(of, place, reference) ?? returning?.rows.get(rowKey(parent, reference.row)) ?? null;
  };
  let missing: string | null = null;
  for (const [column, cell] of cells) {
    if (!table.positionByColumn.has(column)) continue;
    const value = cell?.value ?? null;
    const plain = value instanceof RowReference ? numberOf(context, { table: table.name, column }, value) : value;
    if (plain === null && value !== null) missing = `the row that ${column} refers to is not here`;
    values.push([column, plain]);
  }
  return { values, missing };
}

/** What the row shows now, by column. */
export function shownValues({ connection }: ReplicaContext, table: SyncedTable, key: Key): Map<string, SqlValue> {
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  const columns = table.layout.map(quoteName).join(', ');
  const row = connection.cached(`SELECT ${columns} FROM ${table.sql} WHERE ${where}`).getExact(...key) ?? [];
  return new Map(table.layout.map((column, position) => [column, row[position] ?? null]));
}

/** What is written, and to which row: for a person, if the table refuses it. */
export interface RowWrite {
  readonly key: Key;
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** Throws USYNC-1801 when the table refuses it. */
export function writeRow({ connection }: ReplicaContext, table: SyncedTable, { key, sql, values }: RowWrite): void {
  try {
    connection.cached(sql).run(...values);
  } catch (error) {
    if (!(error instanceof ConstraintFailure)) throw error;
    const row = `row ${key.map((value) => valueLiteral(value)).join(', ')}`;
    throw new SyncError('USYNC-1801', `Nothing was taken back: table ${table.name} refuses ${row}: ${error.message}.`);
  }
}
