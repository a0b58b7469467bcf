// Goal: a counter shows what it held at first and every addition once, also where one server goes on twice and where rows
// become one; and rules of columns bear what the engine itself writes.
import assert from 'node:assert/strict';
import { copyFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import {
  assertSame,
  closing,
  exchange,
  later,
  meet,
  openServer,
  withServers,
  type CaseOptions,
  type CaseServer,
} from './case-servers.js';

const schema = 'CREATE TABLE stock (id INTEGER PRIMARY KEY, code TEXT UNIQUE, count INTEGER)';
const rules = { stock: { unique: 'merge', columns: { count: 'counter' } } } as const;
const options: CaseOptions = { schema, rules, servers: 'ab' };
const add = (server: CaseServer, n: number): Promise<void> => server.write(`UPDATE stock SET count = count + ${n}`);

test('what two copies of one server add counts both', () =>
  withServers(options, async (a, b) => {
    await a.write(`INSERT INTO stock VALUES (1, 'x', 100)`);
    await add(a, 5);
    await assertSame([a, b]);
    a.shell(`VACUUM INTO '${a.path}-clone'`);
    const clone = await openServer(`${a.path}-clone`, 'a', { ...options, schema: '' });
    await closing(clone, async () => {
      await add(a, 1000);
      await add(clone, 20);
      await add(clone, 3);
      await meet(a, b);
      await meet(clone, b);
      await assertSame([a, b, clone]);
      assert.equal(b.ask('SELECT count FROM stock'), '1128');
      await add(a, 1);
      await add(clone, 1);
      await assertSame([clone, b, a]);
      assert.equal(a.ask('SELECT count FROM stock'), '1130');
    });
  }));

test('what a server had added after its backup comes back, beside what it adds in the old state', () =>
  withServers(options, async (a, b) => {
    await a.write(`INSERT INTO stock VALUES (1, 'x', 100)`);
    await add(a, 5);
    await assertSame([a, b]);
    a.shell(`VACUUM INTO '${a.path}-backup'`);
    await add(a, 1000);
    await assertSame([a, b]);
    await a.replica.close();
    a.app.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${a.path}${suffix}`, { force: true });
    copyFileSync(`${a.path}-backup`, a.path);
    const restored = await openServer(a.path, 'a', { ...options, schema: '' });
    await closing(restored, async () => {
      await add(restored, 20);
      await meet(restored, b);
      await assertSame([restored, b]);
      assert.equal(b.ask('SELECT count FROM stock'), '1125');
    });
  }));

test('a row that two rows have become shows to its application what that adds', () =>
  withServers({ ...options, servers: 'abc' }, async (a, b, c) => {
    await a.write(`INSERT INTO stock VALUES (1, 'x', 0)`);
    await b.write(`INSERT INTO stock VALUES (2, 'x', 0)`);
    await add(b, 4);
    await meet(a, c);
    await c.write('UPDATE stock SET count = count + 50 WHERE id = 1');
    // The same run of a server has added to both rows.
    await assertSame([a, b, c]);
    const shown = Number(c.ask('SELECT count FROM stock'));
    for (const [i, server] of [b, c, a].entries()) {
      await add(server, 10);
      assert.equal(server.ask('SELECT count FROM stock'), String(shown + (i + 1) * 10));
      await assertSame([a, b, c]);
    }
  }));

for (const rule of ['max', 'first-write-wins'] as const)
  test(`a unique column with the rule ${rule} comes to rest, whatever the policy`, () =>
    withServers(
      {
        schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER UNIQUE)',
        rules: { t: { unique: 'rename', columns: { n: rule } } },
      },
      async (a, b) => {
        await a.write('INSERT INTO t VALUES (1, 9000000000000)');
        await b.write('INSERT INTO t VALUES (2, 9000000000000)');
        await assertSame([a, b]);
        const isHeld = rule === 'max';
        assert.equal(a.ask('SELECT count(*) FROM t'), isHeld ? '1' : '2');
        const { parts } = await b.replica.readJournal({ vector: new Map(), after: 0, bytesMax: 1e9 });
        assert.equal(parts.length, isHeld ? 2 : 3, 'the inserts, and one confirmation where it holds');
      },
    ));

test('what waits for a column or a table merges by its rule', () =>
  withServers(
    {
      schema:
        'CREATE TABLE t (id INTEGER PRIMARY KEY, best, first); CREATE TABLE u (id INTEGER PRIMARY KEY, best, first)',
      schemaOf: { b: 'CREATE TABLE t (id INTEGER PRIMARY KEY)' },
      rules: Object.fromEntries(
        ['t', 'u'].map((name) => [name, { columns: { best: 'max', first: 'first-write-wins' } }] as const),
      ),
      servers: 'abc',
    },
    async (a, b, c) => {
      await a.write('INSERT INTO t (id) VALUES (1); INSERT INTO u (id) VALUES (1)');
      await exchange([a, b, c]);
      await a.write(`UPDATE t SET best = 9, first = 'a'; UPDATE u SET best = 9, first = 'a'`);
      await later();
      await c.write(`UPDATE t SET best = 7, first = 'c'; UPDATE u SET best = 7, first = 'c'`);
      await meet(a, b);
      await meet(c, b);
      await exchange([a, b, c]);
      b.shell(
        'ALTER TABLE t ADD COLUMN best; ALTER TABLE t ADD COLUMN first; CREATE TABLE u (id INTEGER PRIMARY KEY, best, first)',
      );
      await assertSame([a, b, c]);
      assert.equal(b.ask('SELECT best, first FROM t UNION ALL SELECT best, first FROM u'), '9|a\n9|a');
    },
  ));
