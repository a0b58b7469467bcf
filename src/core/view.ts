/**
 * What is visible: a pure function of living lives and aliases (rules R3 to R7), so replicas with equal vectors show the
 * same. Given a component (the rows that could influence each other), it says of every row what is shown, or why not.
 *
 * Steps, parents before children and elder rows first: 1. doomed and needed rows, winners of natural keys; 2. numbers;
 * 3. per table references, natural keys as shown, unique columns. Tables that reference each other in a circle take
 * step 3 together: first without asking whether parents inside the circle are hidden, then hidden parents take their
 * children with them until nothing changes.
 */
import type { LifeName } from './life.js';
import { aliasChain, rowKey, type Aliases, type Cell, type RowKey } from './life-state.js';
import { markDoubles } from './doubles.js';
import { markNeeded } from './need.js';
import { assignNumbers } from './numbers.js';
import type { OriginId } from './origin.js';
import type { RowDraft, RowStatus } from './row-draft.js';
import { createScene, type Component } from './scene.js';
import { planSchema } from './schema-plan.js';
import { settleCircle, settleTable } from './settle-table.js';
import type { ReferencePlan, TablePlan } from './table-plan.js';
import type { RowReference, SqlValue } from './value.js';

export type { RowStatus } from './row-draft.js';
export { emptySurroundings, type Component, type Surroundings } from './scene.js';

/** One row of the component, shown or hidden. */
export interface RowView {
  readonly table: string;
  readonly row: LifeName;
  /** Elder first. */
  readonly lives: readonly LifeName[];
  readonly status: RowStatus;
  /** The key as shown, or as it would be; empty for a bag. */
  readonly key: readonly SqlValue[];
  /** Per column the value as shown, key columns and resolved references included. */
  readonly values: ReadonlyMap<string, SqlValue>;
  /** Per column the winning cell. */
  readonly cells: ReadonlyMap<string, Cell>;
  /** The row that a `key-loser`, `merging`, `renaming` or `held` row hides behind. */
  readonly behind: LifeName | null;
  /** The name of the unique constraint that a `merging`, `renaming` or `held` row clashes in. */
  readonly clash: string | null;
  /** The key is a substitute until the origin of the row writes it (rule R8). */
  readonly isProvisional: boolean;
  /** Origins that need this row alive (rule R4.1). */
  readonly neededBy: ReadonlySet<OriginId>;
}

export interface View {
  /** Parents before children, elder rows first. */
  readonly rows: readonly RowView[];
  readonly aliases: Aliases;
  /** What rows of a table are made of: for whoever writes confirmations. */
  planOf(table: string): TablePlan;
  /** The living row that this row is part of by now. */
  find(table: string, row: LifeName): RowView | undefined;
  /** Whether the parent that a reference by row means has ended. */
  isDead(reference: ReferencePlan, value: RowReference): boolean;
  /** A row and the rows that it became part of, one after the other. */
  chainOf(table: string, row: LifeName): readonly LifeName[];
}

export function viewOf(component: Component): View {
  const scene = createScene(component);
  const { groups } = planSchema(component.schema);
  for (const { name } of component.schema) markDoubles(scene, name);
  markNeeded(scene, groups);
  for (const { name } of component.schema) assignNumbers(scene, name);
  for (const group of groups) {
    const [first] = group.tables;
    if (group.isCircle) settleCircle(scene, group.tables);
    else if (first) settleTable(scene, first.name);
  }
  const rows = groups.flatMap((group) => group.tables.flatMap((table) => scene.rowsOf(table.name).map(shown)));
  const byKey = new Map<RowKey, RowView>(rows.map((row) => [rowKey(row.table, row.row), row]));
  return {
    rows,
    aliases: component.aliases,
    planOf: (table) => scene.planOf(table),
    find: (table, row) => {
      const draft = scene.find(table, row);
      return draft && byKey.get(draft.rowKey);
    },
    isDead: (reference, value) => scene.parentOf(reference, value).kind === 'dead',
    chainOf: (table, row) => aliasChain(component.aliases, table, row),
  };
}

const shown = (draft: RowDraft): RowView => ({
  table: draft.table,
  row: draft.row,
  lives: draft.lives,
  status: draft.status,
  key: draft.key,
  values: draft.values,
  cells: draft.cells,
  behind: draft.behind?.row ?? null,
  clash: draft.clash,
  isProvisional: draft.isProvisional,
  neededBy: draft.neededBy,
});
