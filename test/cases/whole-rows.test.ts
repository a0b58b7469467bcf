// Goal: tables that merge by whole rows (`granularity: row`).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSame, later, lostValues, meet, withServers, type CaseServer } from './case-servers.js';

const schema = 'CREATE TABLE place (id INTEGER PRIMARY KEY, street TEXT, number, town TEXT)';
const rules = { place: { granularity: 'row' } } as const;

test('of two concurrent writes of one row the later stands as a whole, and the other is one conflict that can be put back', () =>
  withServers({ schema, rules, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO place VALUES (1, 'Elm', 1, 'Ayr')`);
    await assertSame([a, b, c]);
    await a.write(`UPDATE place SET street = 'Oak', number = 7`);
    await later();
    await b.write(`UPDATE place SET town = 'Rye'`);
    await assertSame([c, a, b]);
    assert.equal(c.ask('SELECT * FROM place'), '1|Elm|1|Rye');
    const [conflict, ...more] = await c.replica.conflicts({ max: 10 });
    assert.deepEqual(more, []);
    assert.equal(conflict?.rule, 'later row write wins');
    assert.equal(conflict.lost, `street = 'Oak', number = 7, town = 'Ayr'`);
    assert.ok(conflict.canRestore);
    await c.replica.restoreConflict(conflict.id);
    await assertSame([a, b, c]);
    assert.equal(a.ask('SELECT * FROM place'), '1|Oak|7|Ayr');
  }));

test('a later write that had seen the other is no conflict', () =>
  withServers({ schema, rules }, async (a, b) => {
    a.shell(`INSERT INTO place VALUES (1, 'Elm', 1, 'Ayr')`);
    await assertSame([a, b]);
    b.shell(`UPDATE place SET town = 'Rye'`);
    await assertSame([a, b]);
    a.shell(`UPDATE place SET number = 2`);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT * FROM place'), '1|Elm|2|Rye');
    assert.deepEqual(await lostValues(b), []);
  }));

test('columns with a rule of their own go by that rule', () =>
  withServers(
    {
      schema: 'CREATE TABLE item (id INTEGER PRIMARY KEY, name, best, count)',
      rules: { item: { granularity: 'row', columns: { best: 'max', count: 'counter' } } },
    },
    async (a, b) => {
      a.shell(`INSERT INTO item VALUES (1, 'x', 1, 10)`);
      await assertSame([a, b]);
      await a.write(`UPDATE item SET name = 'of a', best = 9, count = count + 1`);
      await later();
      await b.write(`UPDATE item SET name = 'of b', count = count + 5`);
      await assertSame([a, b]);
      assert.equal(a.ask('SELECT name, best, count FROM item'), 'of b|9|16');
    },
  ));

test('a write of another column keeps a reference whose parent is gone, a number that was given anew, and what a schema refuses', () =>
  withServers(
    {
      schema: `CREATE TABLE owner (id INTEGER PRIMARY KEY, name);
        CREATE TABLE pet (id INTEGER PRIMARY KEY, owner_id REFERENCES owner ON DELETE SET NULL, name, note)`,
      schemaOf: {
        b: `CREATE TABLE owner (id INTEGER PRIMARY KEY, name);
        CREATE TABLE pet (id INTEGER PRIMARY KEY, owner_id REFERENCES owner ON DELETE SET NULL, name,
          note CHECK (note IS NULL OR length(note) < 5))`,
      },
      servers: 'abc',
      rules: { pet: { granularity: 'row' }, owner: { granularity: 'row' } },
    },
    async (a, b, c) => {
      await a.write(`INSERT INTO owner VALUES (1, 'ann'); INSERT INTO pet VALUES (1, 1, 'rex', NULL)`);
      await later();
      await b.write(`INSERT INTO owner VALUES (1, 'ben'); INSERT INTO pet VALUES (1, 1, 'tom', NULL)`);
      await meet(a, b);
      b.shell(`UPDATE pet SET name = name || '!'; UPDATE owner SET name = name || '!'`);
      await assertSame([a, b, c]);
      const pairs = 'SELECT p.name, o.name FROM pet p JOIN owner o ON o.id = p.owner_id ORDER BY 1';
      assert.equal(c.ask(pairs), 'rex!|ann!\ntom!|ben!');
      await a.write(`UPDATE pet SET note = 'too long for b' WHERE name = 'rex!'`);
      await meet(a, b);
      await b.write(`UPDATE pet SET name = 'rex?' WHERE name = 'rex!'`);
      await meet(a, b);
      await meet(b, c);
      assert.equal(c.ask(`SELECT note FROM pet WHERE name = 'rex?'`), 'too long for b');
      assert.equal(a.ask(`SELECT note FROM pet WHERE name = 'rex?'`), 'too long for b');
      await a.write(`UPDATE pet SET note = 'ok'`);
      await assertSame([a, b, c]);
      c.shell(`PRAGMA foreign_keys = ON; DELETE FROM owner WHERE name = 'ann!'`);
      a.shell(`INSERT INTO pet SELECT 50, id, 'new', NULL FROM owner WHERE name = 'ann!'`);
      await assertSame([a, b, c]);
      b.shell(`UPDATE pet SET note = 'none' WHERE name = 'new'`);
      await assertSame([a, b, c]);
      assert.equal(a.ask(`SELECT owner_id, note FROM pet WHERE name = 'new'`), 'NULL|none');
    },
  ));

const seeds = [1, 2, 3, 4];
const columns = ['street', 'number', 'town'];

for (const seed of seeds)
  test(`random writes on three servers, seed ${seed}: every row that is shown was shown as a whole where it was written`, () =>
    withServers({ schema, rules, servers: 'abc' }, async (a, b, c) => {
      const servers = [a, b, c];
      const random = randomOf(seed);
      const whole = new Set<string>();
      const remember = (server: CaseServer): void => {
        for (const row of server.ask('SELECT id, street, number, town FROM place').split('\n')) whole.add(row);
      };
      a.shell(`INSERT INTO place VALUES (1, 's', 'n', 't'), (2, 's', 'n', 't'), (3, 's', 'n', 't')`);
      await assertSame(servers);
      remember(a);
      for (let step = 0; step < 60; step++) {
        const server = servers[random(3)] ?? a;
        if (random(3) === 0) {
          await meet(server, servers[random(3)] ?? a);
          continue;
        }
        const column = columns[random(3)] ?? '';
        // What is drained is one write of each row, whatever the statements: so each is a write of its own.
        await server.write(`UPDATE place SET ${column} = 'step ${step}' WHERE id = ${1 + random(3)}`);
        remember(server);
      }
      await assertSame(servers);
      for (const row of a.ask('SELECT id, street, number, town FROM place').split('\n'))
        assert.ok(whole.has(row), `${row} was never written so`);
    }));

/** A small generator, so that a run is its seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed * 2654435761;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) >>> 0;
    return (state >>> 8) % below;
  };
}
