/** Rows that hid behind the row which an application deleted: nobody saw what they held, so everybody is told of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeAll, openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const schema = 'CREATE TABLE labels (id INTEGER PRIMARY KEY, label TEXT UNIQUE, note TEXT)';

async function withServers(work: (servers: { a: MergeServer; b: MergeServer; c: MergeServer }) => Promise<void>) {
  using folder = temporaryFolder();
  const open = (letter: string): MergeServer => openMergeServer(folder.path(`${letter}.db`), letter, { schema });
  const servers = { a: open('a'), b: open('b'), c: open('c') };
  try {
    for (const server of Object.values(servers)) await server.capture();
    servers.a.app.exec(`INSERT INTO labels VALUES (1, 'red', 'elder')`);
    await servers.a.capture();
    servers.c.app.exec(`INSERT INTO labels VALUES (2, 'red', 'younger')`);
    await work(servers);
    await exchangeAll(Object.values(servers));
    for (const server of Object.values(servers)) {
      assert.equal(server.dump(), '');
      assert.deepEqual(server.faults(), []);
    }
  } finally {
    for (const server of Object.values(servers)) server.close();
  }
}

const hidden = `id = 2, label = 'red', note = 'younger'`;

test('a row that hid behind a deleted one is in the log of every server, also where both had become one', () =>
  withServers(async ({ a, b, c }) => {
    await b.pull(a);
    await b.pull(c);
    assert.equal(b.dump(), `labels: 1 | 'red' | 'elder'`);
    await c.pull(a);
    assert.equal(c.dump(), `labels: 1 | 'red' | 'younger'`);
    b.app.exec('DELETE FROM labels');
    await exchangeAll([a, b, c]);
    for (const server of [a, b, c]) assert.ok(server.lost().includes(hidden), server.name);
  }));

test('a row that was one with the deleted row for its deleter is deleted like any other', () =>
  withServers(async ({ a, b, c }) => {
    await exchangeAll([a, b, c]);
    assert.equal(b.dump(), `labels: 1 | 'red' | 'younger'`);
    b.app.exec('DELETE FROM labels');
    await exchangeAll([a, b, c]);
    for (const server of [a, b, c]) assert.ok(!server.lost().includes(hidden), server.name);
  }));
