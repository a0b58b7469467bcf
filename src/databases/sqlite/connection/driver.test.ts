/** Goal: values pass through a connection bit by bit, and failures arrive as what the project understands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from '../../../core/sync-error.js';
import { isSameValue, RawText, type SqlValue } from '../../../core/value.js';
import { openConnection, type Connection } from './driver.js';
import { withTextCasts } from './placeholders.js';
import { ConstraintFailure, isLocked } from './sqlite-failure.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import { transact } from './transaction.js';

const values: readonly SqlValue[] = [
  null,
  0n,
  1n,
  -1n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  1,
  -0,
  0.1 + 0.2,
  5e-324,
  Infinity,
  -Infinity,
  '',
  'abc',
  'naïve 𝄞 \u0301',
  '\uFFFD',
  'nul\0inside\0',
  '\0',
  new Uint8Array(0),
  new Uint8Array([0, 255, 0]),
  new RawText(new Uint8Array([0xff, 0x61])),
  new RawText(new Uint8Array([0x61, 0, 0xed, 0xa0, 0x80])),
];

test('H33: every value reads back exactly as it was bound', () => {
  withMemory((connection) => {
    connection.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, v)');
    values.forEach((value, i) => connection.cached('INSERT INTO t VALUES (?, ?)').run(BigInt(i), value));
    const rows = connection.prepare('SELECT v, id FROM t ORDER BY id').allExact();
    values.forEach((value, i) => assert.ok(isSameValue(rows[i]?.[0] as SqlValue, value), `value ${i}`));
    for (const [i, value] of values.entries()) {
      const row = connection.prepare('SELECT v FROM t WHERE id = ?').getExact(BigInt(i));
      assert.ok(isSameValue(row?.[0] as SqlValue, value), `value ${i} alone`);
    }
  });
});

test('H33: values are found again by comparison with the same value', () => {
  withMemory((connection) => {
    connection.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, v)');
    values.forEach((value, i) => connection.cached('INSERT INTO t VALUES (?, ?)').run(BigInt(i), value));
    for (const [i, value] of values.entries()) {
      if (typeof value === 'number') continue;
      const found = connection.prepare('SELECT id FROM t WHERE v IS ? AND typeof(v) IS typeof(?)').all(value, value);
      assert.deepEqual(found, [[BigInt(i)]], `value ${i}`);
    }
  });
});

test('H33: text with NUL and no raw text has a place in a UTF-16 database', () => {
  for (const encoding of ['UTF-16le', 'UTF-16be']) {
    withMemory((connection) => {
      connection.exec(`PRAGMA encoding = '${encoding}'; CREATE TABLE t (v TEXT)`);
      connection.prepare('INSERT INTO t VALUES (?)').run('a\0é𝄞');
      assert.deepEqual(connection.prepare('SELECT v FROM t').allExact(), [['a\0é𝄞']]);
      const raw = new RawText(new Uint8Array([0xff]));
      assert.throws(() => connection.prepare('INSERT INTO t VALUES (?)').run(raw), ConstraintFailure);
    });
  }
});

test('parameters are cast where they stand, not inside quoted text, names or comments', () => {
  const sql = `SELECT '?', "?", [?], \`?\`, ? -- ?\n, /* ? */ ?1, ?`;
  const cast = `SELECT '?', "?", [?], \`?\`, +CAST(?1 AS TEXT) -- ?\n, /* ? */ +CAST(?1 AS TEXT), ?2`;
  assert.equal(withTextCasts(sql, new Set([0])), cast);
});

test('a refused row says which kind of constraint refused it', () => {
  withMemory((connection) => {
    connection.exec(`
      CREATE TABLE t (id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL DEFAULT 1, c CHECK (c > 0));
      CREATE TABLE s (v INTEGER) STRICT;
      CREATE TABLE w (k PRIMARY KEY) WITHOUT ROWID;
      CREATE TRIGGER refuse BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'no'); END;
      INSERT INTO t VALUES (1, 1, 1, 1); INSERT INTO w VALUES (1);`);
    const cases: readonly (readonly [string, string])[] = [
      ['INSERT INTO t VALUES (1, 2, 1, 1)', 'primary-key'],
      ['INSERT INTO t VALUES (2, 1, 1, 1)', 'unique'],
      ['INSERT INTO t VALUES (2, 2, NULL, 1)', 'not-null'],
      ['INSERT INTO t VALUES (2, 2, 1, 0)', 'check'],
      ["INSERT INTO t VALUES ('x', 2, 1, 1)", 'datatype'],
      ["INSERT INTO s VALUES ('x')", 'datatype'],
      ['INSERT INTO w VALUES (1)', 'primary-key'],
      ['DELETE FROM t', 'trigger'],
    ];
    for (const [sql, kind] of cases) {
      assert.throws(
        () => connection.prepare(sql).run(),
        (error) => error instanceof ConstraintFailure && error.kind === kind,
        sql,
      );
    }
  });
});

test('a lock of another connection is a failure that says so, and a failed transaction leaves nothing open', () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  const one = openConnection(path);
  const two = openConnection(path);
  one.exec('CREATE TABLE t (v); BEGIN IMMEDIATE');
  assert.throws(() => transact(two, 'immediate', () => 1), isLocked);
  one.exec('COMMIT');
  const boom = new Error('boom');
  assert.throws(
    () =>
      transact(two, 'immediate', () => {
        two.exec('INSERT INTO t VALUES (1)');
        throw boom;
      }),
    boom,
  );
  assert.equal(two.isInTransaction, false);
  assert.deepEqual(one.prepare('SELECT count(*) FROM t').get(), [0n]);
  const readOnly = openConnection(path, { isReadOnly: true });
  assert.throws(
    () => readOnly.exec('INSERT INTO t VALUES (1)'),
    (error) => error instanceof SyncError && error.code === 'USYNC-1202',
  );
  for (const connection of [one, two, readOnly]) connection.close();
});

test('iterating gives rows one by one, and changes counts only the rows of the statement', () => {
  withMemory((connection) => {
    connection.exec(`CREATE TABLE t (v); CREATE TABLE log (v);
      CREATE TRIGGER note AFTER INSERT ON t BEGIN INSERT INTO log VALUES (NEW.v); INSERT INTO log VALUES (NEW.v); END`);
    assert.deepEqual(connection.prepare('INSERT INTO t VALUES (?), (?)').run(1n, 2n), { changes: 2, lastRowid: 2n });
    assert.deepEqual([...connection.prepare('SELECT v FROM log').iterate()], [[1n], [1n], [2n], [2n]]);
  });
});

function withMemory(work: (connection: Connection) => void): void {
  const connection = openConnection(':memory:');
  try {
    work(connection);
  } finally {
    connection.close();
  }
}
