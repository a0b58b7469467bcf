// Goal: servers that go back in time, go away, come new, or have a wrong clock; poisonous changes (hard cases 43 to 46,
// 48, 49; failures of group B that are about one server). Real processes are in processes.test.ts.
import assert from 'node:assert/strict';
import { copyFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { assertSame, closing, exchange, meet, openServer, withServers, type CaseServer } from './case-servers.js';

const schema = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v, n INTEGER)';

/** The server as it is when another file stands at its path. */
async function replaceFile(server: CaseServer, backup: string): Promise<CaseServer> {
  await server.replica.close();
  server.app.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${server.path}${suffix}`, { force: true });
  copyFileSync(backup, server.path);
  return openServer(server.path, server.name, { schema: '' });
}

test('H43: a server restored from a backup rolls forward, and what it wrote in the old state stands beside it', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'before', 1)`);
    await assertSame([a, b]);
    a.shell(`VACUUM INTO '${a.path}-backup'`);
    await a.write(`INSERT INTO t VALUES (2, 'after the backup', 2)`);
    await assertSame([a, b]);
    const restored = await replaceFile(a, `${a.path}-backup`);
    await closing(restored, async () => {
      await restored.write(`INSERT INTO t VALUES (3, 'in the restored one', 3)`);
      await meet(restored, b);
      await assertSame([restored, b]);
      assert.equal(b.ask('SELECT v FROM t ORDER BY v'), 'after the backup\nbefore\nin the restored one');
    });
  }));

test('H43: two live copies of one server are told apart, and nothing of either is lost', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'before', 1)`);
    await assertSame([a, b]);
    a.shell(`VACUUM INTO '${a.path}-clone'`);
    const clone = await openServer(`${a.path}-clone`, 'a', { schema: '' });
    await closing(clone, async () => {
      await a.write(`INSERT INTO t VALUES (2, 'by a', 2)`);
      await clone.write(`INSERT INTO t VALUES (2, 'by the clone', 2)`);
      await meet(a, b);
      await meet(clone, b);
      await assertSame([a, b, clone]);
      assert.equal(b.ask('SELECT v FROM t ORDER BY v'), 'before\nby a\nby the clone');
    });
  }));

test('H43: a copy of the file without its -wal is a server that went back in time', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'in the file', 1)`);
    await assertSame([a, b]);
    a.shell('PRAGMA wal_checkpoint(TRUNCATE)');
    await a.write(`INSERT INTO t VALUES (2, 'in the wal', 2)`);
    copyFileSync(a.path, `${a.path}-copy`);
    await assertSame([a, b]);
    const restored = await replaceFile(a, `${a.path}-copy`);
    await closing(restored, async () => {
      await restored.write(`INSERT INTO t VALUES (3, 'later', 3)`);
      await assertSame([restored, b]);
      assert.equal(restored.ask('SELECT count(*) FROM t'), '3');
    });
  }));

test('H43: a file that is replaced while the engine holds it is noticed at the next call', () =>
  withServers({ schema, servers: 'a' }, async (a) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1); VACUUM INTO '${a.path}-backup'`);
    await a.replica.drain();
    a.app.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${a.path}${suffix}`, { force: true });
    copyFileSync(`${a.path}-backup`, a.path);
    await assert.rejects(a.replica.drain(), { code: 'USYNC-1208' });
  }));

test('H44: a server that was away longer than changes are kept gets a snapshot and loses nothing of its own', () =>
  withServers({ schema, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)`);
    await assertSame([a, b, c]);
    c.shell(`UPDATE t SET v = 'edited while away' WHERE id = 2; INSERT INTO t VALUES (3, 'while away', 3)`);
    for (let i = 0; i < 5; i++) await a.write(`UPDATE t SET n = n + 1; INSERT INTO t (v) VALUES ('a${i}')`);
    await a.write('DELETE FROM t WHERE id = 1');
    await meet(a, b);
    for (const { replica } of [a, b])
      await replica.prune({ covered: (await replica.position()).vector, ageMaxMs: 0, bytesMax: 0 });
    const { needsSnapshot } = await a.replica.readJournal({ vector: await c.vector(), after: 0, bytesMax: 1e9 });
    assert.equal(needsSnapshot, true);
    await assertSame([a, b, c]);
    assert.equal(a.ask('SELECT v FROM t WHERE id = 2'), 'edited while away');
    assert.equal(a.ask(`SELECT count(*) FROM t WHERE v = 'while away'`), '1');
    assert.equal(c.ask(`SELECT count(*) FROM t WHERE v = 'x'`), '0');
  }));

test('H44: a server that joins during traffic', () =>
  withServers({ schema, servers: 'abc', joins: false }, async (a, b, c) => {
    await a.write(`INSERT INTO t VALUES (1, 'x', 1)`);
    await meet(a, b);
    a.shell(`INSERT INTO t VALUES (2, 'y', 2)`);
    const joining = meet(b, c);
    a.shell(`UPDATE t SET n = 9`);
    b.shell(`INSERT INTO t VALUES (3, 'z', 3)`);
    await joining;
    await assertSame([a, b, c]);
    assert.equal(c.ask('SELECT count(*) FROM t'), '3');
  }));

test('H44: two groups that meet by mistake and are joined: every row of both is there', () =>
  withServers({ schema, servers: 'ab', joins: false }, async (a, b) => {
    await a.write(`INSERT INTO t VALUES (1, 'of a', 1)`);
    await b.write(`INSERT INTO t VALUES (1, 'of b', 1), (2, 'also of b', 2)`);
    await exchange([a, b]);
    await assertSame([a, b]);
    for (const lost of ['of a', 'of b', 'also of b']) {
      const shown = a.ask(`SELECT count(*) FROM t WHERE v = '${lost}'`) === '1';
      const logged = (await b.replica.conflicts({ max: 10 })).some((each) => each.lost.includes(lost));
      assert.ok(shown || logged, lost);
    }
  }));

for (const [kind, shift] of [
  ['a day ahead', 86_400_000],
  ['a day behind', -86_400_000],
  ['in 1970', -1_700_000_000_000],
  ['an hour back (DST)', -3_600_000],
] as const)
  test(`H45: a server whose clock is ${kind} converges, and its edits made after seeing others win`, () =>
    withServers({ schema }, async (a, b) => {
      a.shell(`INSERT INTO t VALUES (1, 'start', 1)`);
      await assertSame([a, b]);
      for (const each of [b, a, b, a]) {
        each.shell(`UPDATE t SET v = 'seen by ${each.name}', n = n + 1; INSERT INTO t (v) VALUES ('x')`);
        if (each === a) a.shell(`UPDATE _usync_notes SET time = max(0, time + ${shift})`);
        await assertSame([a, b]);
        assert.equal(b.ask('SELECT v FROM t WHERE id = 1'), `seen by ${each.name}`);
      }
    }));

test('H45: a clock that jumps a day ahead and back while the server runs neither stops nor reorders what is seen', async () => {
  let aheadMs = 0;
  await withServers({ schema, clockAheadMs: (name) => (name === 'a' ? aheadMs : 0) }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'start', 1)`);
    await assertSame([a, b]);
    const day = 86_400_000;
    let stamp = 0;
    for (const [turn, jump] of [0, day, -day, 3_600_000, 0, 20 * day, 0].entries()) {
      aheadMs = jump;
      for (const each of [a, b]) {
        each.shell(
          `UPDATE t SET v = '${each.name} in turn ${turn}', n = n + 1 WHERE id = 1; INSERT INTO t (v) VALUES ('x')`,
        );
        // Triggers read the same clock.
        if (each === a) a.shell(`UPDATE _usync_notes SET time = time + ${jump}`);
        await assertSame([a, b]);
        for (const at of [a, b]) assert.equal(at.ask('SELECT v FROM t WHERE id = 1'), `${each.name} in turn ${turn}`);
      }
      const { origin, vector } = await a.replica.position();
      const now = vector.get(origin)?.stamp ?? 0;
      assert.ok(now > stamp, `stamps of one origin grow (turn ${turn})`);
      stamp = now;
    }
    assert.equal(b.ask('SELECT n FROM t WHERE id = 1'), '15');
    for (const { replica } of [a, b]) assert.deepEqual(await replica.conflicts({ max: 9 }), []);
  });
});

test('H46: a merge waits for an application that holds the lock, and what that wrote is there too', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b]);
    const vector = await b.vector();
    await a.write(`INSERT INTO t VALUES (2, zeroblob(3000000), 2)`);
    const { parts } = await a.replica.readJournal({ vector, after: 0, bytesMax: 1e9 });
    const lock = b.app;
    lock.exec('BEGIN IMMEDIATE');
    const merging = b.replica.merge(parts);
    await new Promise((resolve) => setTimeout(resolve, 50));
    lock.exec(`INSERT INTO t VALUES (3, 'by the application that held the lock', 3); COMMIT`);
    await merging;
    await assertSame([a, b]);
  }));

test('H48: a change that can never be shown here waits alone: everything behind it goes on, a restart included', () =>
  withServers(
    { schema, schemaOf: { b: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v, n INTEGER CHECK (n > 0))' } },
    async (a, b) => {
      await a.write(`INSERT INTO t VALUES (1, 'poison', -1)`);
      await a.write(`INSERT INTO t VALUES (2, 'fine', 1)`);
      await exchange([a, b]);
      assert.equal(b.ask('SELECT v FROM t'), 'fine');
      for (let i = 0; i < 3; i++) await a.write(`UPDATE t SET v = v || '!'`);
      await exchange([a, b]);
      assert.equal(b.ask('SELECT v FROM t'), 'fine!!!');
      assert.equal((await b.replica.quarantine({ max: 10 })).length, 1);
      assert.equal((await b.replica.proof()).held, 1);
    },
  ));

test('H49: digests are of the bytes: a change that bypasses capture is found by the audit and by no digest before', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)`);
    await assertSame([a, b]);
    a.app.exec(
      `BEGIN; UPDATE _usync_merging SET merging = 1; UPDATE t SET v = 'unseen' WHERE id = 2; UPDATE _usync_merging SET merging = 0; COMMIT`,
    );
    assert.equal((await a.replica.drain()).changesets, 0);
    const { tables } = await a.replica.audit();
    assert.deepEqual(
      tables.map(({ differing }) => differing),
      [1],
    );
    await exchange([a, b]);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT v FROM t WHERE id = 2'), 'unseen');
  }));

test('F18: neither the list of servers nor the identity of this one travels with the database', () =>
  withServers({ schema }, async (a, b) => {
    await a.write(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b]);
    const tables = b
      .ask(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '\\_usync\\_%' ESCAPE '\\'`)
      .split('\n');
    assert.ok(tables.length > 5);
    assert.deepEqual(
      tables.filter((name) => /peer|member|identity|servers/.test(name)),
      [],
    );
    const facts = (server: CaseServer, name: string): string =>
      server.ask(`SELECT value FROM _usync_meta WHERE name = '${name}'`);
    for (const own of ['database', 'origin']) assert.notEqual(facts(a, own), facts(b, own), `${own} is each one's own`);
  }));
