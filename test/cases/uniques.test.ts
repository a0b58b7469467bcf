// Goal: unique columns hold everywhere and no row is lost or mixed for them (hard case 28, failure 26).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSame, later, lostValues, meet, withServers } from './case-servers.js';

const accounts = 'CREATE TABLE account (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT)';
const labels = 'CREATE TABLE label (id INTEGER PRIMARY KEY, word TEXT UNIQUE, colour TEXT)';

test('H28: one e-mail under two ids: the elder account is shown, the younger waits for a person, as a whole', () =>
  withServers({ schema: accounts, servers: 'abc' }, async (a, b, c) => {
    await a.write(`INSERT INTO account VALUES (1, 'x@y', 'elder')`);
    await later();
    await b.write(`INSERT INTO account VALUES (2, 'x@y', 'younger'), (3, 'other', 'other')`);
    assert.equal(await assertSame([c, b, a]), `account: 'other' | 3 | 'other'\naccount: 'x@y' | 1 | 'elder'`);
    for (const { replica, name } of [a, b, c]) {
      const held = await replica.quarantine({ max: 10 });
      assert.equal(held.length, 1, name);
      assert.match(held[0]?.reason ?? '', /^row 1 has the same unique value: unique\(/);
    }
    c.shell(`UPDATE account SET email = 'new@y' WHERE id = 1`);
    await assertSame([a, b, c]);
    assert.equal(a.ask('SELECT email, name FROM account ORDER BY 1'), 'new@y|elder\nother|other\nx@y|younger');
  }));

test('H28: merge makes one row of two, with its children; no server shows a mixture that another does not', () =>
  withServers(
    {
      schema: `${labels}; CREATE TABLE use (id INTEGER PRIMARY KEY, label REFERENCES label(id), place)`,
      servers: 'abc',
    },
    async (a, b, c) => {
      await a.write(`INSERT INTO label VALUES (1, 'w', 'red'); INSERT INTO use VALUES (1, 1, 'at a')`);
      await later();
      await b.write(`INSERT INTO label VALUES (2, 'w', 'blue'); INSERT INTO use VALUES (2, 2, 'at b')`);
      await assertSame([a, b, c]);
      assert.equal(c.ask('SELECT id, word FROM label'), '1|w');
      assert.equal(c.ask('SELECT label, place FROM use ORDER BY id'), '1|at a\n1|at b');
    },
  ));

test('H28: rename lets both rows stand, the younger with a suffix that is the same everywhere', () =>
  withServers({ schema: labels, servers: 'abc', rules: { label: { unique: 'rename' } } }, async (a, b, c) => {
    await a.write(`INSERT INTO label VALUES (1, 'w', 'red')`);
    await later();
    await b.write(`INSERT INTO label VALUES (2, 'w', 'blue')`);
    await assertSame([c, a, b]);
    assert.equal(c.ask(`SELECT colour FROM label WHERE word = 'w'`), 'red');
    assert.match(c.ask(`SELECT word FROM label WHERE colour = 'blue'`), /^w.+/);
  }));

test('H28: unique values that rows exchange, or pass on in a chain, arrive', () =>
  withServers({ schema: labels }, async (a, b) => {
    a.shell(`INSERT INTO label VALUES (1, 'one', ''), (2, 'two', ''), (3, 'three', '')`);
    await assertSame([a, b]);
    a.shell(
      `BEGIN; UPDATE label SET word = 'free' WHERE id = 1; UPDATE label SET word = 'one' WHERE id = 2; UPDATE label SET word = 'two' WHERE id = 1; COMMIT`,
    );
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT id, word FROM label ORDER BY id'), '1|two\n2|one\n3|three');
    b.shell(
      `BEGIN; UPDATE label SET word = 'four' WHERE id = 3; UPDATE label SET word = 'three' WHERE id = 2; UPDATE label SET word = 'one' WHERE id = 1; COMMIT`,
    );
    await assertSame([a, b]);
    assert.equal(a.ask('SELECT id, word FROM label ORDER BY id'), '1|one\n2|three\n3|four');
  }));

test('H28: concurrent chains of renames end the same everywhere, with no value twice', () =>
  withServers({ schema: labels, servers: 'abc', rules: { label: { unique: 'hold' } } }, async (a, b, c) => {
    a.shell(`INSERT INTO label VALUES (1, 'one', ''), (2, 'two', ''), (3, 'three', '')`);
    await assertSame([a, b, c]);
    a.shell(`BEGIN; UPDATE label SET word = 'x' WHERE id = 1; UPDATE label SET word = 'one' WHERE id = 2; COMMIT`);
    await later();
    b.shell(`BEGIN; UPDATE label SET word = 'y' WHERE id = 1; UPDATE label SET word = 'one' WHERE id = 3; COMMIT`);
    await later();
    c.shell(`UPDATE label SET word = 'x' WHERE id = 3`);
    await assertSame([b, c, a]);
    assert.equal(
      a.ask('SELECT count(*), count(DISTINCT word) FROM label').split('|')[0],
      a.ask('SELECT count(DISTINCT word) FROM label'),
    );
  }));

test('H28: partial and expression indexes hold: what would break one waits alone and comes when it can', () =>
  withServers(
    {
      schema: `CREATE TABLE seat (id INTEGER PRIMARY KEY, person TEXT, active INTEGER);
        CREATE UNIQUE INDEX one_active ON seat (person) WHERE active = 1;
        CREATE TABLE nick (id INTEGER PRIMARY KEY, name TEXT); CREATE UNIQUE INDEX lowered ON nick (lower(name))`,
      servers: 'abc',
    },
    async (a, b, c) => {
      await a.write(`INSERT INTO seat VALUES (1, 'ann', 1), (2, 'ann', 0); INSERT INTO nick VALUES (1, 'Neo')`);
      await later();
      await b.write(
        `INSERT INTO seat VALUES (3, 'ann', 1), (4, 'ann', 0); INSERT INTO nick VALUES (2, 'NEO'), (3, 'Trinity')`,
      );
      await assertSame([a, b, c]);
      assert.equal(c.ask('SELECT count(*) FROM seat WHERE active = 0'), '2');
      assert.equal(c.ask(`SELECT count(*) FROM seat WHERE active = 1 AND person = 'ann'`), '1');
      assert.equal(c.ask('SELECT count(*) FROM nick'), '2');
      await c.write(
        `UPDATE nick SET name = 'Morpheus' WHERE lower(name) = 'neo'; UPDATE seat SET active = 0 WHERE active = 1`,
      );
      await assertSame([a, b, c]);
      assert.equal(a.ask('SELECT count(*) FROM nick'), '3');
      assert.equal(a.ask('SELECT count(*) FROM seat'), '4');
    },
  ));

test('H28: several uniques, one composite, one NOCASE, one nullable', () =>
  withServers(
    {
      schema:
        'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE UNIQUE, b TEXT UNIQUE, c, d, UNIQUE (c, d))',
      servers: 'abc',
      rules: { t: { unique: 'hold' } },
    },
    async (a, b, c) => {
      await a.write(`INSERT INTO t VALUES (1, 'Word', NULL, 1, 1), (2, NULL, 'b', 1, 2)`);
      await later();
      await b.write(
        `INSERT INTO t VALUES (11, 'WORD', NULL, 3, 1), (12, NULL, 'b', NULL, 2), (13, NULL, NULL, 1, 2), (14, NULL, NULL, NULL, NULL)`,
      );
      await assertSame([c, b, a]);
      assert.equal(a.ask('SELECT id FROM t ORDER BY id'), '1\n2\n14');
      await a.write('DELETE FROM t WHERE id IN (1, 2)');
      await assertSame([c, b, a]);
      assert.equal(a.ask('SELECT id FROM t ORDER BY id'), '11\n12\n13\n14');
    },
  ));

test('F26: equal users, roles and teams made on two servers lose neither rows nor columns, and nothing is orphaned', () =>
  withServers(
    {
      schema: `CREATE TABLE role (id INTEGER PRIMARY KEY, name TEXT UNIQUE, level INTEGER);
        CREATE TABLE user (id INTEGER PRIMARY KEY, username TEXT UNIQUE, password_hash TEXT, role_id INTEGER REFERENCES role(id));
        CREATE TABLE team (number INTEGER PRIMARY KEY, name TEXT)`,
      servers: 'abc',
    },
    async (a, b, c) => {
      await a.write(
        `INSERT INTO role VALUES (1, 'admin', 9); INSERT INTO user VALUES (1, 'root', 'ha', 1); INSERT INTO team VALUES (254, 'a says')`,
      );
      await later();
      await b.write(
        `INSERT INTO role VALUES (5, 'admin', 9); INSERT INTO user VALUES (1, 'root', 'hb', 5), (2, 'bob', 'hbob', 5)`,
      );
      await assertSame([a, b, c]);
      assert.equal(c.ask('SELECT name, level FROM role'), 'admin|9');
      assert.equal(
        c.ask(`SELECT username, password_hash, name FROM user JOIN role ON role.id = role_id ORDER BY 1`),
        'bob|hbob|admin\nroot|ha|admin',
      );
      const held = await c.replica.quarantine({ max: 10 });
      assert.equal(held.length, 1);
    },
  ));

test('F26: no merge replaces a row: the two rows of a clash are still there when the clash is over', () =>
  withServers({ schema: accounts }, async (a, b) => {
    await a.write(`INSERT INTO account VALUES (1, 'x', 'a')`);
    await b.write(`INSERT INTO account VALUES (2, 'x', 'b')`);
    await meet(a, b);
    await a.write(`DELETE FROM account WHERE name = 'a'`);
    assert.equal(await assertSame([a, b]), `account: 'x' | 2 | 'b'`);
    assert.deepEqual(await lostValues(a), []);
  }));
