/**
 * Tables that merge by whole rows: a write of an application writes every column of the row, with one stamp above all that
 * it replaces. So of two writes that did not see each other one wins in every column, by the rules of single columns.
 */
import { compareCellStamps, type CellStamp } from '../../../core/cell-stamp.js';
import type { Cell } from '../../../core/life-state.js';
import { isSameCellValue } from '../../../core/merge-cells.js';
import { isRuled } from '../../../core/table-schema.js';
import type { CellValue } from '../../../core/value.js';
import { keptCell, noteRefused, pinCell, refusedCell } from '../merge/component-loader.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { AsideLife } from '../stores/aside-store.js';
import { stampAt, type Shadow } from '../stores/shadow-store.js';
import type { Comparison } from './comparison.js';

const wholeByTable = new WeakMap<SyncedTable, ReadonlySet<number>>();

/**
 * Positions that are written together. The key says which row it is, and columns with a rule of their own go by that: both
 * are left out. Empty where single columns are written.
 */
function writtenTogether(table: SyncedTable): ReadonlySet<number> {
  const known = wholeByTable.get(table);
  if (known) return known;
  const ruled = new Set(table.schema.columns.filter(({ rule }) => isRuled(rule)).map(({ name }) => name));
  const together = new Set(
    table.layout.flatMap((column, position) =>
      ruled.has(column) || table.keyPositions.includes(position) ? [] : [position],
    ),
  );
  const found = table.schema.granularity === 'row' ? together : new Set<number>();
  wholeByTable.set(table, found);
  return found;
}

/** What is written when these positions were changed: the rest of the row too, unless only the key or ruled columns were. */
export function positionsOfWrite(table: SyncedTable, changed: readonly number[]): readonly number[] {
  const together = writtenTogether(table);
  if (!changed.some((position) => together.has(position))) return changed;
  return [...new Set([...changed, ...together])].toSorted((a, b) => a - b);
}

/** One stamp for all that is written together: the highest of those that each would have. */
export function withOneStamp(
  table: SyncedTable,
  positions: readonly number[],
  stamps: readonly CellStamp[],
): readonly CellStamp[] {
  const together = writtenTogether(table);
  let highest: CellStamp | null = null;
  for (const [i, at] of stamps.entries())
    if (together.has(positions[i] ?? -1) && (!highest || compareCellStamps(at, highest) > 0)) highest = at;
  return stamps.map((at, i) => (highest && together.has(positions[i] ?? -1) ? highest : at));
}

interface Rewriting {
  readonly shadow: Shadow;
  readonly parts: readonly AsideLife[];
  readonly extras: ReadonlyMap<string, Cell> | null;
  readonly changed: readonly number[];
  readonly stamps: readonly CellStamp[];
  /** What the row shows, a reference as the row that it means. */
  readonly shownCell: (position: number) => CellValue;
}

/**
 * The values of columns that are written although the application left them as they were: what the row's state holds,
 * which may be another value than is shown (a parent that is gone, a value that the schema here refuses).
 */
export function rewrittenCells(
  { context, table, sink }: Comparison,
  own: readonly number[],
  { shadow, parts, extras, changed, stamps, shownCell }: Rewriting,
): ReadonlyMap<number, CellValue> {
  const cells = new Map<number, CellValue>();
  const beside = extras && new Map(extras);
  for (const [i, position] of changed.entries()) {
    const [column, at] = [table.layout[position] ?? '', stamps[i]];
    if (own.includes(position) || !at) continue;
    const held = heldCell(position, column, { shadow, parts, extras });
    const shown = shownCell(position);
    const value = held ? held.value : shown;
    cells.set(position, value);
    if (!beside) continue;
    if (!isSameCellValue(value, shown)) pinCell(beside, column, { value, at }, at);
    const refused = refusedCell(beside, column, stampAt(shadow, position));
    if (refused) noteRefused(beside, column, refused.value, at);
  }
  if (beside) sink.later(() => context.asides.putExtraCells(table.name, shadow.life, beside));
  return cells;
}

/** The cell that the row's state has in a column, where it is not simply what is shown. */
function heldCell(
  position: number,
  column: string,
  { shadow, parts, extras }: Pick<Rewriting, 'shadow' | 'parts' | 'extras'>,
): Cell | null {
  const at = stampAt(shadow, position);
  const kept = extras && keptCell(extras, column, { shadow, position });
  const held = [...(kept ? [kept] : []), ...parts.flatMap((part) => part.cells.get(column) ?? [])];
  return held.find((cell) => compareCellStamps(cell.at, at) === 0) ?? null;
}
