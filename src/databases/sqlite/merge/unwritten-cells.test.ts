/** Columns that were added after a row was written: what the row shows there nobody wrote, so every written value stands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receiveSnapshot } from '../snapshot/snapshot-writer.js';
import { exchangeAll, openMergeServer, snapshotOf, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

type Work = (servers: readonly [MergeServer, MergeServer, MergeServer]) => Promise<void>;

async function withServers(schema: string, work: Work): Promise<void> {
  using folder = temporaryFolder();
  const open = (letter: string): MergeServer => openMergeServer(folder.path(`${letter}.db`), letter, { schema });
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

async function assertAllShow(servers: readonly MergeServer[], shown: string): Promise<void> {
  await exchangeAll(servers);
  for (const server of servers) {
    assert.equal(server.dump(), shown, server.name);
    assert.deepEqual(server.faults(), []);
  }
}

const items = 'CREATE TABLE items (id INTEGER PRIMARY KEY, code TEXT UNIQUE, v TEXT)';
const lines = 'CREATE TABLE lines (v TEXT)';
const column = (table: string): string => `ALTER TABLE ${table} ADD COLUMN w TEXT DEFAULT 'none'`;

test('of two rows that become one, the written value of a new column is shown, not the default of the later row', () =>
  withServers(items, async ([a, b, c]) => {
    await write(a, `INSERT INTO items VALUES (1, 'x', 'first'); ${column('items')}`);
    await write(a, `UPDATE items SET w = 'written'`);
    await write(b, `INSERT INTO items VALUES (2, 'x', 'second')`);
    await write(b, column('items'));
    await write(c, column('items'));
    await assertAllShow([a, b, c], `items: 1 | 'x' | 'second' | 'written'`);
    for (const server of [a, b, c]) assert.deepEqual(server.lost('w'), []);
  }));

test('when only the life stays that was written without the column, its default is shown again', () =>
  withServers(items, async ([a, b, c]) => {
    await write(a, `INSERT INTO items VALUES (1, 'x', 'first')`);
    await c.pull(a);
    await write(a, `${column('items')}; UPDATE items SET w = 'written'`);
    await write(b, `INSERT INTO items VALUES (2, 'x', 'second')`);
    await write(b, column('items'));
    await exchangeAll([a, b]);
    await write(c, `DELETE FROM items; ${column('items')}`);
    await assertAllShow([a, b, c], `items: 2 | 'x' | 'second' | 'none'`);
  }));

test('a value of a new column stands against a whole row that was written later without it', () =>
  withServers(lines, async ([a, b, c]) => {
    await write(a, `INSERT INTO lines VALUES ('one')`);
    await exchangeAll([a, b, c]);
    await write(a, `${column('lines')}; UPDATE lines SET w = 'written'`);
    await write(b, `UPDATE lines SET v = 'two'`);
    await write(b, column('lines'));
    await write(c, column('lines'));
    await assertAllShow([a, b, c], `lines: 'two' | 'written'`);
  }));

test('an edit of another column does not make the value of a new column a written one', () =>
  withServers(items, async ([a, b, c]) => {
    await write(a, `INSERT INTO items VALUES (1, 'x', 'first')`);
    await exchangeAll([a, b, c]);
    await write(a, column('items'));
    await write(a, `UPDATE items SET w = 'written'`);
    await write(b, `UPDATE items SET id = 2, code = 'y', v = 'second'`);
    await write(b, column('items'));
    await write(b, `UPDATE items SET v = 'third'`);
    await write(c, column('items'));
    await assertAllShow([a, b, c], `items: 2 | 'y' | 'third' | 'written'`);
  }));

test('who joins by snapshot knows as well what nobody wrote', () =>
  withServers(lines, async ([a, b, c]) => {
    await write(a, `INSERT INTO lines VALUES ('one')`);
    await b.pull(a);
    await write(b, `${column('lines')}; UPDATE lines SET w = 'written'`);
    await write(a, `UPDATE lines SET v = 'two'`);
    await write(a, column('lines'));
    await write(c, column('lines'));
    const reader = await snapshotOf(a.context);
    const writer = receiveSnapshot(c.context, reader.vector, null);
    for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
    await reader.close();
    await writer.finish();
    assert.equal(c.dump(), `lines: 'two' | 'none'`);
    await assertAllShow([a, b, c], `lines: 'two' | 'written'`);
  }));
