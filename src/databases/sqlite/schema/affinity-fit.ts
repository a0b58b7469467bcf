import { RowReference, type CellValue } from '../../../core/value.js';
import type { Affinity } from '../../../core/reference-form.js';

/** What SQLite takes for a number where a column wants one, and some more. */
const likeNumber = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;

/**
 * Whether a column that is no reference holds the value as it is. False where SQLite would make another one of it (7 in a
 * TEXT column becomes '7'), where it may, and for a reference, which means nothing there. Such a value comes from a server
 * whose schema says something else.
 */
export function fitsAffinity(affinity: Affinity, value: CellValue): boolean {
  switch (typeof value) {
    case 'string':
      return affinity === 'TEXT' || affinity === 'BLOB' || !likeNumber.test(value);
    case 'bigint':
      return affinity !== 'TEXT' && affinity !== 'REAL';
    case 'number':
      if (affinity === 'TEXT') return false;
      return affinity === 'REAL' || affinity === 'BLOB' || !Number.isInteger(value) || Math.abs(value) >= 2 ** 63;
    default:
      return !(value instanceof RowReference);
  }
}
