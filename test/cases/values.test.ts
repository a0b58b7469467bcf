// Goal: a value arrives as SQLite stored it, bit by bit (hard cases 33 to 35, failure 29).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSame, withServers } from './case-servers.js';

test('H33: numbers, texts and blobs at the edges arrive exactly', () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)' }, async (a, b) => {
    const values = [
      '9223372036854775807',
      '-9223372036854775808',
      '9007199254740993',
      '1',
      '1.0',
      '-0.0',
      '0.1 + 0.2',
      '5e-324',
      '9e999',
      '-9e999',
      `''`,
      `x''`,
      'NULL',
      `'a' || char(0) || 'b'`,
      `CAST(x'ff61' AS TEXT)`,
      `CAST(x'c3' AS TEXT)`,
      `'😀'`,
      `char(0xe9)`,
      `'e' || char(0x301)`,
      `' trailing '`,
      `char(13, 10, 9)`,
      `x'000102ff'`,
      `'9007199254740993'`,
      `'1.0'`,
    ];
    a.shell(values.map((value, i) => `INSERT INTO t VALUES (${i + 1}, ${value});`).join('\n'));
    await assertSame([a, b]);
    const exact = "SELECT id, typeof(v), hex(CAST(v AS BLOB)), printf('%!.17g', v) FROM t ORDER BY id";
    assert.equal(b.shell(exact), a.shell(exact));
    b.python('UPDATE t SET v = v WHERE id > 0; UPDATE t SET v = 1.0 WHERE id = 4');
    await assertSame([a, b]);
    assert.equal(a.shell('SELECT typeof(v) FROM t WHERE id = 4'), 'real');
  }));

test('H34: a text of 1 MB and a blob of 5 MB arrive, and a change beside them', () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v, n)' }, async (a, b) => {
    a.python(`INSERT INTO t VALUES (1, hex(randomblob(500000)), 1); INSERT INTO t VALUES (2, randomblob(5000000), 1)`);
    await assertSame([a, b]);
    b.shell('UPDATE t SET n = 2');
    await assertSame([a, b]);
    const sizes = 'SELECT length(v), typeof(v), n FROM t ORDER BY id';
    assert.equal(b.ask(sizes), '1000000|text|2\n5000000|blob|2');
    assert.equal(
      b.shell('SELECT hex(substr(v, 4999000)) FROM t WHERE id = 2'),
      a.shell('SELECT hex(substr(v, 4999000)) FROM t WHERE id = 2'),
    );
  }));

test('H35: types of other engines are what SQLite makes of them: trailing spaces, zero dates, long numbers, mixed case', () =>
  withServers(
    {
      schema: `CREATE TABLE t (id CHAR(36) PRIMARY KEY, flag BOOLEAN, price NUMERIC(20, 4), at TIMESTAMPTZ, doc JSONB, list TEXT[], day DATE,
        name VARCHAR(5), big BIGINT UNSIGNED, f FLOAT)`,
    },
    async (a, b) => {
      a.shell(`INSERT INTO t VALUES ('0f8f-AB ', TRUE, '12345678901234567.8901', '2024-01-01 00:00:00+02', '{"a": 1.0}', '{x,y}', '0000-00-00', 'longer than five ', '18446744073709551615', 1),
        ('0f8f-ab ', 'yes', 1.50, 1700000000, x'7b7d', '[]', NULL, 'ABC', -1, 'text')`);
      await assertSame([a, b]);
      const all = 'SELECT *, typeof(price), typeof(at), typeof(big), typeof(f), typeof(flag) FROM t ORDER BY id';
      assert.equal(b.shell(all), a.shell(all));
      b.shell(`UPDATE t SET name = 'abc' WHERE name = 'ABC'`);
      await assertSame([a, b]);
      assert.equal(a.ask(`SELECT name FROM t WHERE id = '0f8f-ab '`), 'abc');
    },
  ));

test('F29: nothing is guessed from the names of columns', () =>
  withServers(
    {
      schema:
        'CREATE TABLE t (id INTEGER PRIMARY KEY, start_date, last_sync DATETIME, is_admin BOOLEAN, password_hash, big BIGINT)',
    },
    async (a, b) => {
      a.python(
        `INSERT INTO t VALUES (1, 'not a date', 12, 'perhaps', x'00', 9007199254740993), (2, 20240101, '2024-01-01T00:00:00', 1, NULL, 1.5)`,
      );
      await assertSame([a, b]);
      const all =
        'SELECT id, quote(start_date), quote(last_sync), quote(is_admin), quote(password_hash), quote(big) FROM t ORDER BY id';
      assert.equal(
        b.shell(all),
        `1|'not a date'|12|'perhaps'|X'00'|9007199254740993\n2|20240101|'2024-01-01T00:00:00'|1|NULL|1.5`,
      );
    },
  ));
