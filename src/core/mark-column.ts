import { isDanglingColumn } from './dangling-mark.js';
import { isListColumn } from './reference-list.js';

/** Cells beside a row's own that say what its references mean: values of nobody. */
export const isMarkColumn = (column: string): boolean => isDanglingColumn(column) || isListColumn(column);
