/** Goal: what people ask of a replica that is no part of its dataset yet captures nothing, so that joining still compares. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Epoch, ServerId } from '../../core/origin.js';
import { createRealSystem } from '../../system/real-system.js';
import { openConnection } from './connection/driver.js';
import { createSqliteReplica } from './sqlite-replica.js';
import { temporaryFolder } from './testing/temporary-folder.js';

test('a question, a look or a decision does not make the rows of a fresh replica its own', async () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  const app = openConnection(path);
  app.exec(`PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);
    CREATE UNIQUE INDEX t_b ON t (b); INSERT INTO t VALUES (1, 'one', 'b1'), (2, 'two', 'b2')`);
  const replica = createSqliteReplica({
    path,
    dataset: 'shop',
    identity: { server: 'a'.repeat(16) as ServerId, serverName: 'a', freshEpoch: () => '00000001' as Epoch },
    system: createRealSystem(),
    observe: () => undefined,
    idleMs: 100,
  });
  await replica.open();
  app.exec("UPDATE t SET a = 'uno' WHERE id = 1");
  const undoing = { server: 'a'.repeat(16) as ServerId, sinceMs: 0 };
  const asking: Record<string, () => Promise<unknown>> = {
    proof: () => replica.proof(),
    audit: () => replica.audit(),
    'audit of a table': () => replica.audit('t'),
    'retry of what is held': () => replica.retryHeld(),
    'dropping a held row': () => replica.dropHeld('00').catch(() => undefined),
    'restoring a conflict': () => replica.restoreConflict('00').catch(() => undefined),
    'a look at what undo would do': () => replica.undo({ ...undoing, isDryRun: true }),
    undo: () => replica.undo({ ...undoing, isDryRun: false }),
    proving: () => replica.proof(),
  };
  for (const [name, ask] of Object.entries(asking)) {
    await ask();
    const { isFresh, vector } = await replica.position();
    assert.deepEqual([isFresh, vector.size], [true, 0], name);
  }
  assert.deepEqual((await replica.audit()).tables, [], 'an audit has nothing to hold the rows against');
  await replica.drain();
  assert.equal((await replica.proof()).digest.get('t')?.rows, 2);
  assert.deepEqual((await replica.audit()).tables, [{ table: 't', rows: 2, differing: 0 }]);
  await replica.close();
  app.close();
});
