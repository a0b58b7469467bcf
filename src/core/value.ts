import type { LifeName } from './life.js';

/**
 * One SQL value, exactly: integers are bigint (to 2^63), reals are number, so 1 and 1.0 stay apart.
 * Text that is not valid UTF-8 travels as `RawText`, its bytes.
 */
export type SqlValue = null | bigint | number | string | Uint8Array | RawText;

export class RawText {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** What a reference to a generated key holds in a change: the row that was meant, not its number (rule R7). */
export class RowReference {
  readonly row: LifeName;
  constructor(row: LifeName) {
    this.row = row;
  }
}

/** A cell's content in a change: a value, or the row that a reference means. */
export type CellValue = SqlValue | RowReference;

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Bit-exact sameness: 1 is not 1.0, and -0.0 is not 0.0. */
export function isSameValue(a: SqlValue, b: SqlValue): boolean {
  if (a === b) return a !== 0 || Object.is(a, b);
  if (typeof a === 'number' && typeof b === 'number') return Object.is(a, b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && isSameBytes(a, b);
  if (a instanceof RawText) return b instanceof RawText && isSameBytes(a.bytes, b.bytes);
  return false;
}
