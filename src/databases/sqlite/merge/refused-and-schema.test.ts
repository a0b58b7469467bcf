/** Rows that the schema of a server refuses count in its digest, also when that schema changes while they wait. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeAll, openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const free = 'CREATE TABLE items (code TEXT PRIMARY KEY, n INTEGER)';
const strict = 'CREATE TABLE items (code TEXT PRIMARY KEY, n INTEGER CHECK (n < 5))';
const rebuilt = `CREATE TABLE fresh (code TEXT PRIMARY KEY, n INTEGER, more TEXT DEFAULT 'more');
  INSERT INTO fresh (code, n) SELECT code, n FROM items; DROP TABLE items; ALTER TABLE fresh RENAME TO items`;

async function withServers(work: (a: MergeServer, c: MergeServer) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const a = openMergeServer(folder.path('a.db'), 'a', { schema: free });
  const c = openMergeServer(folder.path('c.db'), 'c', { schema: strict });
  try {
    a.app.exec(`INSERT INTO items VALUES ('fits', 1), ('changed', 1)`);
    await exchangeAll([a, c]);
    a.app.exec(`INSERT INTO items VALUES ('refused', 9); UPDATE items SET n = 9 WHERE code = 'changed'`);
    await c.pull(a);
    assert.doesNotMatch(c.dump(), /9/);
    assertEqualDigests(a, c);
    await work(a, c);
  } finally {
    a.close();
    c.close();
  }
}

function assertEqualDigests(...servers: readonly MergeServer[]): void {
  const [first, ...others] = servers.map(({ context }) => {
    const table = context.tables.byName('items');
    return table && context.tables.digest(table);
  });
  for (const other of others) assert.deepEqual(other, first);
}

test('a new column with a default leaves them in the digest', () =>
  withServers(async (a, c) => {
    for (const { app } of [a, c]) app.exec(`ALTER TABLE items ADD COLUMN more TEXT DEFAULT 'more'`);
    for (const server of [a, c]) await server.capture();
    assertEqualDigests(a, c);
    a.app.exec(`UPDATE items SET n = 2`);
    await c.pull(a);
    assertEqualDigests(a, c);
    assert.deepEqual(c.faults(), []);
  }));

test('a rebuild that lets them in brings them to where they count', () =>
  withServers(async (a, c) => {
    for (const { app } of [a, c]) app.exec(rebuilt);
    for (const server of [a, c]) await server.capture();
    assert.match(c.dump(), /'refused' \| 9/);
    assertEqualDigests(a, c);
    assert.deepEqual(c.faults(), []);
  }));

test('a table that is dropped and made again forgets none of them', () =>
  withServers(async (a, c) => {
    c.app.exec(`DROP TABLE items`);
    await c.capture();
    c.app.exec(free);
    await c.capture();
    a.app.exec(`DELETE FROM items WHERE code = 'refused'`);
    await c.pull(a);
    const table = c.context.tables.byName('items');
    assert.ok(table && c.context.tables.digest(table).rows >= 0);
    assert.deepEqual(c.faults(), []);
  }));
