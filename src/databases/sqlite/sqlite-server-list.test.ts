/** The list of servers on a real file. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { ServerId } from '../../core/origin.js';
import type { ListedServer } from '../server-list.js';
import { openConnection } from './connection/driver.js';
import { openSqliteServerList } from './sqlite-server-list.js';

const listed: ListedServer = {
  id: 'abcdefghijklmnop' as ServerId,
  name: 'pit-1',
  fingerprint: 'ab'.repeat(32),
  addresses: ['127.0.0.1:7420'],
  datasets: ['shop'],
  state: 'member',
  addedBy: 'abcdefghijklmnop' as ServerId,
  addedAtMs: 1_700_000_000_000,
  removedBy: null,
  removedAtMs: null,
};

function pathOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'usync-list-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'servers.db');
}

test('what was put is read back, also after the file was opened again', (context) => {
  const path = pathOf(context);
  const list = openSqliteServerList(path);
  list.add(listed);
  list.close();
  const again = openSqliteServerList(path);
  assert.deepEqual(again.read(), [listed]);
  again.close();
});

test('a removed server stays removed even where its state was written after', (context) => {
  const list = openSqliteServerList(pathOf(context));
  const removed: ListedServer = {
    ...listed,
    state: 'removed',
    removedBy: listed.id,
    removedAtMs: 5,
  };
  list.add(removed);
  assert.deepEqual(list.read(), [removed]);
  list.change(removed.id, { state: 'member' });
  assert.equal(list.read()[0]?.state, 'removed');
  list.close();
});

test('rows that are not servers are left out and broken fields are empty', (context) => {
  const path = pathOf(context);
  const list = openSqliteServerList(path);
  list.add(listed);
  const other = openConnection(path);
  other.exec(
    `INSERT INTO servers VALUES ('not an id', 'x', 'y', '[]', '[]', 'member', 'z', 1, NULL, NULL);
     UPDATE servers SET addresses = '{"a', datasets = '[1, "b"]', name = '' WHERE id = 'abcdefghijklmnop'`,
  );
  other.close();
  assert.deepEqual(list.read(), [{ ...listed, name: listed.id, addresses: [], datasets: ['b'] }]);
  list.close();
});

test('writing the same again changes nothing in the file', (context) => {
  const path = pathOf(context);
  const list = openSqliteServerList(path);
  list.add(listed);
  const watcher = openConnection(path);
  const version = (): unknown => watcher.prepare('PRAGMA data_version').get()?.[0];
  const before = version();
  list.add(listed);
  list.change(listed.id, { name: 'pit-2' });
  const after = version();
  list.change(listed.id, { name: 'pit-2', datasets: listed.datasets });
  list.add(listed);
  assert.notEqual(before, after);
  assert.equal(version(), after);
  watcher.close();
  list.close();
});

test('a change writes its own fields and no others, a row that is there is not added again', (context) => {
  const path = pathOf(context);
  const list = openSqliteServerList(path);
  list.add({ ...listed, state: 'pending' });
  const other = openConnection(path);
  other.exec("UPDATE servers SET name = 'pit-2', added_at = 7");
  other.close();
  list.change(listed.id, { state: 'member' });
  list.change(listed.id, {});
  list.add(listed);
  assert.deepEqual(list.read(), [{ ...listed, name: 'pit-2', addedAtMs: 7 }]);
  list.change(listed.id, { removedBy: listed.id, removedAtMs: 5, addresses: ['a:1', 'b:2'] });
  list.change(listed.id, { removedBy: null, removedAtMs: null });
  assert.deepEqual(list.read(), [{ ...listed, name: 'pit-2', addedAtMs: 7, addresses: ['a:1', 'b:2'] }]);
  list.close();
});

test('of decisions the newest stay, as many as a log of conflicts can hold', (context) => {
  const list = openSqliteServerList(pathOf(context), { decisionsMax: 100 });
  const by = listed.id;
  for (let i = 0; i < 250; i++)
    list.putDecision({ dataset: 'shop', id: String(i % 240), kind: 'dismissed', why: '', by, atMs: 1_000 + i });
  const kept = list.readDecisions();
  assert.equal(kept.length, 100);
  assert.deepEqual([kept[0]?.atMs, kept.at(-1)?.id], [1_150, '9']);
  list.close();
});
