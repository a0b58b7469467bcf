/** Values that ruled columns showed are known from the transaction that finds them, whatever the application does next. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import type { AdjustSchema } from '../schema/table-registry.js';

const adjust: AdjustSchema = (table) => ({
  ...table,
  columns: table.columns.map((column) => (column.name === 'n' ? { ...column, rule: 'counter' } : column)),
});

async function withServer(work: (server: MergeServer) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const server = openMergeServer(folder.path('app.db'), 'a', { adjust });
  try {
    await work(server);
    await server.capture();
    assert.deepEqual(server.faults(), []);
  } finally {
    server.close();
  }
}

const table = 'CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)';

test('a ruled table that is dropped as soon as it was found does not stop capture', () =>
  withServer(async (server) => {
    server.app.exec(table);
    await server.followSchema();
    server.app.exec('DROP TABLE t; CREATE TABLE u (id INTEGER PRIMARY KEY); INSERT INTO u VALUES (1)');
    await server.capture();
    await server.capture();
    assert.equal(server.dump(), 'u: 1');
  }));

test('a ruled column that is renamed as soon as it was found does not stop capture', () =>
  withServer(async (server) => {
    server.app.exec(table);
    await server.followSchema();
    server.app.exec('ALTER TABLE t RENAME COLUMN n TO m; INSERT INTO t VALUES (1, 5)');
    await server.capture();
    await server.capture();
    assert.equal(server.dump(), 't: 1 | 5');
  }));
