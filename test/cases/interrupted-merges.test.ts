// Goal: a merge that is interrupted changes nothing or all (hard case 46): kill -9 at each statement, a full disk, storms of
// locks. Method: processes that really die, a small disk that is really full, writers of another program.
import assert from 'node:assert/strict';
import { fork, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openConnection } from '../../src/databases/sqlite/connection/driver.js';
import { assertSame, exchange, later, openServer, withServers, type CaseServer } from './case-servers.js';
import type { MergeOrder } from './merge-and-die.js';

const script = fileURLToPath(new URL('merge-and-die.js', import.meta.url));

/** Lives until it kills itself; how many statements it took when it was to live. */
const mergeAndDie = (order: MergeOrder): Promise<number | null> =>
  new Promise((resolve, reject) => {
    const child = fork(script, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    let told: number | null = null;
    child.once('message', (count) => (told = Number(count)));
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (signal === 'SIGKILL' || code === 0) resolve(told);
      else reject(new Error(`the merging process ended with ${code ?? signal ?? ''}`));
    });
    child.send(order);
  });

const schema = `CREATE TABLE account (id INTEGER PRIMARY KEY, email TEXT UNIQUE, password TEXT);
  CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE post (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES team ON DELETE CASCADE, text TEXT);
  CREATE TABLE log (line TEXT)`;

const closeServer = async ({ replica, app }: CaseServer): Promise<void> => {
  await replica.close();
  app.close();
};

function copyDatabase(from: string, to: string): void {
  for (const suffix of ['', '-wal']) if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix);
}

/** Both wrote: numbers, a unique value and a parent clash, and what the second wrote is not drained yet. */
async function prepare(root: string): Promise<Pick<MergeOrder, 'parts'>> {
  const [a, b] = [
    await openServer(join(root, 'a.db'), 'a', { schema }),
    await openServer(join(root, 'b.db'), 'b', { schema }),
  ];
  await a.replica.drain();
  a.shell(
    `INSERT INTO team VALUES (1, 'one'), (2, 'two'); INSERT INTO post VALUES (1, 1, 'x'); INSERT INTO log VALUES ('l')`,
  );
  await assertSame([a, b]);
  a.shell(`PRAGMA foreign_keys = ON; INSERT INTO account (email, password) VALUES ('x@x', 'a'); INSERT INTO team (name) VALUES ('three of a');
    INSERT INTO post (team_id, text) VALUES (3, 'of a'); DELETE FROM team WHERE id = 2; UPDATE post SET text = 'edited' WHERE id = 1; INSERT INTO log VALUES ('l')`);
  await later();
  b.python(`INSERT INTO account (email, password) VALUES ('x@x', 'b'); INSERT INTO team (name) VALUES ('three of b');
    INSERT INTO post (team_id, text) VALUES (3, 'of b'), (2, 'orphan'); UPDATE post SET text = 'edited at b' WHERE id = 1`);
  await a.replica.drain();
  const { parts } = await a.replica.readJournal({ vector: await b.vector(), after: 0, bytesMax: 1e9 });
  for (const each of [a, b]) await closeServer(each);
  return { parts };
}

test('H46: kill -9 at each step of a merge leaves it undone or done, and both end the same', async () => {
  const root = mkdtempSync(join(tmpdir(), 'usync-kill-'));
  try {
    const { parts } = await prepare(root);
    const copies = (at: string): string[] =>
      ['a', 'b'].map((name) => {
        mkdirSync(join(root, at), { recursive: true });
        const path = join(root, at, `${name}.db`);
        copyDatabase(join(root, `${name}.db`), path);
        return path;
      });
    const order = (at: string, diesAt: number | null): MergeOrder => ({
      ...{ path: copies(at)[1] ?? '', name: 'b', parts, diesAt },
    });
    const statements: number = (await mergeAndDie(order('whole', null))) ?? 0;
    assert.ok(statements > 50, `${statements}`);
    const seed = Date.now() % 1_000;
    const points = 16;
    const shown = new Set<string>();
    for (let i = 0; i < points; i++) {
      const diesAt = 1 + Math.floor(((i + seed / 1_000) * statements) / points);
      const at = `at ${diesAt} of ${statements} (seed ${seed})`;
      // How many there are depends on time by a few (what is looked at again after a pause): the last points may lie beyond.
      const took = await mergeAndDie(order(String(diesAt), diesAt));
      assert.ok(took === null || (took < diesAt && i === points - 1), `it died ${at}, ended after ${took}`);
      const [a, b] = await Promise.all(
        ['a', 'b'].map((name) => openServer(join(root, String(diesAt), `${name}.db`), name, { schema: '' })),
      );
      assert.ok(a && b);
      try {
        shown.add(await assertSame([a, b]).catch((error: unknown) => assert.fail(`${at}: ${String(error)}`)));
        assert.equal((await b.replica.quarantine({ max: 9 })).length, 1, at);
        assert.equal(
          (await b.replica.conflicts({ max: 9 })).length,
          (await a.replica.conflicts({ max: 9 })).length,
          at,
        );
      } finally {
        for (const each of [a, b]) await closeServer(each);
      }
    }
    assert.equal(shown.size, 1, 'the same rows wherever it died');
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

const mounts = (...args: readonly string[]): boolean => spawnSync('mount', args, { stdio: 'ignore' }).status === 0;

test('H46: a full disk stops a merge whole, is told, and the merge goes on when there is room', async (context) => {
  const disk = mkdtempSync(join(tmpdir(), 'usync-disk-'));
  if (!mounts('-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk)) {
    rmSync(disk, { recursive: true });
    return context.skip('a small disk can only be mounted as root');
  }
  try {
    await withServers({ schema, servers: 'a' }, async (a) => {
      const b = await openServer(join(disk, 'b.db'), 'b', { schema });
      try {
        a.shell(`INSERT INTO team VALUES (1, 'one')`);
        await assertSame([a, b]);
        a.shell(`INSERT INTO team VALUES (2, 'before the large one');
          WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 4000) INSERT INTO log SELECT i || hex(randomblob(500)) FROM n`);
        await assert.rejects(exchange([a, b]), { code: 'USYNC-1207' });
        assert.equal(b.ask('SELECT name FROM team'), 'one', 'nothing of the transaction is shown');
        assert.equal(b.ask('PRAGMA integrity_check'), 'ok');
        assert.ok(mounts('-o', 'remount,size=64m', disk));
        b.shell(`INSERT INTO team (name) VALUES ('of b, meanwhile')`);
        await assertSame([a, b]);
        assert.equal(b.ask('SELECT count(*) FROM log'), '4000');
      } finally {
        await closeServer(b);
      }
    });
  } finally {
    spawnSync('umount', [disk]);
    rmSync(disk, { recursive: true, force: true });
  }
});

/** Two writers that each commit as fast as they can and wait for locks for at most a second, as many applications do. */
const storm = `
import sqlite3, sys
db, name = sqlite3.connect(sys.argv[1], timeout=1, isolation_level=None), sys.argv[2]
for i in range(150):
    db.execute('BEGIN IMMEDIATE')
    db.execute('INSERT INTO log VALUES (?)', ('%s %d' % (name, i),))
    db.execute('UPDATE team SET name = ? WHERE id = 1', ('%s %d' % (name, i),))
    db.execute('COMMIT')
`;

test('H27, H46, F17, F39: in a storm of locks no write of an application fails while batches land, and every one arrives', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(`INSERT INTO team VALUES (1, 'start')`);
    await assertSame([a, b]);
    const writers = [a, b].flatMap((server) =>
      ['x', 'y'].map((name) => {
        const child = spawn('python3', ['-c', storm, server.path, `${server.name}${name}`], {
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        let complaint = '';
        child.stderr.on('data', (bytes: Buffer) => (complaint += bytes.toString()));
        return new Promise<string>((resolve) => child.once('close', () => resolve(complaint)));
      }),
    );
    const weather = { isStorm: true };
    const all = Promise.all(writers).finally(() => (weather.isStorm = false));
    let rounds = 0;
    for (; weather.isStorm && rounds < 500; rounds++) {
      a.app.exec(`INSERT INTO post (text) VALUES ('batch ${rounds}'), ('batch'), ('batch')`);
      await exchange([a, b]).catch((error: unknown) => {
        // Both are written all the time, so it need not come to rest.
        if (!String(error).includes('come to rest')) throw error;
      });
    }
    assert.deepEqual(await all, ['', '', '', '']);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT count(*) FROM log'), String(4 * 150));
    assert.equal(b.ask('SELECT count(*) FROM post'), String(3 * rounds));
  }));

test('H46: a reader that keeps its snapshot for long stops neither merging nor capture', () =>
  withServers({ schema }, async (a, b) => {
    const reader = openConnection(b.path, { busyTimeoutMs: 0 });
    try {
      reader.exec('BEGIN');
      reader.prepare('SELECT count(*) FROM log').get();
      for (let i = 0; i < 20; i++) {
        await a.write(`INSERT INTO log SELECT hex(randomblob(20000)); UPDATE team SET name = 'x'`);
        await exchange([a, b]);
      }
      assert.equal(Number(reader.prepare('SELECT count(*) FROM log').get()?.[0]), 0, 'it keeps its snapshot');
      assert.equal(b.ask('SELECT count(*) FROM log'), '20');
      reader.exec('COMMIT');
    } finally {
      reader.close();
    }
    await assertSame([a, b]);
  }));
