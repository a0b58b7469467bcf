import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const schema = 'CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)';
/** More than are drained in one transaction. */
const rows = 3000;

async function openFilled(test: TestContext): Promise<MergeServer> {
  const folder = temporaryFolder();
  const server = openMergeServer(folder.path('a.db'), 'a', { schema });
  test.after(() => {
    server.close();
    folder[Symbol.dispose]();
  });
  await server.capture();
  fill(server, 1);
  return server;
}

const fill = ({ app }: MergeServer, from: number): void =>
  app.exec(`INSERT INTO items WITH RECURSIVE n (id) AS (VALUES (${from}) UNION ALL SELECT id + 1 FROM n LIMIT ${rows})
    SELECT id, 'name ' || id FROM n`);

/** The keys to be compared are listed: the reading is over as soon as anything else can run. */
const hasRead = ({ context: { connection } }: MergeServer): boolean =>
  connection.prepare(`SELECT 1 FROM sqlite_temp_schema WHERE name = '_usync_batch'`).get() !== undefined &&
  connection.prepare('SELECT 1 FROM temp._usync_batch LIMIT 1').get() !== undefined;

describe('a large drain, read before it takes the lock', () => {
  it('counts its rows in the digest where an application holds the lock when it is to be written', async (test) => {
    const server = await openFilled(test);
    server.app.exec(`BEGIN IMMEDIATE; INSERT INTO items VALUES (10000, 'later')`);
    const captured = server.capture();
    await setImmediate();
    server.app.exec('COMMIT');
    await captured;
    await server.capture();
    assert.deepEqual(server.faults(), []);
  });

  it('counts no row twice where a migration comes before it is written', async (test) => {
    const server = await openFilled(test);
    const captured = server.capture();
    while (!hasRead(server)) await Promise.resolve();
    server.app.exec('CREATE TABLE others (id INTEGER PRIMARY KEY)');
    await captured;
    await server.capture();
    assert.deepEqual(server.faults(), []);
  });
});
