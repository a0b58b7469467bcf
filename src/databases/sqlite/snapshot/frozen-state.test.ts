// A snapshot of a large database is read while applications go on writing, whatever the journal mode is.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { openMergeServer, snapshotOf, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import { openSnapshot } from './snapshot-reader.js';
import { receiveSnapshot } from './snapshot-writer.js';

const rows = 6000;
const schema = `CREATE TABLE readings (id INTEGER PRIMARY KEY, text TEXT);
  CREATE TABLE notes (id INTEGER PRIMARY KEY, reading INTEGER REFERENCES readings(id))`;
const fill = `WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < ${rows})
  INSERT INTO readings SELECT n, hex(randomblob(200)) FROM g; INSERT INTO notes VALUES (1, 1)`;

async function withLargeServer(
  journalMode: string,
  work: (server: MergeServer, folder: (name: string) => string) => Promise<void>,
): Promise<void> {
  using folder = temporaryFolder();
  const server = openMergeServer(folder.path('a.db'), 'a', { schema, journalMode });
  try {
    server.app.exec(fill);
    await server.capture();
    await work(server, (name) => folder.path(name));
  } finally {
    server.close();
  }
}

for (const journalMode of ['wal', 'delete', 'truncate', 'persist'])
  test(`in journal mode ${journalMode} writers commit while a snapshot is read, and it is of the state before`, () =>
    withLargeServer(journalMode, async (server, path) => {
      const spoolFolder = path('spool');
      mkdirSync(spoolFolder);
      const { vector } = await snapshotOf(server.context);
      const source = await openSnapshot(server.context, { spoolFolder });
      const frozenAs = readdirSync(spoolFolder).map((name) => name.split('-')[0]);
      assert.deepEqual(frozenAs, journalMode === 'wal' ? [] : ['copy'], 'nothing is read yet');
      const reading = source.read();
      server.app.exec('PRAGMA busy_timeout = 0');
      server.app.exec(`UPDATE readings SET text = 'later'; INSERT INTO notes VALUES (2, 2)`);
      await server.capture();
      server.app.exec('DELETE FROM readings WHERE id > 10');
      const reader = await reading;
      assert.deepEqual(reader.vector, vector);
      assert.equal(reader.rows, rows + 1);

      const other = openMergeServer(path('b.db'), 'b', { schema });
      const writer = receiveSnapshot(other.context, reader.vector, spoolFolder);
      for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
      await writer.finish();
      assert.deepEqual(
        other.app.prepare(`SELECT count(*), sum(text = 'later'), (SELECT count(*) FROM notes) FROM readings`).get(),
        [BigInt(rows), 0n, 1n],
      );
      other.close();
      await reader.close();
      assert.deepEqual(readdirSync(spoolFolder), [], 'nothing of the copy is left');
    }));

test('where no copy can be made the snapshot is read under the lock, and that is told', () =>
  withLargeServer('delete', async ({ context }, path) => {
    const told: unknown[] = [];
    const source = await openSnapshot(
      { ...context, observe: (_, event) => void told.push(event.kind === 'dataset-notice' ? event.text : event.kind) },
      { spoolFolder: path('.'), freeze: () => Promise.reject(new Error('no space left on device')) },
    );
    const reader = await source.read();
    assert.equal(reader.rows, rows + 1);
    assert.deepEqual(told, [
      'writers wait while a snapshot is read, as no copy could be made: no space left on device',
    ]);
    await reader.close();
  }));
