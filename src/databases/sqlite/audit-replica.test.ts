/** Goal: an audit finds what is wrong with a table or its digest, and afterwards it is right. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Epoch, ServerId } from '../../core/origin.js';
import type { EventDetail } from '../../observe/event.js';
import { createRealSystem } from '../../system/real-system.js';
import type { Replica } from '../replica.js';
import { openConnection } from './connection/driver.js';
import { createSqliteReplica } from './sqlite-replica.js';
import { temporaryFolder } from './testing/temporary-folder.js';

function replicaOf(path: string, events: EventDetail[]): Replica {
  return createSqliteReplica({
    path,
    dataset: 'shop',
    identity: { server: 'a'.repeat(16) as ServerId, serverName: 'a', freshEpoch: () => '00000001' as Epoch },
    system: createRealSystem(),
    observe: (_, event) => events.push(event),
    idleMs: 100,
  });
}

test('a kept digest that is not that of the rows is told of and counted anew', async () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  const app = openConnection(path);
  app.exec(`PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, a);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t SELECT i, 'row' FROM n`);
  const first = replicaOf(path, []);
  await first.open();
  await first.drain();
  const { digest: right } = await first.proof();
  assert.equal(right.get('t')?.rows, 300);
  await first.close();
  app.exec('UPDATE _usync_tables SET sum = sum + 1, rows = rows - 1');
  app.close();

  const events: EventDetail[] = [];
  const replica = replicaOf(path, events);
  await replica.open();
  await replica.drain();
  assert.notDeepEqual((await replica.proof()).digest, right);
  const { tables } = await replica.audit();
  assert.deepEqual(tables, [{ table: 't', rows: 300, differing: 1 }]);
  assert.deepEqual((await replica.proof()).digest, right);
  const notices = events.flatMap((event) => (event.kind === 'dataset-notice' ? [event.code] : []));
  assert.deepEqual(notices, ['USYNC-1602']);
  assert.equal((await replica.audit()).tables[0]?.differing, 0);
  await replica.close();
});
