/**
 * A column of many rows as one value: the SQL that joins the values, and the reading of what it gives. Reading gives null
 * where some value is of another kind, or could be mistaken for what stands between values.
 */
import type { SqlValue } from '../../../core/value.js';
import type { PlainRow } from './driver.js';

export interface PackedKind {
  readonly name: string;
  /** Aggregates over `column`, as many as `width`. */
  sql(this: void, column: string): string;
  readonly width: number;
  /** `row` holds the aggregates from `at` on; `count` rows were joined, at least one. */
  read(this: void, row: PlainRow, at: number, count: number): SqlValue[] | null;
}

const separator = '\0';
const nullMark = '\u0001';
const otherMark = '\u0002';

export const packedTexts: PackedKind = {
  name: 'text',
  sql: (column) =>
    `group_concat(CASE typeof(${column}) WHEN 'text' THEN ${column} WHEN 'null' THEN char(1) ELSE char(2) END, char(0)),
     count(${column})`,
  width: 2,
  read(row, at, count) {
    const joined = row[at];
    // What is not UTF-8 was replaced; reading row by row looks at the bytes.
    if (typeof joined !== 'string' || joined.includes('\uFFFD')) return null;
    const values: (string | null)[] = joined.split(separator);
    if (values.length !== count) return null;
    let nulls = 0;
    for (let i = 0; i < count; i++) {
      const value = values[i];
      if (value === otherMark) return null;
      if (value !== nullMark) continue;
      values[i] = null;
      nulls++;
    }
    // A text may be the very mark.
    return nulls === count - Number(row[at + 1]) ? values : null;
  },
};

const joinedIntegers = (column: string): string =>
  `group_concat(CASE typeof(${column}) WHEN 'integer' THEN ${column} WHEN 'null' THEN 'n' ELSE 'x' END)`;

const comma = 44;
const minus = 45;
const zero = 48;
const nullSign = 110;
const exactDigits = 15;

/** Calls `take` with each value: a number, a text where it has more digits than a number takes, or null. False: other kinds. */
function eachInteger(joined: string, take: (value: number | string | null) => void): boolean {
  const { length } = joined;
  for (let at = 0; at <= length; at++) {
    const start = at;
    const isNegative = joined.charCodeAt(at) === minus;
    if (isNegative) at++;
    const digitsFrom = at;
    let value = 0;
    let code = joined.charCodeAt(at);
    while (code >= zero && code < zero + 10) {
      value = value * 10 + code - zero;
      code = joined.charCodeAt(++at);
    }
    if (at > digitsFrom) {
      if (at - digitsFrom > exactDigits) take(joined.slice(start, at));
      else take(isNegative ? -value : value);
    } else if (code === nullSign) {
      take(null);
      at++;
    } else return false;
    if (at < length && joined.charCodeAt(at) !== comma) return false;
  }
  return true;
}

export const packedIntegers: PackedKind = {
  name: 'integer',
  sql: joinedIntegers,
  width: 1,
  read(row, at, count) {
    const joined = row[at];
    const values: SqlValue[] = [];
    if (typeof joined !== 'string') return null;
    const isUniform = eachInteger(joined, (value) => values.push(value === null ? null : BigInt(value)));
    return isUniform && values.length === count ? values : null;
  },
};

/** The bytes of all, one after the other, and the lengths. As text they are joined unchanged where text is UTF-8. */
export const packedBlobs: PackedKind = {
  name: 'blob',
  sql: (column) =>
    `CAST(group_concat(CASE typeof(${column}) WHEN 'blob' THEN CAST(${column} AS TEXT) END, '') AS BLOB),
     group_concat(CASE typeof(${column}) WHEN 'blob' THEN length(${column}) WHEN 'null' THEN 'n' ELSE 'x' END)`,
  width: 2,
  read(row, at, count) {
    const [joined, lengths] = [row[at], row[at + 1]];
    if (typeof lengths !== 'string') return null;
    const bytes = joined instanceof Uint8Array ? joined : new Uint8Array();
    const values: SqlValue[] = [];
    let start = 0;
    const isUniform = eachInteger(lengths, (length) => {
      if (length === null) values.push(null);
      else values.push(bytes.subarray(start, (start += Number(length))));
    });
    return isUniform && values.length === count && start === bytes.length ? values : null;
  },
};
