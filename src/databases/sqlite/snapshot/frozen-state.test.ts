// A snapshot of a large database is read while applications go on writing, whatever the journal mode is.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { test } from 'node:test';
import { openMergeServer, snapshotOf, type MergeServer } from '../testing/merge-scene.js';
import type { SnapshotReader } from '../../replica.js';
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

async function joined(reader: SnapshotReader, path: string): Promise<MergeServer> {
  const other = openMergeServer(path, 'b', { schema });
  const writer = receiveSnapshot(other.context, reader.vector, null);
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
  await writer.finish();
  await reader.close();
  return other;
}

/** An update that is taken back, a key that moves, a row that goes and comes back. */
const hasty = [
  `UPDATE readings SET text = 'for a moment' WHERE id = 1; UPDATE readings SET id = 90001 WHERE id = 2;
   DELETE FROM notes`,
  `UPDATE readings SET id = 90002 WHERE id = 3`,
] as const;
const after = `UPDATE readings SET text = 'at last' WHERE id = 1; INSERT INTO notes VALUES (1, 1)`;

for (const journalMode of ['wal', 'delete'])
  for (const rounds of [2, Number.POSITIVE_INFINITY])
    test(`in journal mode ${journalMode} what is written after the capture, ${rounds === 2 ? 'twice' : 'again and again'}, has the stamps of its writes`, () =>
      withLargeServer(journalMode, async (server, path) => {
        const { app, context } = server;
        app.exec(`UPDATE readings SET text = 'at last' WHERE id = 1`);
        await server.capture();
        let round = 0;
        const capture = async (): Promise<void> => {
          await server.capture();
          if (round < rounds) app.exec(hasty[round] ?? `UPDATE readings SET id = id + 1 WHERE id > 90001`);
          round++;
        };
        const source = await openSnapshot(context, { spoolFolder: path('.'), capture });
        const other = await joined(await source.read(), path('b.db'));
        app.exec(after);
        await other.pull(server);
        assert.equal(other.dump(), server.dump());
        assert.deepEqual([...server.faults(), ...other.faults()], []);
        other.close();
      }));

test('an application may change to WAL while a copy is prepared', () =>
  withLargeServer('delete', async (server, path) => {
    const { app, context } = server;
    let captures = 0;
    const capture = async (): Promise<void> => {
      await server.capture();
      // The first look finds this one, and the mode changes after it was asked for.
      if (captures++ === 0) return app.exec('UPDATE notes SET reading = 2');
      app.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; UPDATE readings SET text = 'new'`);
      await server.capture();
    };
    mkdirSync(path('spool'));
    const source = await openSnapshot(context, { spoolFolder: path('spool'), capture });
    app.exec('PRAGMA busy_timeout = 0; DELETE FROM notes');
    const other = await joined(await source.read(), path('b.db'));
    assert.deepEqual(
      other.app.prepare(`SELECT count(*), sum(text = 'new'), (SELECT count(*) FROM notes) FROM readings`).get(),
      [BigInt(rows), BigInt(rows), 1n],
    );
    await other.pull(server);
    assert.equal(other.dump(), server.dump());
    assert.deepEqual([...server.faults(), ...other.faults()], []);
    assert.deepEqual(readdirSync(path('spool')), []);
    other.close();
  }));

test('where another file takes the place of the database none is made there', () =>
  withLargeServer('delete', async (server, path) => {
    let captures = 0;
    const capture = async (): Promise<void> => {
      await server.capture();
      if (captures++ === 0) server.app.exec('DELETE FROM notes');
      else renameSync(path('a.db'), path('old.db'));
    };
    await assert.rejects(openSnapshot(server.context, { spoolFolder: path('.'), capture }), { code: 'USYNC-1208' });
    assert.equal(existsSync(path('a.db')), false);
  }));

test('a state that cannot be spooled is let go', () =>
  withLargeServer('wal', async (server, path) => {
    const { app, context } = server;
    mkdirSync(path('spool'));
    const source = await openSnapshot(context, { spoolFolder: path('spool'), capture: () => server.capture() });
    renameSync(path('spool'), path('gone'));
    app.exec(`UPDATE readings SET text = 'later'`);
    await assert.rejects(source.read(), /ENOENT/);
    assert.equal(app.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.[0], 0n, 'nobody reads an older state');
  }));

for (const journalMode of ['wal', 'delete', 'truncate', 'persist'])
  test(`in journal mode ${journalMode} writers commit while a snapshot is read, and it is of the state before`, () =>
    withLargeServer(journalMode, async (server, path) => {
      const spoolFolder = path('spool');
      mkdirSync(spoolFolder);
      const { vector } = await snapshotOf(server.context);
      const source = await openSnapshot(server.context, { spoolFolder, capture: () => server.capture() });
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

      const other = await joined(reader, path('b.db'));
      assert.deepEqual(
        other.app.prepare(`SELECT count(*), sum(text = 'later'), (SELECT count(*) FROM notes) FROM readings`).get(),
        [BigInt(rows), 0n, 1n],
      );
      other.close();
      assert.deepEqual(readdirSync(spoolFolder), [], 'nothing of the copy is left');
    }));

test('where no copy can be made the snapshot is read under the lock, and that is told', () =>
  withLargeServer('delete', async (server, path) => {
    const told: unknown[] = [];
    const source = await openSnapshot(
      {
        ...server.context,
        observe: (_, event) => void told.push(event.kind === 'dataset-notice' ? event.text : event.kind),
      },
      {
        spoolFolder: path('.'),
        capture: () => server.capture(),
        freeze: () => Promise.reject(new Error('no space left on device')),
      },
    );
    const reader = await source.read();
    assert.equal(reader.rows, rows + 1);
    assert.deepEqual(told, ['writers wait while a snapshot is read: no space left on device']);
    await reader.close();
  }));
