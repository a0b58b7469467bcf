// Goal: servers that go back in time, go away, come new, or have a wrong clock; large and poisonous changes (hard cases 43 to
// 49; failures of group B that are about one server). Real processes are in processes.test.ts.
import assert from 'node:assert/strict';
import { copyFileSync, rmSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { assertSame, exchange, meet, openServer, withServers, type CaseServer } from './case-servers.js';

const schema = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v, n INTEGER)';

/** The server as it is when another file stands at its path. */
async function replaceFile(server: CaseServer, backup: string): Promise<CaseServer> {
  await server.replica.close();
  server.app.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${server.path}${suffix}`, { force: true });
  copyFileSync(backup, server.path);
  return openServer(server.path, server.name, { schema: '' });
}

async function closing(server: CaseServer, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    await server.replica.close();
    server.app.close();
  }
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

test('H45: more changes at one tick of the clock than a stamp can count', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(
      `WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 5000) INSERT INTO t SELECT i, 'v', i FROM c; UPDATE _usync_notes SET time = 1700000000000`,
    );
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT count(*), sum(n) FROM t'), '5000|12502500');
  }));

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

test('H46: a long reader of the application stops neither merging nor capture', () =>
  withServers({ schema }, async (a, b) => {
    b.app.exec('BEGIN');
    b.ask('SELECT count(*) FROM t');
    for (let i = 0; i < 20; i++) await a.write(`INSERT INTO t (v) VALUES ('x${i}')`);
    await meet(a, b);
    assert.equal(b.ask('SELECT count(*) FROM t'), '0', 'the reader keeps its snapshot');
    b.app.exec('COMMIT');
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT count(*) FROM t'), '20');
  }));

test('H47: a transaction of 20,000 rows arrives, and a row that is updated 2,000 times travels once', () =>
  withServers({ schema }, async (a, b) => {
    a.python(
      `WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 20000) INSERT INTO t SELECT i, 'value ' || i, i FROM c;`,
    );
    await exchange([a, b]);
    assert.equal(b.ask('SELECT count(*) FROM t'), '20000');
    const before = await a.vector();
    a.app.exec('BEGIN');
    for (let i = 0; i < 2000; i++) a.app.exec(`UPDATE t SET n = ${i} WHERE id = 5`);
    a.app.exec('COMMIT');
    assert.deepEqual(await a.captured(before), ['update 1 t(n)']);
    await assertSame([a, b]);
  }));

test('H47: a thousand tables', () =>
  withServers(
    { schema: Array.from({ length: 1000 }, (_, i) => `CREATE TABLE t${i} (id INTEGER PRIMARY KEY, v);`).join('') },
    async (a, b) => {
      a.shell(Array.from({ length: 1000 }, (_, i) => `INSERT INTO t${i} VALUES (1, ${i});`).join(''));
      await exchange([a, b]);
      assert.equal(b.ask('SELECT v FROM t777'), '777');
      assert.equal((await b.replica.tables()).filter(({ rows }) => rows === 1).length, 1000);
    },
  ));

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

test('F18: a dataset that is copied whole, identity included, never gives one name to two changes', () =>
  withServers({ schema }, async (a, b) => {
    await a.write(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b]);
    copyFileSync(a.path, `${a.path}-twin`);
    assert.ok(statSync(`${a.path}-twin`).size > 0);
    const tables = a.ask(`SELECT name FROM sqlite_schema WHERE name LIKE '%server%' OR name LIKE '%peer%'`);
    assert.equal(tables, '', 'no list of servers travels with the database');
  }));
