import { isAddition } from '../../../core/counter.js';
import { danglingMark } from '../../../core/dangling-mark.js';
import { listMark } from '../../../core/reference-list.js';

/** Cells are kept and sent by the names of their columns; beside them are cells that say more of a column, or of several. */

/**
 * A shown life may hold another cell than its row shows (a number that was given anew, another life's value). Such a
 * cell is pinned: it holds as long as the shadow has the stamp of that time, since an application's write replaces both.
 */
export const pinMark = '\0at:';

/** What the view shows in a column that the schema here refuses: the digest is of the view. Of this server alone. */
export const refusedMark = '\0refused:';

/** Beside a shown life of a row that another life has joined: both are yet to be settled as one. Of this server alone. */
export const joinedMark = '\0joined';

const marks = [pinMark, refusedMark, listMark, danglingMark];

/** The cell's name where columns have other names; what is said of a column goes with it. */
export function renamedCell(cell: string, nameOf: (column: string) => string): string {
  if (cell === joinedMark) return cell;
  const mark = marks.find((each) => cell.startsWith(each)) ?? '';
  const [first = '', ...others] = cell.slice(mark.length).split('\0');
  return mark + [nameOf(first), ...(isAddition(cell) ? others : others.map(nameOf))].join('\0');
}
