// Goal: large changes land with bounded memory and locks, and what coalesces does (hard cases 34, 45 and 47). Moderate sizes here;
// `npm run test:sizes` takes those of the hard cases: a blob of 100 MB, a million rows in one transaction, a million updates of one row.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { assertSame, exchange, withServers, type CaseServer } from './case-servers.js';

const isWhole = process.env['USYNC_TEST_SIZES'] === 'whole';
const rows = isWhole ? 1_000_000 : 60_000;
const updates = isWhole ? 1_000_000 : 50_000;
const tables = 1_000;
const blobMb = isWhole ? 100 : 10;

test(`H34: a blob of ${blobMb} MB arrives byte by byte, and a change beside it`, () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB, n INTEGER)' }, async (a, b) => {
    runPython(
      a,
      `import os\nwith db: db.execute('INSERT INTO t VALUES (1, ?, 1)', (os.urandom(${blobMb} * 1000000),))`,
    );
    await exchange([a, b]);
    b.shell('UPDATE t SET n = 2');
    await exchange([a, b]);
    a.app.exec(`ATTACH '${b.path}' AS other`);
    assert.equal(
      a.ask('SELECT count(*), min(length(here.v)), min(here.n) FROM main.t AS here JOIN other.t USING (id, v, n)'),
      `1|${blobMb * 1_000_000}|2`,
    );
    a.app.exec('DETACH other');
  }));

/** As an application does it: one transaction, its values from a loop of its own. */
function runPython({ path }: CaseServer, script: string): void {
  const opening = `import sqlite3\ndb = sqlite3.connect(${JSON.stringify(path)}, timeout=60)\n`;
  const { status, stderr } = spawnSync('python3', ['-c', `${opening}${script}`], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

test(`H47: a transaction of ${rows} rows lands, and memory stays bounded`, () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n INTEGER)' }, async (a, b) => {
    runPython(
      a,
      `with db: db.executemany('INSERT INTO t VALUES (?, ?, ?)', ((i, 'value %d %s' % (i, 'x' * 80), i) for i in range(${rows})))`,
    );
    globalThis.gc?.();
    const before = process.memoryUsage.rss();
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20);
    try {
      await exchange([a, b]);
    } finally {
      clearInterval(watch);
    }
    // Both servers run in this process. The rows alone are 100 bytes each: at a million they must not all be in memory.
    const grownMb = (most - before) / 2 ** 20;
    assert.ok(grownMb < 400, `${grownMb.toFixed(0)} MiB more for ${rows} rows`);
    assert.equal(
      b.ask('SELECT count(*), sum(n), max(length(v)) FROM t'),
      a.ask('SELECT count(*), sum(n), max(length(v)) FROM t'),
    );
    await assertSame([a, b]);
  }));

for (const [how, between] of [
  ['in one transaction', 'pass'],
  ['in a transaction each', 'db.commit()'],
] as const)
  test(`H47: one row that is updated ${updates} times ${how} travels once`, () =>
    withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v, n INTEGER)' }, async (a, b) => {
      a.shell(`INSERT INTO t VALUES (1, 'x', 0), (2, 'y', 0)`);
      await assertSame([a, b]);
      const before = await a.vector();
      runPython(
        a,
        `db.execute('PRAGMA synchronous = OFF')
for i in range(1, ${updates} + 1):
    db.execute('UPDATE t SET n = ? WHERE id = 1', (i,))
    ${between}
db.commit()`,
      );
      assert.deepEqual(await a.captured(before), ['update 1 t(n)']);
      assert.equal(a.ask('SELECT count(*) <= 1 FROM _usync_notes'), '1', 'what was noted is gone');
      await assertSame([a, b]);
      assert.equal(b.ask('SELECT n FROM t WHERE id = 1'), String(updates));
    }));

test(`H47: of ${tables} tables each is captured`, () =>
  withServers(
    { schema: Array.from({ length: tables }, (_, i) => `CREATE TABLE t${i} (id INTEGER PRIMARY KEY, v);`).join('') },
    async (a, b) => {
      a.shell(Array.from({ length: tables }, (_, i) => `INSERT INTO t${i} VALUES (1, ${i});`).join(''));
      await exchange([a, b]);
      assert.equal((await b.replica.tables()).filter(({ rows: count }) => count === 1).length, tables);
      const before = await a.vector();
      a.shell('UPDATE t777 SET v = v + 1');
      assert.deepEqual(await a.captured(before), ['update 1 t777(v)']);
      await assertSame([a, b]);
    },
  ));

test('H45: 65,537 changes at one tick of the clock, in one transaction and one by one, stay apart and in order', () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v, n INTEGER)' }, async (a, b) => {
    const tick = 1_750_000_000_000;
    a.shell(`WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 65537)
      INSERT INTO t SELECT i, 'v', i FROM c; UPDATE _usync_notes SET time = ${tick}`);
    await exchange([a, b]);
    assert.equal(b.ask('SELECT count(*), sum(n) FROM t'), '65537|2147581953');
    for (const each of [b, a, b, a, b]) {
      each.shell(`UPDATE t SET v = v || '${each.name}' WHERE id < 100; UPDATE _usync_notes SET time = ${tick}`);
      await exchange([a, b]);
    }
    assert.equal(b.ask('SELECT DISTINCT v FROM t WHERE id < 100'), 'vbabab', 'an edit made after seeing another wins');
    await assertSame([a, b]);
  }));
