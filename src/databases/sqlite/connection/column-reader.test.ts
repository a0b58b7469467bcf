/** Columns are read as rows are, whatever they hold. Random values print their seed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RawText, type SqlValue } from '../../../core/value.js';
import { createColumnReader } from './column-reader.js';
import { openConnection, type Connection } from './driver.js';

const from = 'FROM t WHERE n > ? AND n <= ? ORDER BY n';
const columns = ['n', 'a', 'b', 'c'];
const pageRows = 100;

function filled(rows: readonly (readonly SqlValue[])[], encoding = 'UTF-8'): Connection {
  const connection = openConnection(':memory:');
  connection.exec(`PRAGMA encoding = '${encoding}'; CREATE TABLE t (n INTEGER PRIMARY KEY, a, b, c)`);
  const insert = connection.prepare('INSERT INTO t (a, b, c) VALUES (?, ?, ?)');
  for (const row of rows) insert.run(...row);
  return connection;
}

/** All pages joined, and the same rows read one by one. */
function readBoth(connection: Connection, count: number): { read: SqlValue[][]; expected: SqlValue[][] } {
  const reader = createColumnReader(connection, { columns, from, order: 'n' });
  const read: SqlValue[][] = [];
  for (let after = 0; after < count; after += pageRows) {
    const page = reader.read([BigInt(after), BigInt(after + pageRows)], pageRows);
    for (let i = 0; i < page.count; i++) read.push(page.columns.map((column) => column[i] ?? null));
    for (const column of page.columns) assert.equal(column.length, page.count);
  }
  const expected = connection.prepare(`SELECT ${columns.join()} ${from}`).allExact(0n, BigInt(count));
  connection.close();
  return { read, expected };
}

const repeated = (count: number, row: (i: number) => SqlValue[]): SqlValue[][] =>
  Array.from({ length: count }, (_, i) => row(i));

const integer = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -99n, max: 99n }),
  fc.constantFrom(999_999_999_999_999n, 1_000_000_000_000_000n, -(10n ** 15n), 2n ** 53n + 1n, -(2n ** 63n)),
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\0', '\u0001', '\u0002', '\u0001\0\u0001', '\uFFFD', 'ü', '😀', ',', 'n', '1,2'),
);
const blob = fc.uint8Array({ maxLength: 20 });
const raw = fc.constant(new RawText(new Uint8Array([0xff, 0x61])));
const real = fc.double({ noNaN: true });

/** Goes up by one, or nearly. */
const steps = (count: number): fc.Arbitrary<SqlValue[]> =>
  fc
    .record({
      first: fc.oneof(
        fc.constantFrom(1n, -5n, 2n ** 63n - BigInt(count), -(2n ** 63n)),
        fc.bigInt({ min: 0n, max: 99n }),
      ),
      at: fc.nat({ max: count - 1 }),
      odd: fc.option(fc.oneof(integer, fc.constantFrom<SqlValue>('7', 7, null)), { nil: undefined }),
    })
    .map(({ first, at, odd }) =>
      Array.from({ length: count }, (_, i) => (i === at && odd !== undefined ? odd : first + BigInt(i))),
    );

/** Mostly of one kind, sometimes not: what was found on the first page need not hold on the next. */
const column = (count: number): fc.Arbitrary<SqlValue[]> =>
  fc
    .constantFrom<fc.Arbitrary<SqlValue>>(integer, text, blob, real, fc.constant(null))
    .chain((usual) =>
      fc.array(
        fc.oneof(
          { arbitrary: usual, weight: 400 },
          { arbitrary: fc.constant(null), weight: 20 },
          { arbitrary: fc.oneof(integer, text, blob, real, raw), weight: 1 },
        ),
        { minLength: count, maxLength: count },
      ),
    );

test('columns of any values are read as rows are', () => {
  const count = 350;
  fc.assert(
    fc.property(column(count), column(count), column(count), (a, b, c) => {
      const { read, expected } = readBoth(
        filled(repeated(count, (i) => [a[i] ?? null, b[i] ?? null, c[i] ?? null])),
        count,
      );
      assert.deepEqual(read, expected);
    }),
    { numRuns: 60 },
  );
});

test('numbers that follow those of the rows are read as rows are, also where one does not or rows are missing', () => {
  const count = 350;
  fc.assert(
    fc.property(steps(count), fc.option(fc.integer({ min: 1, max: count })), (a, missing) => {
      const connection = filled(repeated(count, (i) => [a[i] ?? null, null, BigInt(i)]));
      if (missing !== null) connection.exec(`DELETE FROM t WHERE n = ${missing}`);
      const { read, expected } = readBoth(connection, count);
      assert.deepEqual(read, expected);
    }),
    { numRuns: 60 },
  );
});

test('a database in UTF-16 is read the same', () => {
  const rows = repeated(300, (i) => [`ü${i}`, new Uint8Array([i & 255, 0, 216]), BigInt(i)]);
  const { read, expected } = readBoth(filled(rows, 'UTF-16le'), 300);
  assert.deepEqual(read, expected);
});

test('what no longer is of the kind of the first page is read row by row', () => {
  const rows = repeated(400, (i) => (i < 200 ? ['x', 1n, new Uint8Array([1])] : [2n, 'y', 1.5]));
  const { read, expected } = readBoth(filled(rows), 400);
  assert.deepEqual(read, expected);
});

test('no rows are no page', () => {
  const connection = filled(repeated(200, (i) => [BigInt(i), null, 'x']));
  const reader = createColumnReader(connection, { columns, from });
  assert.equal(reader.read([0n, 100n], 100).count, 100);
  const none = reader.read([500n, 600n], 100);
  assert.deepEqual(none, { count: 0, columns: [[], [], [], []] });
  connection.close();
});
