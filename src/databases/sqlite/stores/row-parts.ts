import type { Cell } from '../../../core/life-state.js';
import type { LifeName } from '../../../core/life.js';
import type { AsideLife } from './aside-store.js';
import type { ReplicaContext } from './replica-context.js';
import type { Shadow } from './shadow-store.js';

/** The row that a shown life is part of by now: not the one of its birth where rows have become one. */
export const rowOfShadow = ({ aliases }: ReplicaContext, table: string, { row, life }: Shadow): LifeName =>
  aliases.rowNow(table, row ?? life);

/** The other lives of a shown row: revived ones, and those of rows that became one with it. None in calm weather. */
export function partsOfRow(context: ReplicaContext, table: string, shadow: Shadow): AsideLife[] {
  if (context.asides.isEmpty(table)) return [];
  return context.asides.behind(table, rowOfShadow(context, table, shadow)).filter(({ why }) => why === 'part');
}

/** Puts one cell into lives that were read earlier: what was written into them since stands. */
export function putIntoParts(
  { asides }: ReplicaContext,
  parts: readonly AsideLife[],
  [column, cell]: readonly [string, Cell],
): void {
  for (const part of parts) {
    const latest = asides.find(part.table, part.life) ?? part;
    asides.put({ ...latest, cells: new Map([...latest.cells, [column, cell]]) });
  }
}
