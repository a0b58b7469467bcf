/** Huge changesets that land in slices, while another connection reads and writes as an application would. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Epoch, ServerId } from '../../../core/origin.js';
import { createRealSystem } from '../../../system/real-system.js';
import { landChangeset } from './changeset-landing.js';
import type { ReplicaPosition } from '../../replica.js';
import { landingChangeset } from './landing-marker.js';
import { around, exchangeAll, openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import type { PaceOptions } from '../connection/pace.js';
import { createSqliteReplica } from '../sqlite-replica.js';
import { openConnection } from '../connection/driver.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const shop = `CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents(id), name TEXT);
  CREATE TABLE tags (tag TEXT PRIMARY KEY, colour TEXT);
  CREATE TABLE labels (id INTEGER PRIMARY KEY, label TEXT UNIQUE);
  CREATE TABLE lines (text TEXT, n INTEGER)`;

const sliced: PaceOptions = { landing: 'bounded', lockMsMax: 0 };

async function withPair(
  pace: PaceOptions,
  work: (a: MergeServer, b: MergeServer, reopen: () => MergeServer) => Promise<void>,
): Promise<void> {
  using folder = temporaryFolder();
  const a = openMergeServer(folder.path('a.db'), 'a', { schema: shop });
  let b = openMergeServer(folder.path('b.db'), 'b', { schema: shop, pace });
  try {
    // A dropped replica: nothing of its memory is left, the file is as the crash left it.
    await work(a, b, () => {
      b.close();
      return (b = openMergeServer(folder.path('b.db'), 'b', { pace }));
    });
  } finally {
    a.close();
    b.close();
  }
}

const generate = (count: number): string =>
  `(WITH RECURSIVE g(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM g WHERE value < ${count}) SELECT value FROM g)`;

const countOf = ({ app }: MergeServer, table: string): number =>
  Number(app.prepare(`SELECT count(*) FROM ${table}`).get()?.[0]);

function assertSame(servers: readonly MergeServer[]): void {
  const [first] = servers;
  for (const server of servers) {
    assert.equal(server.dump(), first?.dump(), `${server.name} shows what ${first?.name} shows`);
    assert.deepEqual(server.faults(), []);
    assert.deepEqual(server.app.prepare('PRAGMA foreign_key_check').all(), []);
  }
}

function countTransactions({ context }: MergeServer): () => number {
  const { connection } = context;
  const exec = connection.exec.bind(connection);
  let count = 0;
  connection.exec = (sql) => {
    if (sql === 'COMMIT') count++;
    return exec(sql);
  };
  return () => count;
}

/** Fails after so many transactions of a landing, and from then on: a process that is gone. */
function cutOffAfter({ context }: MergeServer, transactions: number): void {
  const { connection } = context;
  const exec = connection.exec.bind(connection);
  let left = transactions;
  connection.exec = (sql) => {
    if (sql === 'COMMIT' && landingChangeset(context) && left-- <= 0) throw new Error('cut off');
    return exec(sql);
  };
}

/** Does `work` again and again, each time that merging leaves the thread to others, until `done` settles. */
async function meanwhile<T>(done: Promise<T>, work: (turn: number) => void): Promise<{ result: T; turns: number }> {
  let turns = 0;
  let isDone = false;
  const watched = done.finally(() => (isDone = true));
  const loop = async (): Promise<void> => {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (isDone) return;
      work(turns++);
    }
  };
  const [result] = await Promise.all([watched, loop()]);
  return { result, turns };
}

const insertMany = (count: number): string => `
  INSERT INTO parents SELECT value, 'parent ' || value FROM ${generate(count / 10)};
  INSERT INTO children SELECT value, value % ${count / 10} + 1, 'child ' || value FROM ${generate(count)};`;

test('a huge changeset lands in slices, and a writer gets its turn again and again', () =>
  withPair(sliced, async (a, b) => {
    for (const server of [a, b]) await server.capture();
    a.app.exec(`BEGIN; ${insertMany(50_000)} COMMIT`);
    await a.capture();
    const seen = new Set<number>();
    const { turns } = await meanwhile(b.pull(a), (turn) => {
      b.app.exec(`INSERT INTO tags VALUES ('turn ${turn}', 'red')`);
      const count = countOf(b, 'children');
      if (count > 0 && count < 50_000) {
        seen.add(count);
        assert.notEqual(b.context.meta.text('landing'), null, 'what is visible in parts is marked as landing');
        assert.equal(b.context.origins.vector().has(a.context.origins.own()), false, 'the vector moves at the end');
      }
    });
    assert.ok(turns > 20, `the writer had ${turns} turns`);
    assert.ok(seen.size > 5, `${seen.size} stages were visible`);
    assert.equal(countOf(b, 'children'), 50_000);
    assert.equal(b.context.meta.text('landing'), null);
    await exchangeAll([a, b]);
    assertSame([a, b]);
    assert.equal(countOf(a, 'tags'), turns);
  }));

test('where writers do not wait, 5,000 rows are landed in slices', () =>
  withPair({ polite: true }, async (a, b) => {
    for (const server of [a, b]) await server.capture();
    a.app.exec(`BEGIN; ${insertMany(5_000)} COMMIT`);
    await a.capture();
    let wasMarked = false;
    await meanwhile(b.pull(a), () => (wasMarked ||= b.context.meta.text('landing') !== null));
    assert.ok(wasMarked);
    assertSame([a, b]);
  }));

test('landing whole is never visible in parts', () =>
  withPair({ landing: 'whole', lockMsMax: 0 }, async (a, b) => {
    for (const server of [a, b]) await server.capture();
    a.app.exec(`BEGIN; ${insertMany(20_000)} COMMIT`);
    await a.capture();
    await meanwhile(b.pull(a), () => {
      const count = countOf(b, 'children');
      assert.ok(count === 0 || count === 20_000, `${count} rows were visible`);
      assert.equal(b.context.meta.text('landing'), null);
    });
    assertSame([a, b]);
  }));

test('a changeset that proves too slow half-way is undone and lands in slices', () =>
  withPair({ lockMsMax: 150 }, async (a, b) => {
    for (const server of [a, b]) await server.capture();
    a.app.exec(`BEGIN; ${insertMany(40_000)} COMMIT`);
    await a.capture();
    const { system } = b.context;
    const monotonicMs = system.monotonicMs.bind(system);
    let passed = 0;
    // A slow machine, until it is noticed: every look at the clock takes a part of the bound.
    Object.assign(system, {
      monotonicMs: () => monotonicMs() + (landingChangeset(b.context) ? passed : (passed += 40)),
    });
    let wasMarked = false;
    await meanwhile(b.pull(a), () => (wasMarked ||= landingChangeset(b.context) !== null));
    assert.ok(wasMarked);
    Object.assign(system, { monotonicMs });
    await exchangeAll([a, b]);
    assertSame([a, b]);
  }));

test('rows that an application writes while they are landing keep what it wrote', () =>
  withPair(sliced, async (a, b) => {
    for (const server of [a, b]) await server.capture();
    a.app.exec(`BEGIN; ${insertMany(2_000)} COMMIT`);
    await exchangeAll([a, b]);
    a.app.exec(`BEGIN;
      UPDATE children SET name = 'theirs ' || id;
      DELETE FROM children WHERE id % 5 = 0;
      UPDATE parents SET name = 'theirs ' || id;
      INSERT INTO children SELECT value + 10000, value % 200 + 1, 'new' FROM ${generate(5_000)};
      INSERT INTO tags SELECT 't' || value, 'theirs' FROM ${generate(3_000)};
      INSERT INTO lines SELECT 'line', value % 7 FROM ${generate(500)};
      COMMIT`);
    await a.capture();
    b.app.exec('PRAGMA foreign_keys = ON');
    const { turns } = await meanwhile(b.pull(a), (turn) => {
      b.app.exec(`BEGIN IMMEDIATE;
        UPDATE children SET name = 'mine' WHERE id = ${turn * 7 + 1};
        UPDATE children SET parent_id = 3 WHERE id = ${turn * 11 + 2};
        DELETE FROM children WHERE id = ${turn * 13 + 3};
        DELETE FROM children WHERE id = ${10_000 + turn * 3};
        INSERT OR IGNORE INTO tags VALUES ('t${3_000 - turn}', 'mine');
        DELETE FROM tags WHERE tag = 't${turn}';
        UPDATE tags SET tag = 'renamed ${turn}' WHERE tag = 't${turn + 1000}';
        INSERT OR IGNORE INTO children VALUES (${15_000 - turn}, 1, 'clash');
        INSERT INTO lines VALUES ('mine', ${turn});
        COMMIT`);
    });
    assert.ok(turns > 5, `${turns} turns`);
    await exchangeAll([a, b]);
    assertSame([a, b]);
    assert.ok(countOf(a, "children WHERE name = 'mine'") > 0);
    assert.ok(countOf(a, "tags WHERE colour = 'mine'") > 0);
  }));

test('parents and children that end in one huge changeset end in any order', () =>
  withPair(sliced, async (a, b) => {
    for (const server of [a, b]) await server.capture();
    a.app.exec(`BEGIN; ${insertMany(16_000)} COMMIT`);
    await exchangeAll([a, b]);
    a.app.exec(`BEGIN; DELETE FROM parents WHERE id > 3; DELETE FROM children WHERE parent_id > 3; COMMIT`);
    await a.capture();
    // One of them is needed here: it comes back.
    b.app.exec(`INSERT INTO children VALUES (900001, 1500, 'needs its parent')`);
    await exchangeAll([a, b]);
    assertSame([a, b]);
    assert.equal(countOf(a, 'parents'), 4);
    assert.equal(a.app.prepare('SELECT name FROM parents WHERE id = 1500').get()?.[0], 'parent 1500');
  }));

for (const transactions of [1, 4, 15]) {
  test(`a landing that is cut off after ${transactions} transactions is begun again and comes to the same`, () =>
    withPair(sliced, async (a, first, reopen) => {
      for (const server of [a, first]) await server.capture();
      a.app.exec(`BEGIN; ${insertMany(5_000)} COMMIT`);
      await exchangeAll([a, first]);
      a.app.exec(`BEGIN;
        UPDATE children SET name = 'theirs ' || id WHERE id % 3 = 0;
        DELETE FROM children WHERE id % 5 = 0;
        INSERT INTO labels SELECT value, 'label ' || value FROM ${generate(5_000)};
        INSERT INTO lines SELECT 'line', value % 7 FROM ${generate(2_000)};
        COMMIT`);
      await a.capture();
      cutOffAfter(first, transactions);
      await assert.rejects(first.pull(a), /cut off/);
      const b = reopen();
      assert.notEqual(landingChangeset(b.context), null);
      const landedBefore = countOf(b, 'labels WHERE id % 10 = 1');
      b.app.exec(`DELETE FROM labels WHERE id % 10 = 1;
        UPDATE labels SET label = 'mine' WHERE id = (SELECT min(id) FROM labels);
        UPDATE children SET name = 'mine' WHERE id IN (3, 4, 5);
        INSERT OR IGNORE INTO labels VALUES (4999, 'other');
        DELETE FROM lines WHERE rowid % 3 = 0`);
      await b.capture();
      assert.notEqual(landingChangeset(b.context), null, 'nothing is captured before it has landed');
      await landChangeset(b.context, around, { isResumed: true });
      assert.equal(landingChangeset(b.context), null);
      await exchangeAll([a, b]);
      assertSame([a, b]);
      assert.equal(countOf(a, "labels WHERE label = 'mine'"), landedBefore > 0 ? 1 : 0);
      assert.equal(countOf(a, 'labels WHERE id % 10 = 1'), 500 - landedBefore, 'what was deleted here stays deleted');
    }));
}

test('a row of a bag that is deleted while others land is deleted everywhere', () =>
  withPair(sliced, async (a, b) => {
    a.app.exec(`INSERT INTO lines SELECT 'old', value FROM ${generate(5)}`);
    await exchangeAll([a, b]);
    a.app.exec(`INSERT INTO lines SELECT 'new', value FROM ${generate(600)}`);
    await a.capture();
    const { connection } = b.context;
    const exec = connection.exec.bind(connection);
    let isDeleted = false;
    connection.exec = (sql) => {
      exec(sql);
      if (sql !== 'COMMIT' || isDeleted || !landingChangeset(b.context)) return;
      isDeleted = true;
      b.app.exec(`DELETE FROM lines WHERE text = 'old'`);
    };
    await b.pull(a);
    assert.ok(isDeleted);
    await exchangeAll([a, b]);
    assertSame([a, b]);
    assert.equal(countOf(a, 'lines'), 600);
  }));

test('polite merging holds the lock for shorter', async () => {
  const counts: number[] = [];
  for (const polite of [false, true]) {
    await withPair({ ...sliced, polite }, async (a, b) => {
      for (const server of [a, b]) await server.capture();
      a.app.exec(`INSERT INTO labels SELECT value, 'label ' || value FROM ${generate(6_000)}`);
      await a.capture();
      const transactions = countTransactions(b);
      await b.pull(a);
      counts.push(transactions());
      assertSame([a, b]);
    });
  }
  const [plain = 0, polite = 0] = counts;
  assert.ok(polite >= 6_000 / 128, `${polite} transactions`);
  assert.ok(polite > plain, `${polite} transactions when polite, else ${plain}`);
});

test('the replica tells that a changeset is landing, and everything else waits for its end', async () => {
  using folder = temporaryFolder();
  const replicaOf = (name: string) => {
    const path = folder.path(`${name}.db`);
    const app = openConnection(path, { busyTimeoutMs: 5000 });
    app.exec(`PRAGMA journal_mode = WAL; ${shop}`);
    const identity = { server: name.repeat(16) as ServerId, serverName: name, freshEpoch: () => '00000001' as Epoch };
    const shared = { path, dataset: 'shop', identity, system: createRealSystem(), observe: () => {} };
    return { app, replica: createSqliteReplica({ ...shared, pace: name === 'b' ? sliced : {} }) };
  };
  const [a, b] = [replicaOf('a'), replicaOf('b')];
  for (const { replica } of [a, b]) {
    await replica.open();
    await replica.drain();
  }
  a.app.exec(`BEGIN; ${insertMany(10_000)} COMMIT`);
  await a.replica.drain();
  const { parts } = await a.replica.readJournal({ vector: new Map(), after: 0, bytesMax: 1e9 });
  const merged = b.replica.merge(parts);
  const proof = b.replica.proof();
  const positions: Promise<ReplicaPosition>[] = [];
  await meanwhile(merged, () => {
    const marker = b.app.prepare("SELECT value FROM _usync_meta WHERE name = 'landing'").get();
    if (marker) positions.push(b.replica.position());
  });
  const told = (await Promise.all(positions)).filter(({ isLanding }) => isLanding);
  for (const { vector } of told) assert.equal(vector.size, 0);
  const outcome = await merged;
  assert.ok(told.length > 3, `told ${told.length} times`);
  assert.equal(outcome.rows, 11_000);
  assert.deepEqual((await proof).digest, (await a.replica.proof()).digest);
  assert.equal((await b.replica.position()).isLanding, false);
  for (const { app, replica } of [a, b]) {
    await replica.close();
    app.close();
  }
});
