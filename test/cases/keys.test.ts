// Goal: rows keep their identity whatever happens to their keys (hard cases 16 to 22, failures 22 and 23).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSame, exchange, later, withServers } from './case-servers.js';

const families = `CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT, hash TEXT);
  CREATE TABLE post (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES user(id) ON DELETE CASCADE, text TEXT)`;

test('H16: two servers that insert the same automatic number keep both rows, children with their own parents', () =>
  withServers({ schema: families, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO user (name) VALUES ('ann'); INSERT INTO post (user_id, text) VALUES (1, 'by ann')`);
    await later();
    b.python(`INSERT INTO user (name) VALUES ('bob'); INSERT INTO post (user_id, text) VALUES (1, 'by bob')`);
    await assertSame([a, b, c]);
    assert.equal(
      c.ask('SELECT name, text FROM post JOIN user ON user.id = user_id ORDER BY 1'),
      'ann|by ann\nbob|by bob',
    );
    assert.equal(c.ask(`SELECT id FROM user WHERE name = 'ann'`), '1');
  }));

test('H16: a substitute number is safe in JavaScript and does not lift the next automatic number', () =>
  withServers({ schema: families }, async (a, b) => {
    a.shell(`INSERT INTO user (name) VALUES ('ann')`);
    await later();
    b.shell(`INSERT INTO user (name) VALUES ('bob')`);
    await assertSame([a, b]);
    const number = Number(a.ask(`SELECT id FROM user WHERE name = 'bob'`));
    assert.ok(Number.isSafeInteger(number));
    a.shell(`INSERT INTO user (name) VALUES ('next')`);
    assert.equal(a.ask(`SELECT id FROM user WHERE name = 'next'`), '2');
    await assertSame([a, b]);
  }));

test('H16: AUTOINCREMENT goes on above every number that came from elsewhere', () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)' }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (500, 'explicit')`);
    await assertSame([a, b]);
    b.shell(`INSERT INTO t (name) VALUES ('auto')`);
    await assertSame([a, b]);
    assert.ok(Number(b.ask(`SELECT id FROM t WHERE name = 'auto'`)) > 500);
    b.shell('DELETE FROM t WHERE id > 0');
    await assertSame([a, b]);
    a.shell(`INSERT INTO t (name) VALUES ('after')`);
    assert.ok(Number(a.ask('SELECT id FROM t')) > 500, 'a deleted number is not given again');
    await assertSame([a, b]);
  }));

test('H17: rows of a table without a key survive VACUUM and may be equal', () =>
  withServers({ schema: 'CREATE TABLE log (text TEXT, n INTEGER)' }, async (a, b) => {
    a.shell(`INSERT INTO log VALUES ('x', 1), ('x', 1), ('y', 2), ('z', 3); DELETE FROM log WHERE text = 'y'`);
    await assertSame([a, b]);
    const before = await a.vector();
    a.shell('VACUUM');
    assert.deepEqual(await a.captured(before), []);
    b.shell(`VACUUM; UPDATE log SET n = 4 WHERE text = 'z'; INSERT INTO log VALUES ('x', 1)`);
    assert.equal(await assertSame([a, b]), `log: 1 | 'x'\nlog: 1 | 'x'\nlog: 1 | 'x'\nlog: 4 | 'z'`);
    a.shell(`DELETE FROM log WHERE rowid = (SELECT min(rowid) FROM log WHERE text = 'x')`);
    assert.equal(await assertSame([a, b]), `log: 1 | 'x'\nlog: 1 | 'x'\nlog: 4 | 'z'`);
  }));

test('H18: columns may take the names of the rowid', () =>
  withServers(
    {
      schema: `CREATE TABLE one (rowid TEXT, v); CREATE TABLE two (rowid TEXT, oid TEXT, v);
        CREATE TABLE keyed (rowid INTEGER, oid INTEGER, _rowid_ INTEGER PRIMARY KEY, v);
        CREATE TABLE all_taken (rowid, oid, _rowid_, v)`,
    },
    async (a, b) => {
      a.shell(`INSERT INTO one VALUES ('r', 1), ('r', 1); INSERT INTO two VALUES ('r', 'o', 1);
        INSERT INTO keyed VALUES (7, 8, 9, 1); INSERT INTO all_taken VALUES (1, 2, 3, 4)`);
      await assertSame([a, b]);
      b.shell(`UPDATE one SET v = 2 WHERE _rowid_ = 2; UPDATE two SET v = 2; UPDATE keyed SET rowid = 70, v = 2`);
      assert.equal(await assertSame([a, b]), `keyed: 9 | 8 | 70 | 2\none: 'r' | 1\none: 'r' | 2\ntwo: 'o' | 'r' | 2`);
      const report = (await a.replica.tables()).find(({ name }) => name === 'all_taken');
      assert.equal(report?.isSynced, false);
      assert.match(report?.remark ?? '', /hide every name of the rowid/);
    },
  ));

test('H19: NULLs in a unique column do not clash; rows with NULL in the key stay at home, and are counted', () =>
  withServers(
    {
      schema:
        'CREATE TABLE u (id INTEGER PRIMARY KEY, v UNIQUE); CREATE TABLE k (a TEXT, b TEXT, v, PRIMARY KEY (a, b))',
    },
    async (a, b) => {
      a.shell(
        `INSERT INTO u VALUES (1, NULL), (2, NULL); INSERT INTO k VALUES ('x', 'y', 1), ('x', NULL, 2), ('x', NULL, 3)`,
      );
      await later();
      b.shell(`INSERT INTO u VALUES (3, NULL); INSERT INTO k VALUES ('x', 'z', 4)`);
      await a.replica.drain();
      await b.replica.drain();
      await exchange([a, b]);
      assert.equal(b.ask('SELECT count(*) FROM u'), '3');
      assert.equal(b.ask('SELECT v FROM k ORDER BY v'), '1\n4');
      assert.equal(a.ask('SELECT v FROM k ORDER BY v'), '1\n2\n3\n4');
      const keyless = async (): Promise<number | undefined> =>
        (await a.replica.tables()).find(({ name }) => name === 'k')?.keyless;
      assert.equal(await keyless(), 2);
      a.python(`UPDATE k SET b = 'now' WHERE v = 2; INSERT INTO k VALUES (NULL, NULL, 5)`);
      await exchange([a, b]);
      assert.equal(b.ask('SELECT v FROM k ORDER BY v'), '1\n2\n4', 'a row that gets a key is synced by itself');
      await later();
      assert.equal(await keyless(), 2);
      a.shell('DELETE FROM k WHERE b IS NULL');
      await assertSame([a, b]);
      assert.equal(await keyless(), 0);
    },
  ));

test('H19: rows with NULL in the key that were there before, and those of a rebuilt table, are counted', () =>
  withServers(
    {
      schema: `CREATE TABLE k (name TEXT PRIMARY KEY, v); INSERT INTO k VALUES ('x', 1), (NULL, 2);
        CREATE TABLE strict (name TEXT PRIMARY KEY NOT NULL, v)`,
    },
    async (a, b) => {
      const keyless = async (): Promise<unknown> =>
        (await a.replica.tables()).map(({ name, keyless: rows }) => `${name} ${rows}`);
      assert.deepEqual(await keyless(), ['k 1', 'strict 0']);
      a.shell(`CREATE TABLE new_k (name TEXT PRIMARY KEY, v, more); INSERT INTO new_k (name, v) SELECT name, v FROM k;
        INSERT INTO new_k (v) VALUES (3); DROP TABLE k; ALTER TABLE new_k RENAME TO k`);
      await exchange([a, b]);
      assert.deepEqual(await keyless(), ['k 2', 'strict 0']);
    },
  ));

test('H20: keys that a collation takes for equal are one key, on every server and in every order', () =>
  withServers(
    {
      schema:
        'CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, v); CREATE TABLE r (k TEXT COLLATE RTRIM PRIMARY KEY, v) WITHOUT ROWID',
      servers: 'abc',
    },
    async (a, b, c) => {
      await a.write(`INSERT INTO t VALUES ('abc', 'a'); INSERT INTO r VALUES ('x', 'a')`);
      await later();
      await b.write(`INSERT INTO t VALUES ('ABC', 'b'); INSERT INTO r VALUES ('x  ', 'b')`);
      await later();
      await c.write(`INSERT INTO t VALUES ('Abc', 'c')`);
      assert.equal(await assertSame([c, b, a]), `r: 'x  ' | 'b'\nt: 'Abc' | 'c'`);
      a.shell(`DELETE FROM t; DELETE FROM r`);
      assert.equal(await assertSame([a, b, c]), '');
    },
  ));

const keyed = [
  ['INTEGER PRIMARY KEY', 'CREATE TABLE t (k INTEGER PRIMARY KEY, v)'],
  ['TEXT PRIMARY KEY', 'CREATE TABLE t (k TEXT PRIMARY KEY, v)'],
  ['REAL PRIMARY KEY', 'CREATE TABLE t (k REAL PRIMARY KEY, v)'],
  ['BLOB PRIMARY KEY WITHOUT ROWID', 'CREATE TABLE t (k BLOB PRIMARY KEY, v) WITHOUT ROWID'],
] as const;
for (const [kind, schema] of keyed)
  test(`H21: a key that is changed, swapped, or passed on in a chain takes its row along (${kind})`, () =>
    withServers({ schema }, async (a, b) => {
      a.shell(`INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')`);
      await assertSame([a, b]);
      a.shell('UPDATE t SET k = 10 WHERE k = 1');
      b.shell(`UPDATE t SET v = 'ONE' WHERE k = 1`);
      await assertSame([a, b]);
      assert.equal(b.ask('SELECT CAST(k AS INTEGER), v FROM t ORDER BY 1'), '2|two\n3|three\n10|ONE');
      b.shell(
        `BEGIN; UPDATE t SET k = 99 WHERE k = 2; UPDATE t SET k = 2 WHERE k = 3; UPDATE t SET k = 3 WHERE k = 99; COMMIT`,
      );
      await assertSame([a, b]);
      assert.equal(a.ask('SELECT CAST(k AS INTEGER), v FROM t ORDER BY 1'), '2|three\n3|two\n10|ONE');
      a.shell(
        'BEGIN; UPDATE t SET k = 4 WHERE k = 3; UPDATE t SET k = 3 WHERE k = 2; UPDATE t SET k = 2 WHERE k = 10; COMMIT',
      );
      await assertSame([a, b]);
      assert.equal(b.ask('SELECT CAST(k AS INTEGER), v FROM t ORDER BY 1'), '2|ONE\n3|three\n4|two');
    }));

test('H21: a key is the value that SQLite stores: 1 by INTEGER affinity, text 1 and integer 1 apart without one', () =>
  withServers(
    { schema: 'CREATE TABLE i (k INTEGER, v, PRIMARY KEY (k)) WITHOUT ROWID; CREATE TABLE n (k, v, PRIMARY KEY (k))' },
    async (a, b) => {
      a.shell(`INSERT INTO i VALUES ('1', 'a'); INSERT INTO n VALUES ('1', 'text'), (1, 'integer'), (x'31', 'blob')`);
      await assertSame([a, b]);
      b.shell(`UPDATE i SET v = 'b' WHERE k = 1; UPDATE n SET v = 'T' WHERE k = '1'; DELETE FROM n WHERE k = 1`);
      assert.equal(await assertSame([a, b]), `i: 1 | 'b'\nn: '1' | 'T'\nn: X'31' | 'blob'`);
      a.shell(`UPDATE n SET k = 1.0 WHERE k = '1'; UPDATE n SET k = 1 WHERE k = 1.0`);
      assert.equal(await assertSame([a, b]), `i: 1 | 'b'\nn: 1 | 'T'\nn: X'31' | 'blob'`);
    },
  ));

test('H22: WITHOUT ROWID tables with composite keys, one column descending', () =>
  withServers(
    { schema: 'CREATE TABLE t (a TEXT, b INTEGER, v, PRIMARY KEY (b DESC, a)) WITHOUT ROWID' },
    async (a, b) => {
      a.shell(`INSERT INTO t VALUES ('x', 1, 'a'), ('y', 1, 'b'), ('x', 2, 'c')`);
      await assertSame([a, b]);
      b.shell(`UPDATE t SET a = 'z' WHERE b = 2; DELETE FROM t WHERE a = 'y'; REPLACE INTO t VALUES ('x', 1, 'd')`);
      assert.equal(await assertSame([a, b]), `t: 'x' | 1 | 'd'\nt: 'z' | 2 | 'c'`);
    },
  ));

test('F22: two servers that both create user 4 end with two users, each with its own name and password', () =>
  withServers({ schema: families }, async (a, b) => {
    a.shell(`INSERT INTO user VALUES (1, 'one', 'h1'), (2, 'two', 'h2'), (3, 'three', 'h3')`);
    await assertSame([a, b]);
    a.python(`INSERT INTO user (name, hash) VALUES ('four at a', 'ha')`);
    await later();
    b.python(
      `INSERT INTO user (name, hash) VALUES ('four at b', 'hb'); INSERT INTO post (user_id, text) VALUES (4, 'of b')`,
    );
    await assertSame([a, b]);
    assert.equal(a.ask(`SELECT name, hash FROM user WHERE name LIKE 'four%' ORDER BY 1`), 'four at a|ha\nfour at b|hb');
    assert.equal(a.ask('SELECT name FROM user JOIN post ON user.id = user_id'), 'four at b');
  }));

test('F23: a number that is used again after its row was deleted is another row', () =>
  withServers({ schema: families }, async (a, b) => {
    a.shell(`INSERT INTO user VALUES (1, 'one', ''), (2, 'two', ''), (3, 'old three', '')`);
    await assertSame([a, b]);
    a.shell('DELETE FROM user WHERE id = 3');
    await a.replica.drain();
    a.shell(`INSERT INTO user (name) VALUES ('new three')`);
    b.shell(`UPDATE user SET name = 'edited old three' WHERE id = 3`);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT name FROM user WHERE id = 3'), 'new three');
    a.shell(`BEGIN; DELETE FROM user WHERE id = 3; INSERT INTO user (name) VALUES ('newest three'); COMMIT`);
    b.shell(`UPDATE user SET hash = 'edited' WHERE id = 3`);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT name, hash FROM user WHERE id = 3'), 'newest three|NULL');
  }));
