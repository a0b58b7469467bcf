/** Goal: a replica that has nothing to do leaves the file alone, and one that is refused never touched it. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import type { Epoch, ServerId } from '../../core/origin.js';
import { SyncError } from '../../core/sync-error.js';
import { createRealSystem } from '../../system/real-system.js';
import type { Replica } from '../replica.js';
import { openConnection } from './connection/driver.js';
import { createSqliteReplica } from './sqlite-replica.js';
import { temporaryFolder } from './testing/temporary-folder.js';

function replicaOf(path: string, name: string): Replica {
  return createSqliteReplica({
    path,
    dataset: 'shop',
    identity: { server: name.repeat(16) as ServerId, serverName: name, freshEpoch: () => '00000001' as Epoch },
    system: createRealSystem(),
    observe: () => {},
    idleMs: 100,
  });
}

function makeDatabase(path: string): void {
  const connection = openConnection(path);
  connection.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, a)');
  connection.close();
}

test('an engine that is refused leaves no trace in the database', async () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  makeDatabase(path);
  const first = replicaOf(path, 'a');
  const { origin } = await first.open();
  await new Promise((resolve) => setTimeout(resolve, 400));
  const before = readFileSync(path);
  await assert.rejects(
    replicaOf(path, 'b').open(),
    (error) => error instanceof SyncError && error.code === 'USYNC-1206',
  );
  assert.deepEqual(readFileSync(path), before);
  assert.equal((await first.position()).origin, origin);
  await first.close();
});

test('a replica at rest is not woken by the closing of its own connection, but by a commit', async () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  makeDatabase(path);
  const replica = replicaOf(path, 'a');
  await replica.open();
  let hints = 0;
  replica.onHint(() => {
    hints++;
    void replica.drain();
  });
  await replica.drain();
  await new Promise((resolve) => setTimeout(resolve, 600));
  hints = 0;
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(hints, 0);
  const application = openConnection(path, { busyTimeoutMs: 2000 });
  application.exec('INSERT INTO t VALUES (1, 1)');
  application.close();
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.ok(hints > 0);
  assert.equal((await replica.position()).vector.size, 1);
  hints = 0;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(hints, 0);
  await replica.close();
});

test('opening again after a rest writes nothing, and follows what changed meanwhile', async () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  makeDatabase(path);
  const application = openConnection(path, { busyTimeoutMs: 2000 });
  const counter = (): unknown => application.prepare('PRAGMA data_version').get()?.[0];
  const replica = replicaOf(path, 'a');
  await replica.open();
  await replica.drain();
  const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 400));
  await rest();
  const before = counter();
  await replica.drain();
  await rest();
  await replica.proof();
  assert.equal(counter(), before);
  application.exec('ALTER TABLE t ADD COLUMN b');
  application.exec('CREATE TABLE u (id INTEGER PRIMARY KEY)');
  application.exec('INSERT INTO u VALUES (1)');
  await rest();
  assert.equal((await replica.drain()).rows, 1);
  const tables = (await replica.tables()).map(({ name }) => name).toSorted();
  assert.deepEqual(tables, ['t', 'u']);
  await rest();
  application.exec('DROP TRIGGER _usync_i1');
  application.exec('INSERT INTO t VALUES (1, 1, 1)');
  assert.equal((await replica.drain()).rows, 1);
  application.close();
  await replica.close();
});

test('what was written before the schema changed at rest is drained before the digest is told', async () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  makeDatabase(path);
  const application = openConnection(path, { busyTimeoutMs: 2000 });
  const replica = replicaOf(path, 'a');
  await replica.open();
  for (const write of [
    `UPDATE t SET a = 'updated'`,
    'DELETE FROM t WHERE id = 2',
    'REPLACE INTO t (id, a) VALUES (1, 3)',
  ]) {
    application.exec(`REPLACE INTO t (id, a) VALUES (1, 1), (2, 2)`);
    await replica.drain();
    const { vector } = await replica.position();
    await replica.close();
    application.exec(`${write}; ALTER TABLE t ADD COLUMN b DEFAULT 5`);
    await replica.open();
    const proof = await replica.proof();
    assert.notDeepEqual(proof.vector, vector, write);
    await replica.drain();
    assert.deepEqual(await replica.proof(), proof, write);
    application.exec('ALTER TABLE t DROP COLUMN b');
  }
  application.close();
  await replica.close();
});

test('what was written before its column got another name is drained under the new name', async () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  makeDatabase(path);
  const application = openConnection(path, { busyTimeoutMs: 2000 });
  const replica = replicaOf(path, 'a');
  await replica.open();
  application.exec('INSERT INTO t VALUES (1, 1), (2, 2), (3, NULL)');
  await replica.drain();
  application.exec('UPDATE t SET a = 5 WHERE id <> 2; ALTER TABLE t RENAME COLUMN a TO b');
  assert.equal((await replica.drain()).rows, 2);
  assert.deepEqual(
    (await replica.audit('t')).tables.map(({ differing }) => differing),
    [0],
  );
  application.close();
  await replica.close();
});

test('a backup copied over the file in place is noticed before anything is captured', async () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  makeDatabase(path);
  const replica = replicaOf(path, 'a');
  await replica.open();
  await replica.drain();
  const write = async (sql: string): Promise<void> => {
    const application = openConnection(path, { busyTimeoutMs: 2000 });
    application.exec(sql);
    application.close();
    await replica.drain();
    await new Promise((resolve) => setTimeout(resolve, 400));
  };
  await write('INSERT INTO t VALUES (1, 1)');
  copyFileSync(path, folder.path('backup.db'));
  await write('INSERT INTO t VALUES (2, 2)');
  const { ino } = statSync(path);
  copyFileSync(folder.path('backup.db'), path);
  assert.equal(statSync(path).ino, ino, 'the same file, with older content');
  for (const attempt of [1, 2])
    await assert.rejects(
      replica.drain(),
      (error) => error instanceof SyncError && error.code === 'USYNC-1208',
      `attempt ${attempt}`,
    );
  await replica.close();
  assert.equal((await replica.open()).isOlder, true);
  await replica.drain();
  await replica.close();
  assert.equal((await replica.open()).isOlder, false, 'told once');
  await replica.close();
});
