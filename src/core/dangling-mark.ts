import { keyText } from './key-text.js';
import type { SqlValue } from './value.js';

/**
 * A reference by value that dangled when it was captured: its application does not enforce it, so nobody does. The mark
 * is a cell of the row's lives like any other, in a column that no table can have, and holds the values that dangled: a
 * reference that was changed since counts as any other. Such columns are known to no table, so that they travel and wait
 * as columns do that are not here yet.
 */
export const danglingColumn = (columns: readonly string[]): string => danglingMark + columns.join('\0');

export const danglingMark = '\0dangles:';

export const isDanglingColumn = (column: string): boolean => column.startsWith(danglingMark);

/** What the mark of a reference holds. Null where a part is NULL: that refers to nothing. */
export const danglingText = (values: readonly SqlValue[]): string | null =>
  values.includes(null) ? null : keyText(values);
