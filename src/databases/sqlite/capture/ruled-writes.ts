/** What an application wrote into columns that have a rule of their own. */
import { addedBetween, addNumbers, isNumber } from '../../../core/counter.js';
import { compareCellStamps, stampAbove, type CellStamp } from '../../../core/cell-stamp.js';
import type { Cell } from '../../../core/life-state.js';
import { winsOver } from '../../../core/merge-cells.js';
import { isSameValue, type SqlValue } from '../../../core/value.js';
import type { ColumnRule } from '../../../core/table-schema.js';
import type { Stamp } from '../../../core/stamp.js';
import { keptCell, pinCell } from '../merge/component-loader.js';
import { createConflictRecorder } from '../stores/conflict-recorder.js';
import { raiseFlag } from '../stores/merging-flag.js';
import { openFor } from '../merge/trigger-guard.js';
import type { AsideLife } from '../stores/aside-store.js';
import { quoteName } from '../connection/identifiers.js';
import { stampAt, type Key, type Shadow } from '../stores/shadow-store.js';
import type { Comparison } from './comparison.js';
import { additionOfRun } from './counting-run.js';
import { ruledColumns } from './known-values.js';

export interface WrittenAddition {
  readonly column: string;
  readonly value: SqlValue;
  readonly at: CellStamp;
}

interface WrittenRow {
  /** Holds afterwards what stands. */
  readonly row: SqlValue[];
  /** The values before, in the order of `ruledColumns`. */
  readonly known: readonly SqlValue[];
  readonly shadow: Shadow;
}

/**
 * Puts back what may not stand: a number below the highest one of a `max` column, a second value of a column in which the
 * first stands. What is undone is in the log of conflicts.
 */
export function putBackWhatLost(
  { context, table, changeset }: Comparison,
  { row, known, key, shadow }: WrittenRow & { readonly key: Key },
): void {
  const back = ruledColumns(table).flatMap(({ name, position, rule }, i) => {
    const [before, after] = [known[i] ?? null, row[position] ?? null];
    if (isSameValue(before, after) || mayStand(after, before, rule)) return [];
    row[position] = before;
    const place = { table: table.name, life: shadow.life, key, column: name };
    const lost = { value: after, at: { stamp: changeset.stamp, origin: changeset.origin } };
    const at = stampAt(shadow, position);
    createConflictRecorder(context).cell(place, lost, { value: before, at });
    return [{ name, before }];
  });
  if (back.length === 0) return;
  const sets = back.map(({ name }) => `${quoteName(name)} = ?`).join(', ');
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  raiseFlag(context, true);
  openFor(context, table);
  context.connection
    .cached(`UPDATE OR ABORT ${table.sql} SET ${sets} WHERE ${where}`)
    .run(...back.map(({ before }) => before), ...key);
  raiseFlag(context, false);
}

/** A counter goes on from a number to numbers only. */
const mayStand = (after: SqlValue, before: SqlValue, rule: ColumnRule): boolean =>
  rule === 'counter' ? isNumber(after) || !isNumber(before) : winsOver(after, before, rule);

interface CountedRow extends WrittenRow {
  /** The row's other lives. */
  readonly parts: readonly AsideLife[];
  readonly time: Stamp;
  readonly changed: readonly number[];
}

/** Positions that count instead of being set, with what this run has added in all. Remembers both. */
export function additionsOf(
  { context, table, changeset }: Comparison,
  { row, known, shadow, parts, time, changed }: CountedRow,
): ReadonlyMap<number, WrittenAddition> {
  const additions = new Map<number, WrittenAddition>();
  for (const [i, { name, position, rule }] of ruledColumns(table).entries()) {
    const before = known[i] ?? null;
    const isCounted = rule === 'counter' && changed.includes(position);
    const after = row[position] ?? null;
    // Equal to what is known and yet another than in the shadow: it was written before the rule was set.
    const added = isCounted && !isSameValue(before, after) ? addedBetween(before, after) : null;
    if (added === null) continue;
    const extras = new Map(context.asides.extraCells(table.name, shadow.life));
    const at = stampAt(shadow, position);
    if (!keptCell(extras, name, { shadow, position })) pinCell(extras, name, { value: before, at }, at);
    const lives = [extras, ...parts.map(({ cells }) => cells)];
    const column = additionOfRun(context, changeset, { column: name, lives });
    const sum = standingCell(lives, column);
    const value = isNumber(sum?.value) ? addNumbers(sum.value, added) : added;
    const addition = { column, value, at: stampAbove(time, changeset.origin, sum?.at) };
    extras.set(column, addition);
    context.asides.putExtraCells(table.name, shadow.life, extras);
    additions.set(position, addition);
  }
  return additions;
}

/** What the row shows: of its lives the highest stamp. */
function standingCell(lives: readonly ReadonlyMap<string, Cell>[], column: string): Cell | undefined {
  let highest: Cell | undefined;
  for (const cells of lives) {
    const cell = cells.get(column);
    if (cell && (!highest || compareCellStamps(cell.at, highest.at) > 0)) highest = cell;
  }
  return highest;
}
