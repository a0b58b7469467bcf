import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SqlValue } from '../../../core/value.js';
import { shadowKeyColumns } from '../schema/synced-table.js';
import { receiveSnapshot } from '../snapshot/snapshot-writer.js';
import { exchangeAll, openMergeServer, snapshotOf, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const schema = `CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER);
  CREATE TABLE w (k TEXT, n INTEGER, v BLOB, PRIMARY KEY (k, n)) WITHOUT ROWID;
  CREATE TABLE child (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t (id))`;
const numbers = (count: number): string =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;

function shadowsOf({ context }: MergeServer): unknown[] {
  return context.tables.all().flatMap((table) => {
    const keys = shadowKeyColumns(table).join(', ');
    return context.connection
      .prepare(`SELECT ${keys} FROM ${table.shadowSql} ORDER BY ${keys}`)
      .all()
      .map((key: SqlValue[]) => ({ table: table.name, key, shadow: context.shadows.find(table, key) }));
  });
}

test('a snapshot lands with the shadows of its sender: adopted rows, single ones, updated ones, of several origins', async () => {
  using folder = temporaryFolder();
  const old = `${numbers(1200)} INSERT INTO t SELECT i, 'old ' || i, i FROM n;
    ${numbers(100)} INSERT INTO w SELECT 'k' || i, i % 7, zeroblob(i) FROM n;
    ${numbers(500)} INSERT INTO child SELECT i, i * 2 FROM n`;
  const a = openMergeServer(folder.path('a.db'), 'a', { schema: `${schema}; ${old}` });
  const [b, c] = ['b', 'c'].map((letter) => openMergeServer(folder.path(`${letter}.db`), letter, { schema }));
  assert.ok(b && c);
  for (const server of [a, b, c]) await server.capture();
  await exchangeAll([a, b]);
  for (let i = 0; i < 12; i++) {
    const writer = i % 3 === 0 ? b : a;
    writer.app.exec(`INSERT INTO t (a, b) VALUES ('single ${i}', ${i}); UPDATE t SET b = b + 1 WHERE id % 37 = ${i}`);
    await writer.capture();
  }
  await exchangeAll([a, b]);
  const reader = await snapshotOf(a.context, folder.path('.'));
  const writer = receiveSnapshot(c.context, reader.vector, folder.path('.'));
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
  await reader.close();
  await writer.finish();
  assert.deepEqual(shadowsOf(c), shadowsOf(a));
  assert.equal(c.dump(), a.dump());
  assert.deepEqual([...a.faults(), ...c.faults()], []);
  for (const server of [a, b, c]) server.close();
});
