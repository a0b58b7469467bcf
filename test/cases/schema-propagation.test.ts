// Goal: where it is switched on, new tables and columns are made on the servers that lack them, before the rows that need
// them; nothing is ever taken away, and no text of a peer becomes SQL.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTableSql, readDescription } from '../../src/databases/sqlite/schema/table-description.js';
import { assertSame, exchange, meet, withServers, type CaseServer } from './case-servers.js';

const schema = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)';
const all = { schema, servers: 'abc', propagates: 'abc' };

const columnsOf = (server: CaseServer, table: string): string =>
  server.ask(`SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo('${table}') ORDER BY cid`);

const waiting = async ({ replica }: CaseServer): Promise<number> => (await replica.quarantine({ max: 100 })).length;

test('a new table and its rows reach every server, with keys, uniques, references and defaults', () =>
  withServers(all, async (a, b, c) => {
    a.shell(`CREATE TABLE "odd name" (code TEXT NOT NULL, part INTEGER DEFAULT 7, t_id INTEGER REFERENCES t(id) ON DELETE CASCADE,
        at TEXT DEFAULT CURRENT_TIMESTAMP, "note" VARCHAR(20) UNIQUE DEFAULT 'it''s', PRIMARY KEY (part, code)) WITHOUT ROWID;
      CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, n REAL DEFAULT -1.5, UNIQUE (n, id));
      INSERT INTO t VALUES (1, 'x'); INSERT INTO "odd name" (code, t_id) VALUES ('k', 1); INSERT INTO log (n) VALUES (2)`);
    await meet(a, b);
    await meet(b, c);
    assert.equal(await waiting(c), 0, 'the table came before its rows');
    await assertSame([a, b, c]);
    for (const table of ['odd name', 'log']) assert.equal(columnsOf(c, table), columnsOf(a, table));
    for (const sql of [
      `SELECT * FROM pragma_foreign_key_list('odd name')`,
      `SELECT "unique", origin FROM pragma_index_list('odd name') ORDER BY origin`,
    ])
      assert.equal(c.ask(sql), a.ask(sql));
    c.shell(`PRAGMA foreign_keys = ON; INSERT INTO log (n) VALUES (9); DELETE FROM t`);
    await assertSame([a, b, c]);
    assert.equal(a.ask('SELECT count(*) FROM "odd name"'), '0');
    assert.equal(a.ask(`SELECT sql LIKE '%AUTOINCREMENT%' FROM sqlite_schema WHERE name = 'log'`), '1');
  }));

test('what a migration adds while no connection is open spreads too', () =>
  withServers(all, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x')`);
    await assertSame([a, b, c]);
    await a.replica.close();
    a.shell(`ALTER TABLE t ADD COLUMN b INTEGER DEFAULT 5; UPDATE t SET b = 6`);
    await a.replica.open();
    await a.replica.drain();
    await assertSame([a, b, c]);
    assert.equal(c.ask('SELECT b FROM t'), '6');
  }));

test('a new column is made before the values that need it, and making it is no change of any row', () =>
  withServers(all, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x'), (2, 'y')`);
    await assertSame([a, b, c]);
    a.shell(`ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 5; ALTER TABLE t ADD COLUMN up REFERENCES t`);
    await a.replica.drain();
    await meet(a, b);
    assert.equal(columnsOf(b, 't'), columnsOf(a, 't'));
    const before = await b.vector();
    assert.deepEqual(await b.captured(before), []);
    a.shell('UPDATE t SET b = 6, up = 1 WHERE id = 2');
    await meet(a, b);
    await meet(b, c);
    assert.deepEqual((await c.replica.proof()).leftOut, []);
    await assertSame([a, b, c]);
    assert.equal(c.ask('SELECT * FROM t'), '1|x|5|NULL\n2|y|6|1');
  }));

test('what was added while the engine did not run is told when it runs again', () =>
  withServers(all, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x')`);
    await assertSame([a, b, c]);
    await a.replica.close();
    a.shell(`CREATE TABLE fresh (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO fresh VALUES (1, 'new');
      ALTER TABLE t ADD COLUMN b; UPDATE t SET b = 'too'`);
    await a.replica.open();
    await assertSame([a, b, c]);
    assert.equal(c.ask('SELECT v, b FROM fresh JOIN t ON t.id = fresh.id'), 'new|too');
    for (const each of [a, b, c]) assert.equal(await waiting(each), 0);
  }));

test('two servers that add the same table and column do not clash, and what only one of them added comes to the other', () =>
  withServers(all, async (a, b, c) => {
    for (const server of [a, b])
      server.shell(`CREATE TABLE made (id INTEGER PRIMARY KEY, v TEXT, of_${server.name}); ALTER TABLE t ADD COLUMN b;
        INSERT INTO made VALUES (1, 'the same', NULL); INSERT INTO t VALUES (${server.name === 'a' ? 1 : 2}, 'x', 'y')`);
    await assertSame([a, b, c]);
    assert.equal(c.ask('SELECT id, v FROM made'), '1|the same');
    for (const server of [a, b, c]) {
      assert.match(columnsOf(server, 'made'), /of_a/);
      assert.match(columnsOf(server, 'made'), /of_b/);
    }
    a.shell(`UPDATE made SET of_b = 'by a'`);
    await assertSame([a, b, c]);
    assert.equal(b.ask('SELECT of_b FROM made'), 'by a');
  }));

test('it is off by default: a server that did not ask for it makes nothing, holds the rows, and hands everything on', () =>
  withServers({ ...all, propagates: 'ac' }, async (a, b, c) => {
    a.shell(`CREATE TABLE made (id INTEGER PRIMARY KEY, v); INSERT INTO made VALUES (1, 'x')`);
    await meet(a, b);
    await meet(b, c);
    assert.equal(b.ask(`SELECT count(*) FROM sqlite_schema WHERE name = 'made'`), '0');
    assert.deepEqual(
      (await b.replica.quarantine({ max: 10 })).map(({ table }) => table),
      ['made'],
    );
    assert.deepEqual((await b.replica.proof()).leftOut, ['made: the table is not here']);
    assert.equal(c.ask('SELECT v FROM made'), 'x');
    b.shell('CREATE TABLE made (id INTEGER PRIMARY KEY, v)');
    await assertSame([a, b, c]);
  }));

test('nothing is taken away: tables and columns that one server drops stay on the others', () =>
  withServers(all, async (a, b) => {
    a.shell(`CREATE TABLE made (id INTEGER PRIMARY KEY, v, w); INSERT INTO made VALUES (1, 'x', 'y')`);
    await assertSame([a, b]);
    a.shell('ALTER TABLE made DROP COLUMN w; DROP TABLE t');
    await exchange([a, b]);
    assert.equal(b.ask('SELECT * FROM made'), '1|x|y');
    assert.equal(b.ask('SELECT count(*) FROM t'), '0');
    assert.equal(
      a.ask(`SELECT count(*) FROM sqlite_schema WHERE name = 't'`),
      '0',
      'and it does not come back by itself',
    );
    b.shell('ALTER TABLE made ADD COLUMN later; ALTER TABLE t ADD COLUMN later; UPDATE made SET later = 1');
    await exchange([a, b]);
    assert.equal(a.ask('SELECT * FROM made'), '1|x|1', 'what is new comes, what was dropped does not');
    assert.equal(a.ask(`SELECT count(*) FROM sqlite_schema WHERE name = 't'`), '0');
  }));

test('a renamed column is no new one: the others rename it themselves', () =>
  withServers(all, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x')`);
    await assertSame([a, b]);
    await a.write('ALTER TABLE t RENAME COLUMN a TO b');
    a.shell(`ALTER TABLE t ADD COLUMN c; UPDATE t SET b = 'y', c = 1`);
    await exchange([a, b]);
    assert.equal(b.ask('SELECT * FROM t'), '1|x|1');
    b.shell('ALTER TABLE t RENAME COLUMN a TO b');
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT id, b, c FROM t'), '1|y|1');
  }));

test('a server that joins late makes what it lacks out of the snapshot', () =>
  withServers({ ...all, joins: false }, async (a, b) => {
    a.shell(
      `CREATE TABLE made (id INTEGER PRIMARY KEY, v); INSERT INTO made VALUES (1, 'x'); INSERT INTO t VALUES (1, 'y')`,
    );
    await a.replica.drain();
    await meet(a, b);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT v FROM made'), 'x');
  }));

test('what a description cannot say is not made: its rows wait until the application migrates', () =>
  withServers(all, async (a, b) => {
    a.shell(`CREATE TABLE checked (id INTEGER PRIMARY KEY, n CHECK (n > 0)); INSERT INTO checked VALUES (1, 1);
      CREATE TABLE timed (id INTEGER PRIMARY KEY, at DEFAULT (datetime('now'))); INSERT INTO timed (id) VALUES (1)`);
    await exchange([a, b]);
    assert.equal(b.ask(`SELECT count(*) FROM sqlite_schema WHERE name IN ('checked', 'timed')`), '0');
    assert.equal(await waiting(b), 2);
    b.shell(`CREATE TABLE checked (id INTEGER PRIMARY KEY, n CHECK (n > 0));
      CREATE TABLE timed (id INTEGER PRIMARY KEY, at DEFAULT (datetime('now')))`);
    await assertSame([a, b]);
  }));

test('a table that is left out here is not made', () =>
  withServers({ ...all, rulesOf: { b: { secret: { exclude: true } } } }, async (a, b) => {
    a.shell(`CREATE TABLE secret (id INTEGER PRIMARY KEY, v); INSERT INTO secret VALUES (1, 'x')`);
    await exchange([a, b]);
    assert.equal(b.ask(`SELECT count(*) FROM sqlite_schema WHERE name = 'secret'`), '0');
  }));

test('no text of a peer becomes SQL: a description with anything but plain parts is refused', () => {
  const column = { name: 'a', type: 'TEXT', isNotNull: false, fallback: null, isRenamed: false };
  const sound = {
    name: 't',
    columns: [column],
    key: ['a'],
    isAutoincrement: false,
    isWithoutRowid: false,
    uniques: [],
    references: [],
  };
  const read = (change: object): unknown => readDescription(JSON.stringify({ ...sound, ...change }));
  assert.ok(read({}));
  for (const type of [
    'TEXT); DROP TABLE t; --',
    'INTEGER PRIMARY KEY',
    'TEXT CHECK (1)',
    'TEXT DEFAULT 1',
    'TEXT"',
    '/**/',
    7,
  ])
    assert.equal(read({ columns: [{ ...column, type }] }), null, String(type));
  for (const fallback of ["(datetime('now'))", "'a' || 'b'", '1) ', "x'1", "'it's'", 'load_extension(1)', 1, undefined])
    assert.equal(read({ columns: [{ ...column, fallback }] }), null, String(fallback));
  for (const name of ['sqlite_x', '_usync_meta', '', 'a\0b', 7, null]) assert.equal(read({ name }), null, String(name));
  const reference = { columns: ['a'], table: 'p', parentColumns: [], onDelete: 'CASCADE', onUpdate: 'NO ACTION' };
  assert.ok(read({ references: [reference] }));
  assert.equal(read({ references: [{ ...reference, onDelete: 'CASCADE; DROP TABLE t' }] }), null);
  assert.equal(read({ references: [{ ...reference, columns: ['b'] }] }), null);
  for (const change of [
    { key: ['b'] },
    { uniques: [[]] },
    { uniques: 'a' },
    { columns: [] },
    { columns: [column, column] },
    { references: [null] },
  ])
    assert.equal(read(change), null, JSON.stringify(change));
  assert.equal(readDescription('null'), null);
  assert.equal(readDescription('{'), null);
  const quoted = readDescription(JSON.stringify({ ...sound, name: 'x"; DROP TABLE t; --', key: [] }));
  assert.equal(quoted && createTableSql(quoted), 'CREATE TABLE main."x""; DROP TABLE t; --" ("a" TEXT)');
});
