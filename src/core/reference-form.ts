import type { SqlValue } from './value.js';

/** What SQLite makes of values that are written into a column. */
export type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'REAL' | 'NUMERIC';

/** The affinity that SQLite gives to a declared type (its rules, in its order). */
export function affinityOf(declaredType: string): Affinity {
  const type = declaredType.toUpperCase();
  if (type.includes('INT')) return 'INTEGER';
  if (type.includes('CHAR') || type.includes('CLOB') || type.includes('TEXT')) return 'TEXT';
  if (type === '' || type.includes('BLOB')) return 'BLOB';
  if (type.includes('REAL') || type.includes('FLOA') || type.includes('DOUB')) return 'REAL';
  return 'NUMERIC';
}

const wholeNumber = /^(?:0|-?[1-9]\d{0,18})$/;

/** A row's number as a column that references the row shows it: '5' in a TEXT column, 5.0 in a REAL one. */
export function shownInColumn(affinity: Affinity, key: SqlValue): SqlValue {
  if (typeof key !== 'bigint') return key;
  if (affinity === 'TEXT') return String(key);
  return affinity === 'REAL' ? Number(key) : key;
}

/**
 * The number that a value of the column means; null when the value has not exactly the form that `shownInColumn` gives
 * it ('05', a text in an untyped column): such a value is no reference, since it could not be shown as it was written.
 */
export function numberInColumn(affinity: Affinity, value: SqlValue): bigint | null {
  switch (typeof value) {
    case 'bigint':
      return affinity === 'TEXT' || affinity === 'REAL' ? null : value;
    case 'string': {
      if (affinity !== 'TEXT' || !wholeNumber.test(value)) return null;
      const number = BigInt(value);
      return BigInt.asIntN(64, number) === number ? number : null;
    }
    case 'number':
      if (affinity !== 'REAL' || !Number.isInteger(value) || Object.is(value, -0) || Math.abs(value) >= 2 ** 63)
        return null;
      return BigInt(value);
    default:
      return null;
  }
}
