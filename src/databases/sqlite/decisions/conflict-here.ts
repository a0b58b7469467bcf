import { columnNameHere, tableHere } from '../schema/renames.js';
import { renamedCell } from '../stores/cell-names.js';
import type { Cells } from '../stores/conflict-recorder.js';
import type { Conflict } from '../stores/conflict-store.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/** The same conflict by the names that its table and columns have here now: they may have been renamed since it was found. */
export function conflictHere(context: ReplicaContext, conflict: Conflict): Conflict {
  const table = context.meta.text('renames') === null ? null : tableHere(context, conflict.table);
  if (!table) return conflict;
  const columnName = columnNameHere(context, table);
  const nameOf = (cell: string): string => renamedCell(cell, columnName);
  const named = (cells: Cells): Cells => new Map([...cells].map(([cell, value]) => [nameOf(cell), value]));
  const { column, kept, lost, rest } = conflict;
  return {
    ...conflict,
    table: table.name,
    column: column === null ? null : nameOf(column),
    kept: named(kept),
    lost: named(lost),
    rest: rest && named(rest),
  };
}
