// Goal: servers may change their schema at different times, and migrations may do what they do (hard cases 30, 31, 36 to 42,
// failures 13 and 30). A change of the schema alone makes no row traffic.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tablesNotCompared, tablesThatDiffer } from '../../src/core/digest.js';
import { isEqualVector } from '../../src/core/version-vector.js';
import { takeSnapshot } from '../../src/databases/sqlite/testing/fork-scene.js';
import { assertSame, exchange, later, lostValues, withServers, type CaseServer } from './case-servers.js';

const plain = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n INTEGER)';

test('H30: what a stricter, older schema refuses waits there with the reason, and lands when the schema allows it', () =>
  withServers(
    {
      schema: plain,
      servers: 'abc',
      schemaOf: { b: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, n INTEGER CHECK (n < 10))' },
    },
    async (a, b, c) => {
      a.shell(`INSERT INTO t VALUES (1, 'fits', 1), (2, 'too high', 50), (3, NULL, 3); `);
      await exchange([a, b, c]);
      assert.equal(b.ask('SELECT id FROM t ORDER BY id'), '1');
      const waiting = await b.replica.quarantine({ max: 10 });
      assert.deepEqual(waiting.map(({ key }) => key).toSorted(), ['2', '3']);
      for (const { reason, freedBy } of waiting)
        assert.match(`${reason} ${freedBy}`, /constraint failed.*a schema that allows the row/);
      assert.equal(c.ask('SELECT count(*) FROM t'), '3', 'the stream goes on behind it');
      b.shell(
        `BEGIN; CREATE TABLE new_t (id INTEGER PRIMARY KEY, a TEXT, n INTEGER); INSERT INTO new_t SELECT * FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t; COMMIT`,
      );
      await assertSame([a, b, c]);
      assert.equal(b.ask('SELECT count(*) FROM t'), '3');
    },
  ));

test('H30: constraints that are declared to ignore or to replace drop no merged row', () =>
  withServers(
    {
      schema:
        'CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT IGNORE, u TEXT UNIQUE ON CONFLICT REPLACE, n NOT NULL ON CONFLICT IGNORE)',
      servers: 'abc',
      rules: { t: { unique: 'hold' } },
    },
    async (a, b, c) => {
      await a.write(`INSERT INTO t VALUES (1, 'x', 'a')`);
      await later();
      await b.write(`INSERT INTO t VALUES (1, 'y', 'b'), (2, 'x', 'held')`);
      await assertSame([a, b, c]);
      assert.equal(c.ask('SELECT u, n FROM t ORDER BY u'), 'x|a\ny|b');
      await c.write(`DELETE FROM t WHERE u = 'x'`);
      await assertSame([a, b, c]);
      assert.equal(a.ask('SELECT u, n FROM t ORDER BY u'), 'x|held\ny|b');
    },
  ));

test('H31: generated columns are computed where they are', () =>
  withServers(
    {
      schema:
        'CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, twice AS (n * 2) VIRTUAL, text TEXT AS (n || id) STORED UNIQUE)',
    },
    async (a, b) => {
      a.shell('INSERT INTO t (id, n) VALUES (1, 5), (2, 6)');
      await assertSame([a, b]);
      b.shell('UPDATE t SET n = 7 WHERE id = 1');
      await assertSame([a, b]);
      assert.equal(a.ask('SELECT * FROM t ORDER BY id'), '1|7|14|71\n2|6|12|62');
    },
  ));

test('H36: values for a column that peers do not have yet are kept there and shown when it comes; edits of older peers do not harm them', () =>
  withServers({ schema: plain, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)`);
    await assertSame([a, b, c]);
    const migration = `ALTER TABLE t ADD COLUMN d TEXT; ALTER TABLE t ADD COLUMN e INTEGER NOT NULL DEFAULT 5`;
    const before = await a.vector();
    a.shell(migration);
    assert.deepEqual(await a.captured(before), []);
    a.shell(`UPDATE t SET d = 'new' WHERE id = 1; INSERT INTO t VALUES (3, 'z', 3, 'd3', 6)`);
    await exchange([a, b, c]);
    assert.equal(b.ask('SELECT * FROM t ORDER BY id'), '1|x|1\n2|y|2\n3|z|3');
    b.shell(`UPDATE t SET a = 'edited by b'; INSERT INTO t VALUES (4, 'of b', 4)`);
    await exchange([a, b, c]);
    assert.equal(
      a.ask('SELECT * FROM t ORDER BY id'),
      '1|edited by b|1|new|5\n2|edited by b|2|NULL|5\n3|edited by b|3|d3|6\n4|of b|4|NULL|5',
    );
    for (const each of [c, b]) each.shell(migration);
    await assertSame([a, b, c]);
    assert.equal(c.ask('SELECT * FROM t ORDER BY id'), a.ask('SELECT * FROM t ORDER BY id'));
  }));

test('H36: a server that came by a snapshot from a peer without the column gets what waits there', () =>
  withServers(
    {
      schema: plain,
      servers: 'abc',
      joins: false,
      schemaOf: { a: `${plain}; ALTER TABLE t ADD COLUMN d`, c: `${plain}; ALTER TABLE t ADD COLUMN d` },
    },
    async (a, b, c) => {
      await a.write(`INSERT INTO t VALUES (1, 'x', 1, 'only where the column is')`);
      await exchange([a, b]);
      await exchange([b, c]);
      assert.equal(c.ask('SELECT d FROM t'), 'only where the column is');
    },
  ));

test('H37: RENAME COLUMN and RENAME TABLE keep rows, stamps and capture; on one server first, changes under the other name wait and land', () =>
  withServers({ schema: `${plain}; CREATE TABLE u (id INTEGER PRIMARY KEY, v)` }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2); INSERT INTO u VALUES (1, 'v')`);
    await assertSame([a, b]);
    const before = await a.vector();
    a.shell('ALTER TABLE t RENAME COLUMN a TO title; ALTER TABLE u RENAME TO w');
    assert.deepEqual(await a.captured(before), []);
    a.shell(`UPDATE t SET title = 'by a' WHERE id = 1; UPDATE w SET v = 'by a'`);
    b.shell(`UPDATE t SET a = 'by b' WHERE id = 2; INSERT INTO u VALUES (2, 'by b')`);
    await exchange([a, b]);
    assert.equal(a.ask('SELECT id, title FROM t ORDER BY id'), '1|by a\n2|by b', 'the old name is understood');
    assert.equal(a.ask('SELECT * FROM w ORDER BY id'), '1|by a\n2|by b');
    assert.equal(b.ask('SELECT * FROM u ORDER BY id'), '1|by a\n2|by b', 'a table is known by its rows');
    b.shell('ALTER TABLE t RENAME COLUMN a TO title; ALTER TABLE u RENAME TO w');
    await assertSame([a, b]);
    assert.deepEqual([...(await lostValues(a)), ...(await lostValues(b))], []);
    assert.equal(a.ask('SELECT id, title FROM t ORDER BY id'), '1|by a\n2|by b');
    assert.equal(a.ask('SELECT * FROM w ORDER BY id'), '1|by a\n2|by b');
  }));

test('H37: a snapshot of a server that has not renamed yet is understood by one that has', () =>
  withServers({ schema: `${plain}; CREATE TABLE u (id INTEGER PRIMARY KEY, v)` }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1); INSERT INTO u VALUES (1, 'v'), (2, 'w')`);
    await assertSame([a, b]);
    a.shell('ALTER TABLE t RENAME COLUMN a TO title; ALTER TABLE u RENAME TO w');
    await a.replica.drain();
    await b.write(
      `INSERT INTO t VALUES (2, 'y', 2); UPDATE t SET a = 'z' WHERE id = 1; INSERT INTO u VALUES (3, 'new'); DELETE FROM u WHERE id = 2`,
    );
    await takeSnapshot(b, a);
    assert.equal(a.ask('SELECT * FROM t ORDER BY id'), '1|z|1\n2|y|2');
    assert.equal(a.ask('SELECT * FROM w ORDER BY id'), '1|v\n3|new');
    b.shell('ALTER TABLE t RENAME COLUMN a TO title; ALTER TABLE u RENAME TO w');
    await assertSame([a, b]);
  }));

test('H37: rows that are deleted and made under either name are deleted and made on both', () =>
  withServers({ schema: 'CREATE TABLE u (id INTEGER PRIMARY KEY, v, n)' }, async (a, b) => {
    a.shell(`INSERT INTO u VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)`);
    await assertSame([a, b]);
    a.shell(
      'ALTER TABLE u RENAME TO w; ALTER TABLE w RENAME COLUMN v TO text; ALTER TABLE w RENAME COLUMN text TO body',
    );
    a.shell(`INSERT INTO w VALUES (4, 'four', 4)`);
    await exchange([a, b]);
    a.shell(`DELETE FROM w WHERE id = 1; UPDATE w SET n = 44 WHERE id = 4`);
    b.shell(`DELETE FROM u WHERE id = 2; UPDATE u SET v = 'drei' WHERE id = 3; INSERT INTO u VALUES (5, 'five', 5)`);
    await exchange([a, b]);
    assert.equal(a.ask('SELECT * FROM w ORDER BY id'), '3|drei|3\n4|four|44\n5|five|5');
    b.shell('ALTER TABLE u RENAME TO w; ALTER TABLE w RENAME COLUMN v TO body');
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT * FROM w ORDER BY id'), '3|drei|3\n4|four|44\n5|five|5');
    assert.deepEqual([...(await lostValues(a)), ...(await lostValues(b))], []);
  }));

test('H38: an application can drop any column that is not of a key; on one server first, it harms nobody', () =>
  withServers(
    { schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n INTEGER, u TEXT); CREATE UNIQUE INDEX t_u ON t (u)' },
    async (a, b) => {
      a.shell(`INSERT INTO t VALUES (1, 'x', 1, 'u')`);
      await assertSame([a, b]);
      const before = await a.vector();
      a.shell('ALTER TABLE t DROP COLUMN a; DROP INDEX t_u; ALTER TABLE t DROP COLUMN u');
      assert.deepEqual(await a.captured(before), []);
      b.shell(`UPDATE t SET a = 'still here', n = 2`);
      a.shell('INSERT INTO t VALUES (2, 2)');
      await exchange([a, b]);
      assert.equal(b.ask('SELECT * FROM t ORDER BY id'), '1|still here|2|u\n2|NULL|2|NULL');
      assert.equal(a.ask('SELECT * FROM t ORDER BY id'), '1|2\n2|2');
      b.shell('ALTER TABLE t DROP COLUMN a; DROP INDEX t_u; ALTER TABLE t DROP COLUMN u');
      await assertSame([a, b]);
    },
  ));

const rebuild = (columns: string, select: string): string =>
  `PRAGMA foreign_keys = OFF; BEGIN; CREATE TABLE "new__t" (${columns}); INSERT INTO "new__t" SELECT ${select} FROM t; DROP TABLE t; ALTER TABLE "new__t" RENAME TO t; COMMIT`;

test('H38: a column that one server drops and makes again gets its values back', () =>
  withServers({ schema: plain }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3)`);
    await assertSame([a, b]);
    b.shell('ALTER TABLE t DROP COLUMN a');
    await exchange([a, b]);
    a.shell(`UPDATE t SET a = 'written meanwhile' WHERE id = 1; DELETE FROM t WHERE id = 3`);
    b.shell('INSERT INTO t (id, n) VALUES (4, 4)');
    await exchange([a, b]);
    b.shell('ALTER TABLE t ADD COLUMN a TEXT');
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT id, a FROM t ORDER BY id'), '1|written meanwhile\n2|y\n4|NULL');
  }));

test('H39: a table is rebuilt while triggers of other tables stand', () =>
  withServers(
    {
      schema: `${plain}; CREATE TABLE c (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t(id) ON DELETE CASCADE, u TEXT UNIQUE)`,
    },
    async (a, b) => {
      a.shell(`INSERT INTO t VALUES (1, 'x', 1); INSERT INTO c VALUES (1, 1, 'u')`);
      await assertSame([a, b]);
      const before = await a.vector();
      a.shell(rebuild('id INTEGER PRIMARY KEY, a TEXT, n INTEGER, extra TEXT', 'id, a, n, NULL'));
      assert.deepEqual(await a.captured(before), []);
      b.shell(rebuild('id INTEGER PRIMARY KEY, a TEXT, n INTEGER, extra TEXT', 'id, a, n, NULL'));
      a.shell(`UPDATE t SET extra = 'e'`);
      assert.equal(await assertSame([a, b]), `c: 1 | 1 | 'u'\nt: 'x' | 'e' | 1 | 1`);
    },
  ));

test('H40: what a migration writes in a rebuild that takes the triggers away is found', () =>
  withServers({ schema: plain }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3)`);
    await assertSame([a, b]);
    const before = await a.vector();
    a.shell(rebuild('id INTEGER PRIMARY KEY, a TEXT, n INTEGER', `id, upper(a), n`));
    a.shell(`DELETE FROM t WHERE id = 3; INSERT INTO t VALUES (4, 'four', 4)`);
    const changes = await a.captured(before);
    assert.deepEqual(changes.toSorted(), ['end 1 t', 'insert 1 t(id,a,n)', 'update 2 t(a)']);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT * FROM t ORDER BY id'), '1|X|1\n2|Y|2\n4|four|4');
  }));

const seeds = `CREATE TABLE kind (id INTEGER PRIMARY KEY, name TEXT, rank INTEGER); INSERT INTO kind (name, rank) VALUES ('small', 1), ('large', 2);
  CREATE TABLE tag (name TEXT PRIMARY KEY, colour TEXT); INSERT INTO tag VALUES ('x', 'red'), ('y', 'blue');
  ALTER TABLE t ADD COLUMN kind_id INTEGER REFERENCES kind(id); UPDATE t SET kind_id = 2;`;

test('H41: one migration that runs on each server by itself makes one set of rows', () =>
  withServers({ schema: plain, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b, c]);
    for (const each of [a, b, c]) each.shell(seeds);
    await assertSame([b, c, a]);
    assert.equal(c.ask('SELECT name FROM kind ORDER BY id'), 'small\nlarge');
    assert.equal(c.ask('SELECT t.a, kind.name FROM t JOIN kind ON kind.id = kind_id'), 'x|large');
    for (const each of [a, b, c]) assert.deepEqual(await each.replica.conflicts({ max: 10 }), []);
  }));

test('H41: one migration that runs on the servers one after the other makes one set of rows', () =>
  withServers({ schema: plain, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b, c]);
    for (const each of [a, b, c]) {
      each.shell(seeds);
      await exchange([a, b, c]);
    }
    a.shell(`INSERT INTO kind (name) VALUES ('new'); UPDATE kind SET rank = 20 WHERE name = 'large'`);
    await assertSame([b, c, a]);
    assert.equal(c.ask('SELECT name, rank FROM kind ORDER BY name'), 'large|20\nnew|NULL\nsmall|1');
    assert.equal(c.ask('SELECT t.a, kind.name FROM t JOIN kind ON kind.id = kind_id'), 'x|large');
  }));

test('H41: rows that one migration adds to a table that was there are one set too, without any unique column', () =>
  withServers({ schema: plain, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b, c]);
    const migration = `ALTER TABLE t ADD COLUMN up INTEGER REFERENCES t; INSERT INTO t (a, n) VALUES ('seed', 7), ('other', 8);
      INSERT INTO t (a, up) SELECT 'below', id FROM t WHERE a = 'seed'`;
    for (const each of [a, b]) each.shell(migration);
    await assertSame([a, b]);
    c.shell(`${migration}; INSERT INTO t (a) VALUES ('of c alone')`);
    await later();
    b.shell(`INSERT INTO t (a) VALUES ('of b alone')`);
    await assertSame([c, b, a]);
    assert.equal(
      a.ask('SELECT t.a, p.a FROM t LEFT JOIN t p ON p.id = t.up ORDER BY 1'),
      'below|seed\nof b alone|NULL\nof c alone|NULL\nother|NULL\nseed|NULL\nx|NULL',
    );
    for (const each of [a, b, c]) assert.deepEqual(await each.replica.conflicts({ max: 10 }), []);
    b.shell(`DELETE FROM t WHERE a = 'other'`);
    await assertSame([a, b, c]);
    assert.equal(c.ask(`SELECT count(*) FROM t WHERE a = 'other'`), '0');
  }));

for (const isLater of [true, false])
  test(`H41: what a migration fills a new column with takes nothing from who uses it already${isLater ? ', on servers that run it later' : ', where two run it at the same time'}`, () =>
    withServers({ schema: plain, servers: 'abc' }, async (a, b, c) => {
      const migration = `ALTER TABLE t ADD COLUMN m TEXT; UPDATE t SET m = 'none'`;
      a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3)`);
      await exchange([a, b, c]);
      a.shell(migration);
      if (!isLater) {
        b.shell(migration);
        await b.replica.drain();
        await later();
        await a.replica.drain();
      } else await exchange([a, b, c]);
      const user = isLater ? a : b;
      user.shell(`UPDATE t SET m = 'of a user' WHERE id = 2`);
      await user.replica.drain();
      await later();
      if (isLater) {
        await exchange([a, b, c]);
        b.shell(migration);
      } else {
        await later();
        a.shell('UPDATE t SET n = 30 WHERE id = 3');
      }
      await exchange([a, b]);
      c.shell(`${migration}; UPDATE t SET m = 'later' WHERE id = 3`);
      await assertSame([a, b, c]);
      assert.match(a.ask('SELECT m FROM t ORDER BY id'), /^none\nof a user\n/);
    }));

test('H41: equal rows that two servers write without a migration are two', () =>
  withServers({ schema: plain }, async (a, b) => {
    for (const each of [a, b]) each.shell('CREATE INDEX t_n ON t (n)');
    await assertSame([a, b]);
    for (const each of [a, b]) each.shell(`INSERT INTO t (a) VALUES ('equal')`);
    await assertSame([a, b]);
    assert.equal(a.ask('SELECT count(*) FROM t'), '2');
  }));

for (const [what, statement] of [
  ['VACUUM', 'VACUUM'],
  ['a new index', 'CREATE INDEX t_n ON t (n)'],
  ['ANALYZE and a new view', 'ANALYZE; CREATE VIEW every_t AS SELECT * FROM t'],
] as const)
  test(`H41: ${what} is no migration: equal rows that two servers write around it are two`, () =>
    withServers({ schema: plain }, async (a, b) => {
      a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
      await assertSame([a, b]);
      for (const each of [a, b]) each.shell(`INSERT INTO t (a) VALUES ('equal'); ${statement};`);
      await assertSame([a, b]);
      assert.equal(a.ask(`SELECT count(*) FROM t WHERE a = 'equal'`), '2');
      for (const each of [a, b]) each.shell(`ALTER TABLE t ADD COLUMN more; INSERT INTO t (a) VALUES ('seed');`);
      await assertSame([a, b]);
      assert.equal(b.ask(`SELECT count(*) FROM t WHERE a = 'seed'`), '1');
    }));

test('H41: a migration on one server only: its tables and rows wait on the others, and are told', () =>
  withServers({ schema: plain }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1); ${seeds}`);
    b.shell(`INSERT INTO t VALUES (2, 'y', 2)`);
    await exchange([a, b]);
    assert.equal(b.ask('SELECT * FROM t ORDER BY id'), '1|x|1\n2|y|2');
    const { leftOut } = await b.replica.proof();
    for (const name of ['kind', 'tag', 't.kind_id'])
      assert.ok(
        leftOut.some((line) => line.startsWith(name)),
        `${name} in ${leftOut.join('; ')}`,
      );
    assert.ok((await b.replica.quarantine({ max: 100 })).some(({ table }) => table === 'kind'));
    b.shell(seeds);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT count(*) FROM kind'), '2');
  }));

test('H41: a table that is dropped and made again with other columns, on one server and then on the other', () =>
  withServers({ schema: `${plain}; CREATE TABLE d (id INTEGER PRIMARY KEY, v)` }, async (a, b) => {
    a.shell(`INSERT INTO d VALUES (1, 'x'), (2, 'y')`);
    await assertSame([a, b]);
    const again = `DROP TABLE d; CREATE TABLE d (code TEXT PRIMARY KEY, w); INSERT INTO d VALUES ('c', 1)`;
    a.shell(again);
    await exchange([a, b]);
    assert.equal(b.ask('SELECT v FROM d ORDER BY id'), 'x\ny');
    b.shell(again);
    assert.equal(await assertSame([a, b]), `d: 'c' | 1`);
  }));

test('H41: a migration that dies half-way and is run again', () =>
  withServers({ schema: plain }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)`);
    await assertSame([a, b]);
    a.shell(
      'CREATE TABLE "new__t" (id INTEGER PRIMARY KEY, a TEXT, n INTEGER); INSERT INTO "new__t" SELECT * FROM t WHERE id = 1',
    );
    await exchange([a, b]);
    a.shell(`DROP TABLE "new__t"; ${rebuild('id INTEGER PRIMARY KEY, a TEXT, n INTEGER', '*')}`);
    assert.equal(await assertSame([a, b]), `t: 'x' | 1 | 1\nt: 'y' | 2 | 2`);
  }));

test('H41: tables in which migration tools remember what ran here stay here', () =>
  withServers(
    {
      schema: `${plain}; CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY); CREATE TABLE django_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, app, name, applied)`,
    },
    async (a, b) => {
      a.shell(
        `INSERT INTO alembic_version VALUES ('b1'); INSERT INTO django_migrations (app, name) VALUES ('shop', '0002'); INSERT INTO t VALUES (1, 'x', 1)`,
      );
      await assertSame([a, b]);
      assert.equal(b.ask('SELECT count(*) FROM alembic_version'), '0', 'b has not been migrated');
      assert.equal(b.ask('SELECT count(*) FROM django_migrations'), '0');
      const report = (await a.replica.tables()).find(({ name }) => name === 'alembic_version');
      assert.match(report?.remark ?? '', /migration/);
    },
  ));

test('H42: defaults in double quotes, which some builds of SQLite take for columns', () =>
  withServers({ schema: plain }, async (a, b) => {
    for (const each of [a, b])
      each.shell(`CREATE TABLE q (id INTEGER PRIMARY KEY, v TEXT DEFAULT "none", w TEXT DEFAULT "")`);
    a.shell(`INSERT INTO q (id) VALUES (1); ALTER TABLE q ADD COLUMN x TEXT DEFAULT "later"`);
    await exchange([a, b]);
    b.shell(`ALTER TABLE q ADD COLUMN x TEXT DEFAULT "later"; INSERT INTO q (id, v) VALUES (2, 'b')`);
    assert.equal(await assertSame([a, b]), `q: 1 | 'none' | '' | 'later'\nq: 2 | 'b' | '' | 'later'`);
  }));

const withTable = (server: CaseServer): string => server.ask(`SELECT count(*) FROM sqlite_schema WHERE name = 'extra'`);

test('F13: changes of a table that is unknown here are kept, counted and told, and land when it is made', () =>
  withServers(
    { schema: plain, schemaOf: { a: `${plain}; CREATE TABLE extra (id INTEGER PRIMARY KEY, v)` } },
    async (a, b) => {
      a.shell(`INSERT INTO extra VALUES (1, 'one'), (2, 'two')`);
      await exchange([a, b]);
      assert.equal(withTable(b), '0');
      const waiting = await b.replica.quarantine({ max: 10 });
      assert.deepEqual(
        waiting.map(({ table, freedBy }) => `${table} ${freedBy}`),
        Array(2).fill('extra the table being made here'),
      );
      assert.ok((await b.replica.proof()).leftOut.some((line) => line.startsWith('extra')));
      a.shell(`UPDATE extra SET v = 'changed' WHERE id = 1; DELETE FROM extra WHERE id = 2`);
      await exchange([a, b]);
      b.shell('CREATE TABLE extra (id INTEGER PRIMARY KEY, v)');
      assert.equal(await assertSame([a, b]), `extra: 1 | 'changed'`);
    },
  ));

test('F30: servers of three schemas exchange what they have in common, and keep the rest for each other', () =>
  withServers(
    {
      schema: plain,
      servers: 'abc',
      schemaOf: {
        a: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, x)',
        c: 'CREATE TABLE t (id INTEGER PRIMARY KEY, x, n INTEGER)',
      },
    },
    async (a, b, c) => {
      a.shell(`INSERT INTO t VALUES (1, 'a', 'x')`);
      await exchange([a, b]);
      await exchange([b, c]);
      c.shell('UPDATE t SET n = 7');
      await exchange([b, c]);
      await exchange([a, b]);
      assert.equal(a.ask('SELECT * FROM t'), '1|a|x');
      assert.equal(b.ask('SELECT * FROM t'), '1|a|7');
      assert.equal(c.ask('SELECT * FROM t'), '1|x|7');
      a.shell('ALTER TABLE t ADD COLUMN n INTEGER');
      await exchange([a, b, c]);
      assert.equal(a.ask('SELECT * FROM t'), '1|a|x|7');
    },
  ));

for (const unique of ['merge', 'hold', 'rename'] as const)
  test(`H30: children of rows that clash in a column which one server lacks are not compared with it (${unique})`, () => {
    const children = `CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent (id), name);
      CREATE TABLE grandchild (id INTEGER PRIMARY KEY, child INTEGER REFERENCES child (id), name);
      CREATE TABLE other (id INTEGER PRIMARY KEY, name)`;
    return withServers(
      {
        schema: `CREATE TABLE parent (id INTEGER PRIMARY KEY, name, code TEXT UNIQUE); ${children}`,
        servers: 'abc',
        schemaOf: { c: `CREATE TABLE parent (id INTEGER PRIMARY KEY, name); ${children}` },
        rules: { parent: { unique } },
      },
      async (a, b, c) => {
        for (const [server, id] of [
          [a, 1],
          [b, 2],
        ] as const) {
          await later();
          server.shell(`INSERT INTO parent VALUES (${id}, 'of ${server.name}', 'same'); INSERT INTO child VALUES (${id}, ${id}, 'child');
            INSERT INTO grandchild VALUES (${id}, ${id}, 'x'); INSERT INTO other VALUES (${id}, 'x')`);
          await server.replica.drain();
        }
        await exchange([a, b, c]);
        const [here, there] = [await a.replica.proof(), await c.replica.proof()];
        assert.ok(isEqualVector(here.vector, there.vector));
        const leftOut = [...here.leftOut, ...there.leftOut];
        assert.deepEqual(tablesThatDiffer(here.digest, there.digest, leftOut), []);
        assert.deepEqual(tablesNotCompared(here.digest, there.digest, leftOut), ['child', 'grandchild', 'parent']);
        c.shell('ALTER TABLE parent ADD COLUMN code TEXT; CREATE UNIQUE INDEX code ON parent (code)');
        await assertSame([a, b, c]);
      },
    );
  });
