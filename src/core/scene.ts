import { keyText } from './key-text.js';
import type { LifeName } from './life.js';
import { rowKey, rowNow, type Aliases, type LifeState, type RowKey } from './life-state.js';
import { joinRows, type RowDraft } from './row-draft.js';
import { planSchema } from './schema-plan.js';
import { collationsOf, type ReferencePlan, type TablePlan } from './table-plan.js';
import type { Collation, TableSchema } from './table-schema.js';
import { RowReference, type SqlValue } from './value.js';

/**
 * What is asked of the world outside of a component: rows that clash with nothing, so that they are visible with the
 * values that their tables show. A whole state needs none of this: see `emptySurroundings`.
 */
export interface Surroundings {
  /** Whether a row outside shows this number as its key. Asked for substitutes only. */
  isNumberTaken(table: string, number: bigint): boolean;
  /** The key values that a row outside shows; null when there is no such row: it has ended. */
  keyOfRow(table: string, row: LifeName): readonly SqlValue[] | null;
  /** Whether a row outside shows these values in these columns: a parent that is referenced by value. */
  isShown(table: string, columns: readonly string[], values: readonly SqlValue[]): boolean;
  /**
   * What a unique index that is not plain compares of a row that shows these values. Null: the row is none of the index's,
   * or this server cannot tell. By the values alone, so that it is the same on every server with the same schema.
   */
  computedUnique(table: string, unique: string, values: ReadonlyMap<string, SqlValue>): readonly SqlValue[] | null;
  /** A column's default, for SET DEFAULT; null when it has none or it is an expression. */
  defaultOf(table: string, column: string): SqlValue;
}

export const emptySurroundings: Surroundings = {
  isNumberTaken: () => false,
  keyOfRow: () => null,
  isShown: () => false,
  computedUnique: () => null,
  defaultOf: () => null,
};

export interface Component {
  /** All tables that the rows belong to or reference. */
  readonly schema: readonly TableSchema[];
  /** All lives of the rows that could influence each other. */
  readonly lives: Iterable<LifeState>;
  readonly aliases: Aliases;
  readonly surroundings?: Surroundings;
}

/** What a reference by row means at present. */
export type Parent =
  | { readonly kind: 'row'; readonly row: RowDraft }
  | { readonly kind: 'outside'; readonly key: readonly SqlValue[] }
  | { readonly kind: 'dead' };

/** A component while its view is worked out. */
export interface Scene {
  readonly surroundings: Surroundings;
  planOf(table: string): TablePlan;
  /** Elder first. */
  rowsOf(table: string): readonly RowDraft[];
  find(table: string, row: LifeName): RowDraft | undefined;
  rowNow(reference: ReferencePlan | undefined, value: RowReference): LifeName;
  parentOf(reference: ReferencePlan, value: RowReference): Parent;
  /** The living rows whose cells hold the key that a reference by value names, shown or not. */
  claimantsOf(reference: ReferencePlan, row: RowDraft): readonly RowDraft[];
}

const dead: Parent = { kind: 'dead' };

export function createScene({ schema, lives, aliases, surroundings = emptySurroundings }: Component): Scene {
  const { plans } = planSchema(schema);
  const rowsByTable = joinRows(lives, aliases, schema);
  const rows = new Map<RowKey, RowDraft>();
  for (const drafts of rowsByTable.values()) for (const draft of drafts) rows.set(draft.rowKey, draft);
  const claims = new Map<ReferencePlan, Map<string, RowDraft[]>>();
  const find = (table: string, row: LifeName): RowDraft | undefined => rows.get(rowKey(table, row));

  const planOf = (table: string): TablePlan => {
    const plan = plans.get(table);
    if (!plan) throw new Error(`no schema of table ${table}`);
    return plan;
  };

  return {
    surroundings,
    planOf,
    rowsOf: (table) => rowsByTable.get(table) ?? [],
    find: (table, row) => find(table, rowNow(aliases, table, row)),
    rowNow: (reference, value) => rowNow(aliases, reference?.parentTable ?? '', value.row),
    parentOf: (reference, value) => {
      const now = rowNow(aliases, reference.parentTable, value.row);
      const row = find(reference.parentTable, now);
      if (row) return { kind: 'row', row };
      const key = surroundings.keyOfRow(reference.parentTable, now);
      return key ? { kind: 'outside', key } : dead;
    },
    claimantsOf: (reference, row) => {
      const parent = plans.get(reference.parentTable);
      if (!parent) return [];
      const collations = collationsOf(parent.schema, reference.schema.parentColumns);
      const place = placeOf(row, reference.schema.columns, collations);
      if (place === null) return [];
      let byPlace = claims.get(reference);
      if (!byPlace) {
        byPlace = new Map();
        for (const claimant of rowsByTable.get(reference.parentTable) ?? []) {
          const key = placeOf(claimant, reference.schema.parentColumns, collations);
          if (key !== null) byPlace.set(key, [...(byPlace.get(key) ?? []), claimant]);
        }
        claims.set(reference, byPlace);
      }
      return byPlace.get(place) ?? [];
    },
  };
}

/** The values of these columns as the cells hold them; null when one is NULL or a reference by row. */
function placeOf(row: RowDraft, columns: readonly string[], collations: readonly Collation[]): string | null {
  const values: SqlValue[] = [];
  for (const column of columns) {
    const value = row.cells.get(column)?.value ?? null;
    if (value === null || value instanceof RowReference) return null;
    values.push(value);
  }
  return keyText(values, collations);
}
