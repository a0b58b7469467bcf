// Goal: a table that is made anew statement by statement, each its own transaction, keeps its rows what they are. Method: the
// shell runs the steps of a migration tool that opens no transaction, and the engine looks, or exchanges, after each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSame, exchange, withServers, type CaseServer } from './case-servers.js';

const stepsFor = (key: string): readonly string[] => [
  `CREATE TABLE new_t (id ${key} PRIMARY KEY, v, w)`,
  'INSERT INTO new_t (id, v) SELECT id, v FROM t',
  'DROP TABLE t',
  'ALTER TABLE new_t RENAME TO t',
];

const rowsOf = (server: CaseServer): string => server.ask('SELECT id, v FROM t ORDER BY id');

type Talk = (servers: readonly CaseServer[]) => Promise<unknown>;
const talks: Readonly<Record<string, Talk>> = {
  'is looked at': async ([first]) => first?.replica.drain(),
  'is exchanged': (servers) => exchange(servers),
};

for (const key of ['INTEGER', 'TEXT'])
  for (const [what, talk] of Object.entries(talks))
    for (const other of ['before', 'after', 'never'])
      test(`H40: a rebuild that ${what} after each step doubles no row; ${key} key, the other server migrates ${other}`, () =>
        withServers({ schema: `CREATE TABLE t (id ${key} PRIMARY KEY, v)` }, async (a, b) => {
          const atOnce = (): string => b.shell(`BEGIN; ${stepsFor(key).join('; ')}; COMMIT`);
          a.shell(`INSERT INTO t VALUES (1, 'x'), (2, 'y')`);
          await assertSame([a, b]);
          b.shell(`INSERT INTO t VALUES (3, 'of b'); UPDATE t SET v = 'by b' WHERE id = 2`);
          await assertSame([a, b]);
          b.shell(`UPDATE t SET v = 'unsent' WHERE id = 1`);
          if (other === 'before') atOnce();
          for (const step of stepsFor(key)) {
            a.shell(step);
            await talk([a, b]);
          }
          a.shell(`INSERT INTO t (id, v) VALUES (4, 'of a')`);
          await exchange([a, b]);
          if (other === 'after') atOnce();
          await exchange([a, b]);
          if (other !== 'never') await assertSame([a, b]);
          for (const server of [a, b]) assert.equal(rowsOf(server), '1|unsent\n2|by b\n3|of b\n4|of a');
        }));

test('H40: what is written elsewhere while the table is away is there when it is back; what the migration leaves out ends nothing', () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)' }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z'), (4, 'gone')`);
    await assertSame([a, b]);
    a.shell('CREATE TABLE new_t (id INTEGER PRIMARY KEY, v); INSERT INTO new_t SELECT * FROM t WHERE id <> 3');
    a.shell('DROP TABLE t');
    await exchange([a, b]);
    b.shell(`UPDATE t SET v = 'by b' WHERE id = 1; INSERT INTO t VALUES (9, 'new of b')`);
    await exchange([a, b]);
    a.shell('ALTER TABLE new_t RENAME TO t');
    await exchange([a, b]);
    await assertSame([a, b]);
    assert.equal(rowsOf(a), '1|by b\n2|y\n3|z\n4|gone\n9|new of b');
  }));

test('H40: a row that ends elsewhere while its table is away comes back with the table as another row, on all', () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)' }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x'), (2, 'y')`);
    await assertSame([a, b]);
    a.shell('CREATE TABLE new_t (id INTEGER PRIMARY KEY, v); INSERT INTO new_t SELECT * FROM t');
    a.shell('DROP TABLE t');
    await a.replica.drain();
    b.shell('DELETE FROM t WHERE id = 2');
    await exchange([a, b]);
    a.shell('ALTER TABLE new_t RENAME TO t');
    await exchange([a, b]);
    await assertSame([a, b]);
    assert.equal(rowsOf(a), '1|x\n2|y');
  }));

test('H40: an engine that is started anew while a table is away leaves servers that agree', () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)' }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x'), (2, 'y')`);
    await assertSame([a, b]);
    a.shell('CREATE TABLE new_t (id INTEGER PRIMARY KEY, v); INSERT INTO new_t SELECT * FROM t; DROP TABLE t');
    await a.replica.drain();
    await a.replica.close();
    await a.replica.open();
    a.shell('ALTER TABLE new_t RENAME TO t');
    await exchange([a, b]);
    await assertSame([a, b]);
  }));

for (const [what, columns, select] of [
  ['added', `a, b, c DEFAULT 'd'`, `a, b, 'd'`],
  ['dropped', 'a', 'a'],
] as const)
  test(`H40: rows without a key stay who they are where the table is made anew, in another order, with a column ${what}`, () =>
    withServers({ schema: 'CREATE TABLE t (a, b)' }, async (a, b) => {
      const migrate = `BEGIN; CREATE TABLE n (${columns}); INSERT INTO n SELECT ${select} FROM t ORDER BY rowid DESC;
        DROP TABLE t; ALTER TABLE n RENAME TO t; COMMIT`;
      a.shell(`INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z'), (3, 'z'), (4, 'z')`);
      a.shell('DELETE FROM t WHERE a = 1');
      await assertSame([a, b]);
      const before = await a.vector();
      b.shell('DELETE FROM t WHERE a = 2');
      await b.replica.drain();
      a.shell(migrate);
      assert.deepEqual(await a.captured(before), [], 'a migration is no traffic');
      b.shell(migrate);
      await assertSame([a, b]);
      assert.equal(a.ask('SELECT a FROM t ORDER BY a'), '3\n3\n4');
    }));
