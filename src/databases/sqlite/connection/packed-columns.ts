/**
 * A column of many rows as one value, for kinds of which a single value is dear to read: the SQL that joins the values,
 * and the reading of what it gives. Reading gives null where some value is of another kind, or could be mistaken for what
 * stands between values.
 */
import type { SqlValue } from '../../../core/value.js';
import type { PlainRow } from './driver.js';

export interface PackedKind {
  readonly name: string;
  /** Aggregates over `column`, as many as `width`. `order` numbers the rows, where there is such a number. */
  sql(this: void, column: string, order: string): string;
  readonly width: number;
  /** `row` holds the aggregates from `at` on; `count` rows were joined, at least one. */
  read(this: void, row: PlainRow, at: number, count: number): SqlValue[] | null;
  /** What may read the column where this kind does not. */
  readonly otherwise?: PackedKind;
}

const separator = '\0';
const nullMark = '\u0001';
const otherMark = '\u0002';

/** How many values are of that type. */
const countOf = (type: 'integer' | 'text' | 'blob', column: string): string =>
  `count(CASE typeof(${column}) WHEN '${type}' THEN 1 END)`;

const packedNullableTexts: PackedKind = {
  name: 'nullable text',
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

/** Where each value is a text, it is joined as it is: to choose between it and a mark would copy it once more. */
export const packedTexts: PackedKind = {
  name: 'text',
  sql: (column) => `group_concat(${column}, char(0)), ${countOf('text', column)}`,
  width: 2,
  read(row, at, count) {
    const joined = row[at];
    if (typeof joined !== 'string' || row[at + 1] !== BigInt(count) || joined.includes('\uFFFD')) return null;
    const values = joined.split(separator);
    return values.length === count ? values : null;
  },
  otherwise: packedNullableTexts,
};

/** The bytes of all, one after the other, and the lengths. As text they are joined unchanged where text is UTF-8. */
const packedNullableBlobs: PackedKind = {
  name: 'nullable blob',
  sql: (column) =>
    `CAST(group_concat(CASE typeof(${column}) WHEN 'blob' THEN CAST(${column} AS TEXT) END, '') AS BLOB),
     group_concat(CASE typeof(${column}) WHEN 'blob' THEN length(${column}) WHEN 'null' THEN 'n' ELSE 'x' END)`,
  width: 2,
  read(row, at, count) {
    const [joined, joinedLengths] = [row[at], row[at + 1]];
    if (typeof joinedLengths !== 'string') return null;
    const bytes = joined instanceof Uint8Array ? joined : new Uint8Array();
    const lengths = joinedLengths.split(',');
    if (lengths.length !== count || lengths.includes('x')) return null;
    let end = 0;
    return lengths.map((length) => (length === 'n' ? null : bytes.subarray(end, (end += Number(length)))));
  },
};

export const packedBlobs: PackedKind = {
  name: 'blob',
  sql: (column) =>
    `CAST(group_concat(${column}, '') AS BLOB), group_concat(length(${column})), ${countOf('blob', column)}`,
  width: 3,
  read: (row, at, count) => (row[at + 2] === BigInt(count) ? packedNullableBlobs.read(row, at, count) : null),
  otherwise: packedNullableBlobs,
};

/** Integers that go up by one from row to row, as keys mostly do: they follow from the numbers of the rows. */
export const packedSteps: PackedKind = {
  name: 'steps',
  sql: (column, order) =>
    `${countOf('integer', column)}, min(${column} - ${order}), max(${column} - ${order}),
     min(${order}), max(${order})`,
  width: 5,
  read(row, at, count) {
    const [integers, least, most, first, last] = row.slice(at, at + 5);
    if (integers !== BigInt(count) || typeof least !== 'bigint' || least !== most) return null;
    // No two rows have one number, so these have all from the first to the last.
    if (typeof first !== 'bigint' || typeof last !== 'bigint' || last - first !== BigInt(count - 1)) return null;
    const values: bigint[] = [];
    for (let value = least + first; values.length < count; value++) values.push(value);
    return values;
  },
};

export const packedNulls: PackedKind = {
  name: 'nulls',
  sql: (column) => `count(${column})`,
  width: 1,
  read: (row, at, count) => (row[at] === 0n ? Array.from({ length: count }, () => null) : null),
};
