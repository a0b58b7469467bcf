import { affinityOf, type Affinity } from './reference-form.js';
import type { ListFormat } from './reference-list.js';
import type {
  Collation,
  ListSchema,
  ReferenceAction,
  ReferenceSchema,
  TableSchema,
  UniquePolicy,
  UniqueSchema,
} from './table-schema.js';

/** A table's schema, worked out for the view. */
export interface TablePlan {
  readonly schema: TableSchema;
  /**
   * Whether clashing keys get substitutes (rule R5). A generated key that is itself a reference (one row for each
   * parent) is not numbered: its number belongs to the parent.
   */
  readonly isNumbered: boolean;
  readonly isUnsigned: boolean;
  readonly keyCollations: readonly Collation[];
  readonly references: readonly ReferencePlan[];
  /** The reference by row that fills a column. */
  readonly referenceByColumn: ReadonlyMap<string, ReferencePlan>;
  readonly lists: readonly ListPlan[];
  readonly uniques: readonly UniquePlan[];
  /** Columns whose concurrent additions add up. */
  readonly counters: readonly string[];
}

export interface ReferencePlan {
  readonly schema: ReferenceSchema;
  readonly column: string;
  readonly parentTable: string;
  /** What happens when the parent is gone; `set null` over a column that cannot be null refuses, like `restrict`. */
  readonly onDelete: ReferenceAction;
  readonly byRow: boolean;
  /** Of the column: in which form it shows the number of a row. */
  readonly affinity: Affinity;
  /** A part of it cannot be NULL. */
  readonly isFixed: boolean;
}

export interface ListPlan {
  readonly column: string;
  readonly format: ListFormat;
  /** As which each number of the list counts. */
  readonly reference: ReferencePlan;
}

export interface UniquePlan {
  readonly schema: UniqueSchema;
  readonly collations: readonly Collation[];
  readonly policy: UniquePolicy;
  /** The column that `rename` gives a suffix; null: it cannot, and the row is held. */
  readonly renamed: string | null;
}

/** References to tables that are not known here are left out: nothing can be said about them. */
export function planTable(schema: TableSchema, knownTables: ReadonlySet<string>): TablePlan {
  const known = schema.references.filter((reference) => knownTables.has(reference.parentTable));
  const references = known.map((reference) => planReference(schema, reference));
  const referenceByColumn = new Map<string, ReferencePlan>();
  for (const reference of references)
    if (reference.byRow && !referenceByColumn.has(reference.column)) referenceByColumn.set(reference.column, reference);
  const key = schema.columns.find((column) => column.name === schema.key[0]);
  return {
    schema,
    isNumbered: schema.keyKind === 'generated' && !schema.key.some((column) => referenceByColumn.has(column)),
    isUnsigned: /unsigned/i.test(key?.declaredType ?? ''),
    keyCollations: collationsOf(schema, schema.key),
    references: references.filter(
      (reference) => !reference.byRow || referenceByColumn.get(reference.column) === reference,
    ),
    referenceByColumn,
    lists: (schema.lists ?? []).filter((list) => knownTables.has(list.parentTable)).map(planList),
    uniques: schema.uniques
      .filter((unique) => !unique.isPlain || unique.columns.length > 0)
      .map((unique) => planUnique(schema, unique, referenceByColumn)),
    counters: schema.columns.filter(({ rule }) => rule === 'counter').map(({ name }) => name),
  };
}

function planReference(schema: TableSchema, reference: ReferenceSchema): ReferencePlan {
  const isFixed = reference.columns.some(
    (name) => schema.key.includes(name) || schema.columns.some((column) => column.name === name && column.isNotNull),
  );
  return {
    schema: reference,
    column: reference.columns[0] ?? '',
    parentTable: reference.parentTable,
    onDelete: reference.onDelete === 'set null' && isFixed ? 'restrict' : reference.onDelete,
    byRow: reference.byRow && reference.columns.length === 1,
    affinity: affinityOf(schema.columns.find(({ name }) => name === reference.columns[0])?.declaredType ?? ''),
    isFixed,
  };
}

function planList({ column, parentTable, parentColumn, format }: ListSchema): ListPlan {
  const schema: ReferenceSchema = {
    columns: [column],
    parentTable,
    parentColumns: [parentColumn],
    onDelete: 'leave',
    byRow: true,
  };
  const reference: ReferencePlan = {
    schema,
    column,
    parentTable,
    onDelete: 'leave',
    byRow: true,
    affinity: 'INTEGER',
    isFixed: false,
  };
  return { column, format, reference };
}

function planUnique(
  schema: TableSchema,
  unique: UniqueSchema,
  referenceByColumn: ReadonlyMap<string, ReferencePlan>,
): UniquePlan {
  if (!unique.isPlain) return { schema: unique, collations: unique.collations ?? [], policy: 'hold', renamed: null };
  const free = unique.columns.filter(
    (column) => !schema.key.includes(column) && !referenceByColumn.has(column) && mayBeConfirmed(schema, column),
  );
  return {
    schema: unique,
    collations: unique.columns.map((column, i) => unique.collations?.[i] ?? collationOf(schema, column)),
    policy: unique.policy,
    renamed: free.at(-1) ?? null,
  };
}

/** A suffix or another number loses against the value before it where `max`, `min` or a sum decides. */
const mayBeConfirmed = (schema: TableSchema, name: string): boolean => {
  const rule = schema.columns.find((column) => column.name === name)?.rule ?? 'column';
  return rule !== 'counter' && rule !== 'max' && rule !== 'min';
};

export const collationsOf = (schema: TableSchema, columns: readonly string[]): readonly Collation[] =>
  columns.map((column) => collationOf(schema, column));

const collationOf = (schema: TableSchema, name: string): Collation =>
  schema.columns.find((column) => column.name === name)?.collation ?? 'binary';
