// Goal: rules of tables and columns that a person sets (issue of merge rules).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSame, exchange, later, meet, withServers } from './case-servers.js';

const schema = 'CREATE TABLE stock (id INTEGER PRIMARY KEY, name TEXT, count INTEGER, best, worst, first, home TEXT)';
const rules = {
  stock: { columns: { count: 'counter', best: 'max', worst: 'min', first: 'first-write-wins', home: 'left-out' } },
} as const;

test('concurrent additions to a counter add up, whatever the order', () =>
  withServers({ schema, rules, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO stock (id, count) VALUES (1, 100)`);
    await assertSame([a, b, c]);
    a.shell('UPDATE stock SET count = count - 3');
    b.shell('UPDATE stock SET count = count + 10');
    await c.write('UPDATE stock SET count = count + 1');
    await c.write('UPDATE stock SET count = count + 1');
    await assertSame([c, a, b]);
    assert.equal(a.ask('SELECT count FROM stock'), '109');
    await b.write('UPDATE stock SET count = 0');
    await a.write('UPDATE stock SET count = count + 5');
    await assertSame([a, b, c]);
    assert.equal(c.ask('SELECT count FROM stock'), '5');
  }));

test('max, min and first-write-wins', () =>
  withServers({ schema, rules, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO stock (id, best, worst) VALUES (1, 5, 5)`);
    await assertSame([a, b, c]);
    await a.write(`UPDATE stock SET best = 9, worst = 4, first = 'a'`);
    await later();
    await b.write(`UPDATE stock SET best = 7.5, worst = 1, first = 'b'`);
    await assertSame([c, b, a]);
    assert.equal(c.ask('SELECT best, worst FROM stock'), '9|1');
  }));

test('a write that also changes the key counts, and may not stand either', () =>
  withServers(
    {
      schema: 'CREATE TABLE stock (code TEXT PRIMARY KEY, count INTEGER, best, first)',
      rules: { stock: { columns: { count: 'counter', best: 'max', first: 'first-write-wins' } } },
      servers: 'ab',
    },
    async (a, b) => {
      a.shell(`INSERT INTO stock VALUES ('x', 5, 5, 'a'), ('y', 7, 7, 'b'), ('z', 1, 1, 'c')`);
      await assertSame([a, b]);
      a.shell(`UPDATE stock SET code = 'w', count = count + 2, best = 3, first = NULL WHERE code = 'x'`);
      a.shell(
        `UPDATE stock SET first = NULL WHERE code = 'y'; UPDATE OR REPLACE stock SET code = 'z' WHERE code = 'y'`,
      );
      b.shell(`UPDATE stock SET count = count + 10`);
      await assertSame([a, b]);
      assert.equal(b.ask('SELECT * FROM stock ORDER BY code'), 'w|17|5|a\nz|17|7|b');
    },
  ));

test('two tables with counters are told apart, whatever their numbers and places', () => {
  // The second table has the number and the place that end the name of what is kept for the first.
  const tables = Array.from({ length: 6 }, (_, i) => `t${i}`);
  const columns = ['id INTEGER PRIMARY KEY', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8'];
  const counters = {
    c1: 'counter',
    c2: 'counter',
    c3: 'counter',
    c4: 'counter',
    c5: 'counter',
    c6: 'counter',
  } as const;
  return withServers(
    {
      schema: tables.map((name) => `CREATE TABLE ${name} (${columns.join(', ')})`).join('; '),
      rules: Object.fromEntries(
        tables.map((name, i) => [
          name,
          { columns: i === 0 ? counters : Object.fromEntries([[`c${(i % 5) + 2}`, 'counter' as const]]) },
        ]),
      ),
    },
    async (a, b) => {
      for (const name of tables) a.shell(`INSERT INTO ${name} (id, c2, c3, c4, c5, c6) VALUES (1, 10, 10, 10, 10, 10)`);
      await assertSame([a, b]);
      for (const [i, name] of tables.entries()) {
        const column = `c${(i % 5) + 2}`;
        for (const server of [a, b]) server.shell(`UPDATE ${name} SET ${column} = ${column} + 1`);
      }
      await assertSame([a, b]);
      for (const [i, name] of tables.entries()) assert.equal(a.ask(`SELECT c${(i % 5) + 2} FROM ${name}`), '12', name);
    },
  );
});

test('a table with a counter may be dropped together with a column of another one', () =>
  withServers({ schema: `${schema}; CREATE TABLE other (id INTEGER PRIMARY KEY, a, b, c)`, rules }, async (a, b) => {
    a.shell(`INSERT INTO stock (id, count) VALUES (1, 5); INSERT INTO other VALUES (1, 2, 3, 4)`);
    await assertSame([a, b]);
    for (const server of [a, b]) {
      server.shell('ALTER TABLE other DROP COLUMN b; DROP TABLE stock');
      await server.replica.drain();
    }
    a.shell('UPDATE other SET c = 7');
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT * FROM other'), '1|2|7');
  }));

test('a column that is left out stays at home, a table that is left out too, and neither is taken as deleted', () =>
  withServers(
    {
      schema: `${schema}; CREATE TABLE mine (id INTEGER PRIMARY KEY, v)`,
      rules: { ...rules, mine: { exclude: true } },
    },
    async (a, b) => {
      b.shell(`INSERT INTO mine VALUES (1, 'of b')`);
      a.shell(`INSERT INTO stock (id, name, home) VALUES (1, 'x', 'at a'); INSERT INTO mine VALUES (1, 'of a')`);
      await exchange([a, b]);
      b.shell(`UPDATE stock SET home = 'at b', name = 'y'`);
      await exchange([a, b]);
      assert.equal(a.ask('SELECT name, home FROM stock'), 'y|at a');
      assert.equal(b.ask('SELECT name, home FROM stock'), 'y|at b');
      assert.equal(b.ask('SELECT v FROM mine'), 'of b');
    },
  ));

const seeds = [1, 2, 3];

/** A small generator, so that a run is its seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed * 2654435761;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) >>> 0;
    return (state >>> 8) % below;
  };
}

for (const seed of seeds)
  test(`random writes on three servers, seed ${seed}: counters hold every addition, max and min what is true of all writes`, () =>
    withServers({ schema, rules, servers: 'abc' }, async (a, b, c) => {
      const servers = [a, b, c];
      const random = randomOf(seed);
      a.shell(
        'INSERT INTO stock (id, count, best, worst) VALUES (1, 100, 0, 0), (2, NULL, NULL, NULL), (3, 0.5, 0, 0)',
      );
      await assertSame(servers);
      const expected = { count: 100, best: 0, worst: 0, firsts: new Set<string>() };
      for (let step = 0; step < 40; step++) {
        const server = servers[random(3)] ?? a;
        const n = random(50) - 25;
        switch (random(6)) {
          case 0:
          case 1:
            server.app.exec(`UPDATE stock SET count = count + ${n}`);
            expected.count += n;
            break;
          case 2: {
            const value = random(200) - 100;
            server.app.exec(`UPDATE stock SET best = ${value}, worst = ${value}`);
            expected.best = Math.max(expected.best, value);
            expected.worst = Math.min(expected.worst, value);
            break;
          }
          case 3:
            server.app.exec(
              `UPDATE stock SET first = coalesce(first, 'step ${step}'), name = 'step ${step}' WHERE id = 1`,
            );
            break;
          case 4:
            await server.replica.drain();
            break;
          default:
            await meet(server, servers[random(3)] ?? a);
        }
      }
      await assertSame(servers);
      assert.equal(
        a.ask('SELECT count, best, worst FROM stock WHERE id = 1'),
        `${expected.count}|${expected.best}|${expected.worst}`,
      );
      assert.equal(a.ask('SELECT count FROM stock WHERE id = 3'), String(expected.count - 100 + 0.5));
      await a.write(`UPDATE stock SET best = -1000, worst = 1000, first = 'too late' WHERE first IS NOT NULL`);
      await assertSame(servers);
      assert.equal(b.ask('SELECT best, worst FROM stock WHERE id = 1'), `${expected.best}|${expected.worst}`);
      assert.equal(b.ask(`SELECT count(*) FROM stock WHERE first = 'too late'`), '0');
    }));

test('a counter counts on after a restart, a snapshot, and in bulk; what is no number is undone', () =>
  withServers({ schema, rules, servers: 'abc', joins: false }, async (a, b, c) => {
    a.shell(
      `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2500) INSERT INTO stock (id, count) SELECT i, 10 FROM n`,
    );
    await a.replica.drain();
    await meet(a, b);
    a.shell('UPDATE stock SET count = count + 1');
    b.shell('UPDATE stock SET count = count + 2');
    await meet(a, b);
    await meet(b, c);
    assert.equal(c.ask('SELECT DISTINCT count FROM stock'), '13');
    await c.replica.close();
    c.app.exec(`UPDATE stock SET count = count * 2 WHERE id = 7`);
    await c.replica.open();
    c.app.exec(
      `UPDATE stock SET count = count + 1 WHERE id = 7; UPDATE stock SET count = NULL WHERE id = 8; DELETE FROM stock WHERE id > 10`,
    );
    a.shell('UPDATE stock SET count = count - 1 WHERE id = 7');
    await assertSame([a, b, c]);
    assert.equal(a.ask('SELECT count FROM stock WHERE id IN (7, 8) ORDER BY id'), '26\n13');
  }));

test('rows that become one, or are written in a table with another column since, keep what was counted', () =>
  withServers(
    {
      schema: 'CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT UNIQUE, uses INTEGER)',
      rules: { word: { columns: { uses: 'counter' } } },
      servers: 'abc',
    },
    async (a, b, c) => {
      await a.write(`INSERT INTO word VALUES (1, 'x', 5)`);
      await later();
      await b.write(`INSERT INTO word VALUES (2, 'x', 7)`);
      await assertSame([a, b, c]);
      a.shell('UPDATE word SET uses = uses + 1');
      c.shell('UPDATE word SET uses = uses + 10');
      await assertSame([a, b, c]);
      const [before] = a.ask('SELECT uses FROM word').split('\n');
      for (const each of [a, b, c]) each.shell('ALTER TABLE word ADD COLUMN more');
      b.shell('UPDATE word SET uses = uses + 100');
      a.shell('UPDATE word SET uses = uses + 1000');
      await assertSame([a, b, c]);
      assert.equal(c.ask('SELECT uses FROM word'), String(Number(before) + 1100));
    },
  ));

test('a total that a trigger counts is the sum of what all servers counted', () =>
  withServers(
    {
      schema: `CREATE TABLE post (id INTEGER PRIMARY KEY, comments INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE comment (id TEXT PRIMARY KEY, post_id INTEGER REFERENCES post);
        CREATE TRIGGER more AFTER INSERT ON comment BEGIN UPDATE post SET comments = comments + 1 WHERE id = NEW.post_id; END;
        CREATE TRIGGER less AFTER DELETE ON comment BEGIN UPDATE post SET comments = comments - 1 WHERE id = OLD.post_id; END`,
      rules: { post: { columns: { comments: 'counter' } } },
      servers: 'abc',
    },
    async (a, b, c) => {
      a.shell(`INSERT INTO post (id) VALUES (1); INSERT INTO comment VALUES ('first', 1)`);
      await assertSame([a, b, c]);
      a.shell(`INSERT INTO comment VALUES ('a1', 1), ('a2', 1)`);
      b.shell(`INSERT INTO comment VALUES ('b1', 1); DELETE FROM comment WHERE id = 'first'`);
      c.python(`INSERT INTO comment VALUES ('c1', 1)`);
      await assertSame([c, a, b]);
      assert.equal(b.ask('SELECT comments, (SELECT count(*) FROM comment) FROM post'), '4|4');
    },
  ));
