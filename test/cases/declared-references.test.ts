// Goal: references that no foreign key declares, named in the configuration: single numbers, JSON arrays, text with commas.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertSame,
  exchange,
  later,
  lostValues,
  meet,
  withServers,
  type CaseServer,
  type Rules,
} from './case-servers.js';

const schema = `CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT, author_id INTEGER, others TEXT, readers TEXT)`;
const rules: Rules = {
  book: {
    references: [
      { column: 'author_id', table: 'author' },
      { column: 'others', table: 'author', list: 'json' },
      { column: 'readers', table: 'author', list: 'text' },
    ],
  },
};

/** Names in the places of numbers: what a person reads. */
const books = `SELECT b.title, (SELECT name FROM author WHERE id = b.author_id),
    (SELECT group_concat(a.name) FROM json_each(b.others) o JOIN author a ON a.id = o.value),
    (SELECT group_concat(a.name) FROM json_each('[' || b.readers || ']') o JOIN author a ON a.id = o.value)
  FROM book b ORDER BY b.title`;

test('a declared reference and both kinds of lists follow a parent that gets another number', () =>
  withServers({ schema, rules, servers: 'abc' }, async (a, b, c) => {
    for (const [server, name] of [
      [a, 'ann'],
      [b, 'ben'],
    ] as const) {
      await later();
      server.shell(`INSERT INTO author VALUES (1, '${name}'), (2, '${name}2');
        INSERT INTO book VALUES (1, 'of ${name}', 1, '[1, 2,1]', '2, 1')`);
      await server.replica.drain();
    }
    await assertSame([a, b, c]);
    const expected = 'of ann|ann|ann,ann2,ann|ann2,ann\nof ben|ben|ben,ben2,ben|ben2,ben';
    for (const server of [a, b, c]) assert.equal(server.ask(books), expected);
    assert.deepEqual(await lostValues(c), []);
    c.shell(`UPDATE book SET title = title || '!', readers = readers || ', ' || author_id`);
    await assertSame([a, b, c]);
    assert.equal(
      b.ask(books),
      expected.replaceAll(/of (\w+)/g, 'of $1!').replaceAll(/(\w+2,)(\w+)(\n|$)/g, '$1$2,$2$3'),
    );
  }));

test('a list knows a row again that goes on as another one after it was deleted', () =>
  withServers(
    {
      schema: schema.replace('name TEXT', 'name TEXT UNIQUE'),
      rules,
    },
    async (a, b) => {
      await later();
      b.shell(
        `INSERT INTO author VALUES (1, 'ben'), (5, 'same'); INSERT INTO book VALUES (1, 'of b', NULL, '[5,1]', '5')`,
      );
      await b.replica.drain();
      await later();
      a.shell(`INSERT INTO author VALUES (3, 'same')`);
      await a.replica.drain();
      const { vector } = await a.replica.position();
      const { parts } = await b.replica.readJournal({ vector, after: 0, bytesMax: 1e9 });
      await later();
      b.shell('DELETE FROM author WHERE id = 5');
      await b.replica.drain();
      // The deletion comes later than what makes both rows one.
      await a.replica.merge(parts);
      await assertSame([a, b]);
      for (const server of [a, b]) {
        assert.equal(server.ask(books), 'of b|NULL|same,ben|same', server.name);
        assert.equal(server.ask('SELECT id FROM author ORDER BY id'), '1\n3');
      }
    },
  ));

test('a list follows a row to which an application gives another number', () =>
  withServers({ schema, rules, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO author VALUES (1, 'ann'), (2, 'ben'); INSERT INTO book VALUES (1, 'p', NULL, '[1,2]', '2,1')`);
    await assertSame([a, b, c]);
    b.shell('UPDATE author SET id = 9 WHERE id = 2');
    await assertSame([a, b, c]);
    for (const server of [a, b, c]) assert.equal(server.ask('SELECT others, readers FROM book'), '[1,9]|9,1');
  }));

test('a list is shown as it was written where it is none, and where nobody has the number', () =>
  withServers({ schema, rules }, async (a, b) => {
    a.shell(`INSERT INTO author VALUES (7, 'x');
      INSERT INTO book VALUES (1, 'p', NULL, '{"a": 7}', 'seven 7'), (2, 'q', 99, '[99, "7", null]', '99,7'), (3, 'r', 7, '[7,', '');`);
    const before = a.ask('SELECT * FROM book ORDER BY id');
    await assertSame([a, b], { mayDangle: true });
    assert.equal(b.ask('SELECT * FROM book ORDER BY id'), before);
    b.shell(`INSERT INTO author VALUES (99, 'late')`);
    await assertSame([a, b]);
    assert.equal(a.ask('SELECT * FROM book ORDER BY id'), before);
  }));

test('nothing cascades: numbers of a parent that is deleted stay where they are, also of a child that was written meanwhile', () =>
  withServers({ schema, rules, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO author VALUES (1, 'ann'), (2, 'al'); INSERT INTO book VALUES (1, 'old', 1, '[1,2]', '1')`);
    await assertSame([a, b, c]);
    await a.write('DELETE FROM author WHERE id = 1');
    await b.write(`INSERT INTO book VALUES (2, 'new', 1, '[2,1]', '1,1')`);
    await meet(a, c);
    await meet(b, c);
    await assertSame([a, b, c], { mayDangle: true });
    for (const server of [a, b, c])
      assert.equal(server.ask('SELECT author_id, others, readers FROM book ORDER BY id'), '1|[1,2]|1\n1|[2,1]|1,1');
  }));

test('a declared reference goes on meaning a row that a RESTRICT child brings back while another row has taken its number', () => {
  const withChapters = `${schema}; CREATE TABLE prize (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES author (id) ON DELETE RESTRICT)`;
  return withServers({ schema: withChapters, rules, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO author VALUES (1, 'ann')`);
    await assertSame([a, b, c]);
    a.shell(`DELETE FROM author; INSERT INTO author VALUES (1, 'zoe')`);
    b.shell(`INSERT INTO book VALUES (1, 'of ann', 1, '[1]', '1'); INSERT INTO prize VALUES (1, 1)`);
    await assertSame([a, b, c]);
    for (const server of [a, b, c]) {
      assert.equal(server.ask(books), 'of ann|ann|ann|ann');
      assert.equal(server.ask('SELECT name FROM author ORDER BY name'), 'ann\nzoe');
    }
  });
});

test('a reference that may not be NULL waits until its writer says which number it was', () =>
  withServers(
    {
      schema: `CREATE TABLE p (id INTEGER PRIMARY KEY, v); CREATE TABLE c (id INTEGER PRIMARY KEY, p_id INTEGER NOT NULL)`,
      rules: { c: { references: [{ column: 'p_id', table: 'p' }] } },
      servers: 'abc',
    },
    async (a, b, c) => {
      a.shell('INSERT INTO p VALUES (5, 0)');
      await assertSame([a, b, c]);
      await a.write('DELETE FROM p');
      await b.write('INSERT INTO c VALUES (1, 5)');
      await meet(a, c);
      await meet(b, c);
      await assertSame([a, b, c]);
      assert.equal(a.ask('SELECT * FROM c'), '1|5');
    },
  ));

test('a reference keeps the number of a parent that goes with its own parent, on servers that showed it and on those that never did', () => {
  const groups = `CREATE TABLE club (id INTEGER PRIMARY KEY);
    CREATE TABLE author (id INTEGER PRIMARY KEY, club_id INTEGER REFERENCES club(id) ON DELETE CASCADE);
    CREATE TABLE book (id INTEGER PRIMARY KEY, author_id INTEGER)`;
  const references: Rules = { book: { references: [{ column: 'author_id', table: 'author' }] } };
  return withServers({ schema: groups, rules: references, servers: 'abc' }, async (a, b, c) => {
    a.shell('INSERT INTO club VALUES (1)');
    await assertSame([a, b, c]);
    b.shell('INSERT INTO author VALUES (11, 1); INSERT INTO book VALUES (1, 11)');
    await b.replica.drain();
    await meet(b, c);
    a.shell('DELETE FROM club');
    await meet(a, b);
    await assertSame([a, b, c], { mayDangle: true });
    for (const server of [a, b, c]) assert.equal(server.ask('SELECT id, author_id FROM book'), '1|11');
  });
});

test('lists survive snapshots and restarts', () =>
  withServers({ schema, rules, servers: 'abc', joins: false }, async (a, b, c) => {
    await a.write(`INSERT INTO author VALUES (1, 'ann'); INSERT INTO book VALUES (1, 'of ann', 1, '[1]', '1')`);
    await b.replica.close();
    await b.replica.open();
    await meet(a, b);
    await later();
    await b.write(`INSERT INTO author VALUES (2, 'ben'); INSERT INTO book VALUES (2, 'of ben', 2, '[1, 2]', '2')`);
    await a.write(`INSERT INTO author VALUES (2, 'eva')`);
    await exchange([a, b]);
    await meet(b, c);
    await assertSame([a, b, c]);
    assert.equal(c.ask(books), 'of ann|ann|ann|ann\nof ben|ben|ann,ben|ben');
  }));

const seeds = [1, 2, 3, 4, 5, 6];

for (const seed of seeds)
  test(`random writes on three servers, seed ${seed}: every book names the authors that its writer meant`, () =>
    withServers({ schema, rules, servers: 'abc' }, async (a, b, c) => {
      const servers = [a, b, c];
      const random = randomOf(seed);
      const meant = new Map<string, string>();
      const pick = (server: CaseServer): [string, string] | null => {
        const rows = server.ask('SELECT id, name FROM author').split('\n').filter(Boolean);
        const [id, name] = (rows[random(Math.max(rows.length, 1))] ?? '').split('|');
        return id !== undefined && name !== undefined ? [id, name] : null;
      };
      for (let step = 0; step < 50; step++) {
        const server = servers[random(3)] ?? a;
        const [one, two] = [pick(server), pick(server)];
        switch (random(5)) {
          case 0:
            server.app.exec(`INSERT INTO author (name) VALUES ('a${step}')`);
            break;
          case 1:
          case 2: {
            if (!one || !two) break;
            server.app.exec(
              `INSERT INTO book (title, author_id, others, readers) VALUES ('b${step}', ${one[0]}, '[${one[0]}, ${two[0]}]', '${two[0]},${one[0]}')`,
            );
            meant.set(`b${step}`, `${one[1]}|${one[1]},${two[1]}|${two[1]},${one[1]}`);
            break;
          }
          case 3:
            await server.replica.drain();
            break;
          default:
            await meet(server, servers[random(3)] ?? a);
        }
        await later();
      }
      await assertSame(servers);
      for (const line of a.ask(books).split('\n').filter(Boolean)) {
        const [title = '', ...names] = line.split('|');
        assert.equal(names.join('|'), meant.get(title), title);
      }
    }));

/** A small generator, so that a run is its seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed * 2654435761;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) >>> 0;
    return (state >>> 8) % below;
  };
}
