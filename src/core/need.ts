/**
 * Which rows go with a deleted parent, and which are needed (rule R4.1). A row is needed by the writer of each RESTRICT
 * reference from a living row that is neither doomed nor a key-loser; need is passed up through RESTRICT and CASCADE.
 */
import { keyText } from './key-text.js';
import { rowKey } from './life-state.js';
import type { RowDraft } from './row-draft.js';
import type { TableGroup } from './table-order.js';
import type { ReferencePlan, TablePlan } from './table-plan.js';
import { RowReference, type SqlValue } from './value.js';
import type { Scene } from './scene.js';

export function markNeeded(scene: Scene, groups: readonly TableGroup[]): void {
  for (const group of groups.toReversed()) {
    // In a circle the children of a row may come after it. Need only grows, so the passes end.
    let hasGrown = true;
    while (hasGrown) hasGrown = markGroup(scene, group) && group.isCircle;
  }
}

function markGroup(scene: Scene, group: TableGroup): boolean {
  let hasGrown = false;
  for (const table of group.tables.toReversed()) {
    const plan = scene.planOf(table.name);
    const rows = scene.rowsOf(table.name);
    const winners = new Map<string, RowDraft>();
    for (let i = rows.length - 1; i >= 0; i--) {
      const row = rows[i];
      if (row && markRow(scene, plan, row, winners)) hasGrown = true;
    }
  }
  return hasGrown;
}

/** True when a parent is needed by someone new. */
function markRow(scene: Scene, plan: TablePlan, row: RowDraft, winners: Map<string, RowDraft>): boolean {
  row.status = 'visible';
  row.behind = null;
  // The row that it is part of needs and claims for it.
  if (row.doubleOf) return false;
  row.isDoomed = row.neededBy.size === 0 && plan.references.some((each) => isCascadeToDead(scene, each, row));
  if (row.isDoomed) return false;
  const place = plan.isNumbered ? null : keyPlace(scene, plan, row);
  const winner = place === null ? undefined : winners.get(place);
  if (winner) {
    row.status = 'key-loser';
    row.behind = winner;
    return false;
  }
  if (place !== null) winners.set(place, row);
  let hasGrown = false;
  for (const reference of plan.references) if (passNeedUp(scene, reference, row)) hasGrown = true;
  return hasGrown;
}

function isCascadeToDead(scene: Scene, reference: ReferencePlan, row: RowDraft): boolean {
  const value = row.cells.get(reference.column)?.value;
  return (
    reference.byRow &&
    reference.onDelete === 'cascade' &&
    value instanceof RowReference &&
    scene.parentOf(reference, value).kind === 'dead'
  );
}

function passNeedUp(scene: Scene, reference: ReferencePlan, row: RowDraft): boolean {
  const isRestrict = reference.onDelete === 'restrict';
  if (!isRestrict && reference.onDelete !== 'cascade') return false;
  const writer = row.cells.get(reference.column)?.at.origin;
  let hasGrown = false;
  for (const parent of livingParents(scene, reference, row)) {
    const before = parent.neededBy.size;
    if (isRestrict && writer !== undefined) parent.neededBy.add(writer);
    for (const each of row.neededBy) parent.neededBy.add(each);
    if (parent.neededBy.size > before) hasGrown = true;
  }
  return hasGrown;
}

/** By value, every row that claims the key: which of them wins it is known only after this step. */
function livingParents(scene: Scene, reference: ReferencePlan, row: RowDraft): readonly RowDraft[] {
  if (!reference.byRow) return scene.claimantsOf(reference, row);
  const value = row.cells.get(reference.column)?.value;
  const parent = value instanceof RowReference ? scene.parentOf(reference, value) : null;
  return parent?.kind === 'row' ? [parent.row] : [];
}

/**
 * The natural key that a row claims, before any number is known: a reference counts as the row that it means. Null for
 * bags and for keys with a NULL in them, which never clash.
 */
function keyPlace(scene: Scene, plan: TablePlan, row: RowDraft): string | null {
  if (plan.schema.keyKind === 'bag') return null;
  let references = '';
  const values: SqlValue[] = [];
  for (const column of plan.schema.key) {
    const value = row.cells.get(column)?.value ?? null;
    if (value === null) return null;
    const reference = plan.referenceByColumn.get(column);
    if (!(value instanceof RowReference)) values.push(value);
    else {
      values.push(null);
      references += ` ${column}=${rowKey(reference?.parentTable ?? '', scene.rowNow(reference, value))}`;
    }
  }
  return keyText(values, plan.keyCollations) + references;
}
