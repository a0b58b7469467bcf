/**
 * Rows that are one (rule R3.1, decision 0003): what an application had written, and nobody had drained, when a backup or
 * a clone was taken is drained on both sides, as two rows. They are known by their key and the time at which it was
 * written, on the same server; the younger one becomes part of the elder.
 */
import { isAddition } from './counter.js';
import { keyText } from './key-text.js';
import type { Cell } from './life-state.js';
import { isSameCellValue } from './merge-cells.js';
import { serverIdOfOrigin } from './origin.js';
import type { RowDraft } from './row-draft.js';
import type { Scene } from './scene.js';
import type { TablePlan } from './table-plan.js';
import { RowReference, type SqlValue } from './value.js';

/** Bags have no key: of equal rows nobody can tell which were meant twice. */
export function markDoubles(scene: Scene, table: string): void {
  const plan = scene.planOf(table);
  const rows = scene.rowsOf(table);
  if (plan.schema.keyKind === 'bag' || rows.length < 2) return;
  const elderByWriting = new Map<string, RowDraft[]>();
  for (const row of rows) {
    const writing = writingOf(plan, row);
    if (writing === null) continue;
    const elders = elderByWriting.get(writing);
    const elder = elders?.find((each) => isDouble(plan, row, each));
    if (elder) row.doubleOf = elder;
    else if (elders) elders.push(row);
    else elderByWriting.set(writing, [row]);
  }
}

/** By which server, when, and with which key a row was written first; null for keys that somebody else has touched. */
function writingOf(plan: TablePlan, row: RowDraft): string | null {
  const values: SqlValue[] = [];
  let written = '';
  for (const column of plan.schema.key) {
    const cell = row.cells.get(column);
    if (!cell || cell.at.weak || cell.value instanceof RowReference) return null;
    if (serverIdOfOrigin(cell.at.origin) !== serverIdOfOrigin(row.row.origin)) return null;
    values.push(cell.value);
    written += ` ${cell.at.stamp}`;
  }
  return `${serverIdOfOrigin(row.row.origin)}${written} ${keyText(values, plan.keyCollations)}`;
}

/** One history of a server never writes a living row twice, so two that were written alike are of two histories. */
function isDouble(plan: TablePlan, row: RowDraft, elder: RowDraft): boolean {
  if (row.row.origin === elder.row.origin) return false;
  const [keyColumn = ''] = plan.schema.key;
  const written = row.cells.get(keyColumn)?.at.stamp ?? 0;
  const isEdited = (cell: Cell | undefined): boolean => cell !== undefined && cell.at.stamp > written;
  for (const column of new Set([...row.cells.keys(), ...elder.cells.keys()])) {
    // Counting is an edit: no insert adds.
    if (isAddition(column)) continue;
    const [mine, theirs] = [row.cells.get(column), elder.cells.get(column)];
    if (isEdited(mine) || isEdited(theirs)) continue;
    if (!mine || !theirs || mine.at.stamp !== theirs.at.stamp) return false;
    // References name rows that may be doubles themselves.
    const areRows = mine.value instanceof RowReference && theirs.value instanceof RowReference;
    if (!areRows && !isSameCellValue(mine.value, theirs.value)) return false;
  }
  return true;
}
