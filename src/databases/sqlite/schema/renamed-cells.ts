import { compareCellStamps } from '../../../core/cell-stamp.js';
import { renamedCell } from '../stores/cell-names.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Cell } from '../stores/value-bytes.js';

/**
 * Columns have other names: what is kept aside of their table follows, so that rows which wait or hide show what they hold
 * when their time comes, and what stands beside a shown row is found. A cell that came under the new name before, from a
 * server that had renamed the column earlier, is of the same column: the later one stands.
 */
export function renameCellsAside({ asides }: ReplicaContext, table: string, nameOf: (column: string) => string): void {
  if (!asides.isEmpty(table))
    for (const aside of [...asides.all(table)]) asides.put({ ...aside, cells: renamedCells(aside.cells, nameOf) });
  asides.renameExtraColumns(table, nameOf);
  for (const { life, cells } of [...asides.allExtraCells(table)])
    asides.putExtraCells(table, life, renamedCells(cells, nameOf));
}

function renamedCells(cells: ReadonlyMap<string, Cell>, nameOf: (column: string) => string): Map<string, Cell> {
  const named = new Map<string, Cell>();
  for (const [name, cell] of cells) {
    const now = renamedCell(name, nameOf);
    const other = named.get(now);
    if (!other || compareCellStamps(cell.at, other.at) > 0) named.set(now, cell);
  }
  return named;
}
