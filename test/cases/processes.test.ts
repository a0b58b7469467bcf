// Goal: failures of groups A and B that are about running servers (F1 to F4, F7, F10, F16, F18, F20), and hard cases 43 and 46
// as processes. Method: two real servers with two database files each; an application that knows nothing of them.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { foreignWriters, runShell } from '../process/foreign-writers.js';
import {
  createWorkplace,
  formGroup,
  untilProven,
  waitUntil,
  type ServerProcess,
  type Workplace,
} from '../process/server-process.js';
import { dumpTables, problemsOf } from '../process/table-dump.js';

const missing = foreignWriters.shell ? false : 'the sqlite3 shell is not installed';
const usersOf = (server: ServerProcess): string => join(server.folder, 'users.db');
const rows = (server: ServerProcess): string => runShell(server.database, 'SELECT v FROM item ORDER BY v').trim();

describe('two servers with two database files each', { skip: missing }, () => {
  let workplace: Workplace;
  let a: ServerProcess;
  let b: ServerProcess;

  before(async () => {
    workplace = createWorkplace();
    [a, b] = [await workplace.addServer('a'), await workplace.addServer('b')];
    for (const server of [a, b]) {
      const config = parse(readFileSync(server.configPath, 'utf8')) as { datasets: unknown[] };
      config.datasets.push({ name: 'users', sqlite: 'users.db' });
      writeFileSync(server.configPath, stringify(config));
      runShell(server.database, 'PRAGMA journal_mode = WAL; CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT)');
      runShell(
        usersOf(server),
        'PRAGMA journal_mode = WAL; CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT, hash TEXT); CREATE TABLE role (id INTEGER PRIMARY KEY, name TEXT UNIQUE)',
      );
    }
    await a.start();
  });
  after(() => workplace.clear());

  test('F1: a server says that it captures only after a note of its own came through, and is in sync only with a proof', async () => {
    await waitUntil('the self-test has run', 10_000, async () =>
      (await a.status()).datasets.every(({ selfTest }) => selfTest.kind === 'passed'),
    );
    const alone = await a.status();
    assert.deepEqual([alone.state, alone.isInSync], ['alone', false]);
    const verify = a.usync('verify');
    assert.match(verify.stdout, /no other server to compare with/);
    assert.equal(verify.status, 3);
    await a.end('SIGTERM');
    await formGroup([a, b]);
    await untilProven([a, b]);
    await waitUntil('both say so', 10_000, async () => (await a.status()).isInSync && (await b.status()).isInSync);
    for (const { provenAtMs } of (await a.status()).datasets) assert.ok(provenAtMs !== null);
  });

  test('F4: capture needs nothing of the application: a program without any code of ours writes, and it arrives', async () => {
    runShell(a.database, `INSERT INTO item VALUES (1, 'from a program that ended')`);
    await untilProven([a, b]);
    assert.equal(rows(b), 'from a program that ended');
  });

  test('F7: every database file that is named is replicated, and shown with its tables and rows', async () => {
    runShell(usersOf(a), `INSERT INTO role VALUES (1, 'admin'); INSERT INTO user VALUES (1, 'ann', 'hash')`);
    await untilProven([a, b]);
    assert.equal(runShell(usersOf(b), 'SELECT name, hash FROM user').trim(), 'ann|hash');
    const datasets = (await b.status()).datasets.map(({ name, tables, rows: count }) => ({ name, tables, count }));
    assert.deepEqual(
      datasets.toSorted((x, y) => (x.name < y.name ? -1 : 1)),
      [
        { name: 'music', tables: 1, count: 1 },
        { name: 'users', tables: 2, count: 2 },
      ],
    );
  });

  test('F3: a peer that hangs is not "in sync": health comes from what it acknowledged', async () => {
    b.signal('SIGSTOP');
    runShell(a.database, `INSERT INTO item VALUES (2, 'while b hangs')`);
    await waitUntil('a says that b has not acknowledged', 20_000, async () => {
      const { isInSync, peers } = await a.status();
      return (
        !isInSync &&
        peers.some(({ datasets }) => datasets.some(({ dataset, state }) => dataset === 'music' && state !== 'proven'))
      );
    });
    b.signal('SIGCONT');
    await untilProven([a, b]);
    assert.match(rows(b), /while b hangs/);
  });

  test('F2: one owner runs a dataset: a second start is refused with the name of the first', () => {
    const second = b.usync('run');
    assert.notEqual(second.status, 0);
    assert.match(second.stdout + second.stderr, /USYNC-1206/);
    assert.match(second.stdout + second.stderr, /\bserver "?b\b|\bb\b.*\bprocess \d+/);
  });

  test('F16: with the peer switched off nothing is called a success', async () => {
    await b.end('SIGTERM');
    runShell(a.database, `INSERT INTO item VALUES (3, 'while b is off')`);
    await waitUntil('a notices', 20_000, async () => (await a.status()).state !== 'in-sync');
    const { comparisons } = await a.verify();
    assert.ok(
      comparisons.every(({ result }) => result === 'unreachable'),
      JSON.stringify(comparisons),
    );
    const verify = a.usync('verify');
    assert.notEqual(verify.status, 0);
    const { isInSync, headline } = await a.status();
    assert.equal(isInSync, false);
    assert.match(headline, /\bb\b/);
  });

  test('F10: what waits for a peer survives kill -9 of its server, and is not dropped however much it is', async () => {
    runShell(
      a.database,
      `WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 1000) INSERT INTO item (v) SELECT 'queued ' || i FROM c`,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    await a.end('SIGKILL');
    runShell(a.database, `INSERT INTO item (v) VALUES ('while nobody ran')`);
    await b.start();
    await a.start();
    await untilProven([a, b]);
    assert.equal(
      runShell(b.database, `SELECT count(*) FROM item WHERE v LIKE 'queued%' OR v LIKE 'while%'`).trim(),
      '1003',
    );
  });

  test('F20: writes that come while others are on their way make no second run and no queue that grows', async () => {
    for (let i = 0; i < 40; i++)
      runShell(i % 2 === 0 ? a.database : b.database, `INSERT INTO item (v) VALUES ('quick ${i}')`);
    await untilProven([a, b]);
    await waitUntil('nothing is pending', 10_000, async () => {
      const peers = (await Promise.all([a, b].map((server) => server.status()))).flatMap((status) => status.peers);
      return peers.every(({ datasets }) =>
        datasets.every(({ pendingOut, pendingIn }) => pendingOut.origins + pendingIn.origins === 0),
      );
    });
    assert.deepEqual(dumpTables(a.database), dumpTables(b.database));
  });

  test('F18: a second machine with a copied identity is told on it and refused, and harms nobody', async () => {
    await b.end('SIGTERM');
    const clone = await workplace.addServer('clone');
    rmSync(clone.folder, { recursive: true });
    cpSync(b.folder, clone.folder, { recursive: true });
    const config = parse(readFileSync(clone.configPath, 'utf8')) as { listen: { port: number } };
    config.listen.port = 0;
    writeFileSync(clone.configPath, stringify(config));
    await b.start();
    await untilProven([a, b]);
    await clone.start();
    runShell(clone.database, `INSERT INTO item (v) VALUES ('by the clone')`);
    await waitUntil(
      'both sides say so',
      30_000,
      async () => {
        const all = await Promise.all([a, b, clone].map((server) => server.status()));
        const isTold = all.map(({ problems }) => problems.some(({ code }) => code === 'USYNC-1404'));
        return isTold[0] === true && isTold.slice(1).includes(true);
      },
      () => clone.log().slice(-2000),
    );
    await clone.end('SIGKILL');
    runShell(b.database, `INSERT INTO item (v) VALUES ('by b itself')`);
    await untilProven([a, b]);
    for (const { database } of [a, b]) assert.deepEqual(problemsOf(database), []);
  });
});
