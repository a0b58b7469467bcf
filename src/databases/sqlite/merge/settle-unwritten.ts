import type { WrittenKeys } from '../capture/written-keys.js';
import type { Scope } from './scope.js';
import { settledView } from './settle.js';
import { writeView } from './view-writer.js';

/** A row that settling would have had to write over was written by an application. */
export class WrittenMeanwhile extends Error {}

/**
 * Settles the working set, but where it reaches a row that an application has written since the last drain: what the tables
 * show of it is not what its shadow says, so it must be neither read nor written. Then nothing has been written yet.
 */
export function settleUnwritten(scope: Scope, written: WrittenKeys): number {
  const { context, set } = scope;
  if (set.isEmpty) return 0;
  const view = settledView(scope);
  const isTouched =
    [...set.shown.values()].some(({ table, key }) => written.has(table, key)) ||
    view.rows.some((row) => {
      const table = context.tables.byName(row.table);
      return table !== null && !table.isBag && row.status === 'visible' && written.has(table, row.key);
    });
  if (isTouched) throw new WrittenMeanwhile();
  const { refused } = writeView(scope, view);
  set.clear();
  return refused;
}
