// Goal: a table that cannot be written for a while, in the middle of a migration, keeps its rows what they are. Method: the shell
// drops what a trigger, of the application or of ours, writes, and makes it again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeSnapshot } from '../../src/databases/sqlite/testing/fork-scene.js';
import { assertSame, exchange, withServers } from './case-servers.js';

for (const key of ['INTEGER', 'TEXT'])
  test(`H40: while a table is away that a trigger writes, the one with the trigger is captured and its rows stay what they are; ${key} key`, () =>
    withServers(
      {
        schema: `CREATE TABLE t (id ${key} PRIMARY KEY, v); CREATE TABLE log (id INTEGER PRIMARY KEY, x);
          CREATE TRIGGER t_log AFTER UPDATE ON t BEGIN INSERT INTO log (x) VALUES (NEW.v); END`,
      },
      async (a, b) => {
        a.shell(`INSERT INTO t VALUES (1, 'x'), (2, 'y')`);
        await assertSame([a, b]);
        b.shell(`INSERT INTO t VALUES (3, 'of b')`);
        await assertSame([a, b]);
        a.shell('DROP TABLE log');
        a.shell(`INSERT INTO t VALUES (12, 'of a')`);
        b.shell(
          `UPDATE t SET v = 'by b' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (9, 'new of b')`,
        );
        await assert.rejects(exchange([a, b]), { code: 'USYNC-1306' });
        await assert.rejects(takeSnapshot(b, a), { code: 'USYNC-1306' });
        const [t] = (await a.replica.tables()).filter(({ name }) => name === 't');
        assert.match(t?.remark ?? '', /no such table: main.log/);
        a.shell('CREATE TABLE log (id INTEGER PRIMARY KEY, x, y)');
        await exchange([a, b]);
        await exchange([a, b]);
        for (const server of [a, b])
          assert.deepEqual(server.ask('SELECT id, v FROM t ORDER BY v').split('\n'), [
            '1|by b',
            '9|new of b',
            '12|of a',
            '3|of b',
          ]);
        assert.deepEqual(await b.replica.conflicts({ max: 9 }), []);
      },
    ));

test('H40: a migration tool that drops a table of ours doubles no row', () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)' }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x')`);
    await assertSame([a, b]);
    a.shell('DROP TABLE _usync_merging; DROP TABLE _usync_conflicts');
    await a.replica.drain();
    b.shell(`UPDATE t SET v = 'y'`);
    a.shell(`INSERT INTO t VALUES (2, 'z')`);
    await assertSame([a, b]);
    assert.equal(a.ask('SELECT * FROM t ORDER BY id'), '1|y\n2|z');
  }));
