// Goal: a rename of a table or a column changes no value, whoever made it first and whatever waits here under the old name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createForkScene, meet } from '../testing/fork-scene.js';
import { exchangeAll, openMergeServer, snapshotOf, type MergeServer } from '../testing/merge-scene.js';
import { receiveSnapshot } from '../snapshot/snapshot-writer.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

test('a changeset that ends a row which waits under the new name and changes one of the old name does both', async () => {
  const scene = createForkScene('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)');
  try {
    const a = await scene.add('a');
    const b = await scene.add('b');
    await a.write(`INSERT INTO item VALUES (1, 'before')`);
    await meet(a, b);
    await a.write('ALTER TABLE item RENAME TO thing');
    await a.write(`INSERT INTO thing VALUES (2, 'after')`);
    await meet(a, b);
    await a.write(`BEGIN; DELETE FROM thing WHERE id = 2; UPDATE thing SET name = 'changed' WHERE id = 1; COMMIT`);
    await meet(a, b);
    await b.write('ALTER TABLE item RENAME TO thing');
    await meet(a, b);
    assert.equal(await b.dump(), `thing: 1 | 'changed'`);
    assert.equal(await a.dump(), await b.dump());
    assert.deepEqual((await b.replica.proof()).digest, (await a.replica.proof()).digest);
  } finally {
    await scene.clear();
  }
});

type Work = (servers: readonly [MergeServer, MergeServer, MergeServer]) => Promise<void>;

/** Three servers, of which the second may have a schema of its own. */
async function withServers(schema: string, work: Work, schemaOfSecond = schema): Promise<void> {
  using folder = temporaryFolder();
  const open = (letter: string): MergeServer =>
    openMergeServer(folder.path(`${letter}.db`), letter, { schema: letter === 'b' ? schemaOfSecond : schema });
  const servers = [open('a'), open('b'), open('c')] as const;
  try {
    for (const server of servers) await server.capture();
    await work(servers);
  } finally {
    for (const server of servers) server.close();
  }
}

async function write(server: MergeServer, sql: string): Promise<void> {
  server.app.exec(sql);
  await server.capture();
  // The next write, anywhere, is a later one.
  await new Promise((resolve) => setTimeout(resolve, 5));
}

const rename = 'ALTER TABLE items RENAME COLUMN v TO w';

async function assertAllShow(servers: readonly MergeServer[], shown: string): Promise<void> {
  await exchangeAll(servers);
  for (const server of servers) {
    assert.equal(server.dump(), shown, server.name);
    assert.deepEqual(server.faults(), []);
  }
  const [first, ...others] = servers.map(({ context }) =>
    context.tables.all().map((table) => context.tables.digest(table)),
  );
  for (const other of others) assert.deepEqual(other, first);
}

const uniqueItems = 'CREATE TABLE items (id INTEGER PRIMARY KEY, code TEXT UNIQUE, v TEXT)';

test('a row that waits to become one with another keeps its value when the column gets another name', () =>
  withServers(uniqueItems, async ([a, b, c]) => {
    await write(a, `INSERT INTO items VALUES (1, 'x', 'first')`);
    await write(b, `INSERT INTO items VALUES (2, 'x', 'second')`);
    await c.pull(a);
    await c.pull(b);
    for (const server of [c, a, b]) await write(server, rename);
    await assertAllShow([a, b, c], `items: 1 | 'x' | 'second'`);
  }));

test('of rows that became one each keeps its own value when the column gets another name', () =>
  withServers(uniqueItems, async ([a, b, c]) => {
    await write(a, `INSERT INTO items VALUES (1, 'x', 'first')`);
    await c.pull(a);
    await write(b, `INSERT INTO items VALUES (2, 'x', 'second')`);
    await exchangeAll([a, b]);
    await write(a, rename);
    // Ends the row as it knows it; what became part of it elsewhere stays.
    await write(c, 'DELETE FROM items');
    await b.pull(c);
    await write(b, rename);
    await write(c, rename);
    await assertAllShow([a, b, c], `items: 2 | 'x' | 'second'`);
  }));

test('what the schema here refuses of a row is held under the new name of the column', () =>
  withServers(
    'CREATE TABLE items (id INTEGER PRIMARY KEY, v TEXT)',
    async ([a, b, c]) => {
      await write(a, `INSERT INTO items VALUES (1, 'good')`);
      await exchangeAll([a, b, c]);
      await write(a, `UPDATE items SET v = 'bad'`);
      await b.pull(a);
      for (const server of [a, b, c]) await write(server, rename);
      await exchangeAll([a, b, c]);
      for (const { context } of [b, c])
        assert.deepEqual(
          context.tables.all().map((table) => context.tables.digest(table)),
          a.context.tables.all().map((table) => a.context.tables.digest(table)),
        );
      await write(a, `UPDATE items SET w = 'better'`);
      await assertAllShow([a, b, c], `items: 1 | 'better'`);
    },
    `CREATE TABLE items (id INTEGER PRIMARY KEY, v TEXT CHECK (v <> 'bad'))`,
  ));

test('a value that came under the new name before does not go over a later one written under the old name', () =>
  withServers('CREATE TABLE items (id INTEGER PRIMARY KEY, v TEXT)', async ([a, b, c]) => {
    await write(a, `INSERT INTO items VALUES (1, 'first')`);
    await exchangeAll([a, b, c]);
    await write(a, `${rename}; UPDATE items SET w = 'earlier'`);
    await write(b, `UPDATE items SET v = 'later'`);
    await b.pull(a);
    await write(b, rename);
    await write(c, rename);
    await assertAllShow([a, b, c], `items: 1 | 'later'`);
  }));

test('what came under the new name of a table keeps its values when table and column are renamed here at once', () =>
  withServers('CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT)', async ([a, b, c]) => {
    await write(a, `ALTER TABLE item RENAME TO items; INSERT INTO items VALUES (1, 'first')`);
    await b.pull(a);
    await write(b, `ALTER TABLE item RENAME TO items; ${rename}`);
    await write(a, rename);
    await write(c, `ALTER TABLE item RENAME TO items; ${rename}`);
    await assertAllShow([a, b, c], `items: 1 | 'first'`);
  }));

test('a change by the former name reaches a row that came by snapshot under the later one', () =>
  withServers('CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT)', async ([a, b, c]) => {
    await write(a, `INSERT INTO item VALUES (1, 'first'), (2, 'ended')`);
    await exchangeAll([a, b]);
    await write(a, 'ALTER TABLE item RENAME TO items');
    const reader = await snapshotOf(a.context);
    const writer = receiveSnapshot(c.context, reader.vector, null);
    for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
    await writer.finish();
    await write(b, `UPDATE item SET v = 'second' WHERE id = 1; DELETE FROM item WHERE id = 2`);
    await c.pull(b);
    assert.equal(c.dump(), `item: 1 | 'second'`);
    for (const server of [b, c]) await write(server, 'ALTER TABLE item RENAME TO items');
    await assertAllShow([a, b, c], `items: 1 | 'second'`);
  }));

test('a reference that nobody enforces is shown where its column has another name', () =>
  withServers(
    `CREATE TABLE owners (code TEXT PRIMARY KEY);
     CREATE TABLE items (id INTEGER PRIMARY KEY, v TEXT REFERENCES owners (code))`,
    async ([a, b, c]) => {
      await write(b, rename);
      await write(a, `PRAGMA foreign_keys = OFF; INSERT INTO items VALUES (1, 'nobody')`);
      await exchangeAll([a, b, c]);
      assert.equal(b.dump(), `items: 1 | 'nobody'`);
      await write(a, rename);
      await write(c, rename);
      await assertAllShow([a, b, c], `items: 1 | 'nobody'`);
    },
  ));

const anew = `BEGIN; CREATE TABLE new_items (id INTEGER PRIMARY KEY, w TEXT, n INTEGER);
  INSERT INTO new_items SELECT * FROM items; DROP TABLE items; ALTER TABLE new_items RENAME TO items; COMMIT`;

test('a column of an empty table that is made anew with another name for it is the same column', () =>
  withServers('CREATE TABLE items (id INTEGER PRIMARY KEY, v TEXT, n INTEGER)', async ([a, b, c]) => {
    await write(b, anew);
    await write(a, `INSERT INTO items VALUES (1, 'first', 1)`);
    await exchangeAll([a, b, c]);
    assert.equal(b.dump(), `items: 1 | 'first' | 1`);
    for (const server of [a, c]) await write(server, rename);
    await assertAllShow([a, b, c], `items: 1 | 'first' | 1`);
  }));

test('a column of a table that is made anew with another name for it is the same column', () =>
  withServers('CREATE TABLE items (id INTEGER PRIMARY KEY, v TEXT, n INTEGER)', async ([a, b, c]) => {
    await write(a, `INSERT INTO items VALUES (1, 'first', 1), (2, 'other', 2), (3, NULL, 3)`);
    await exchangeAll([a, b, c]);
    await write(b, `${anew}; UPDATE items SET w = 'here' WHERE id = 2`);
    await write(a, `UPDATE items SET v = 'second' WHERE id = 1`);
    await exchangeAll([a, b, c]);
    const shown = [`items: 1 | 'second' | 1`, `items: 2 | 'here' | 2`, 'items: 3 | NULL | 3'].join('\n');
    assert.equal(b.dump(), shown);
    await write(a, rename);
    await write(c, anew);
    await assertAllShow([a, b, c], shown);
  }));
