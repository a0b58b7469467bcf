/** References to generated keys in columns that are not declared INTEGER: shown in the column's own form everywhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receiveSnapshot } from '../snapshot/snapshot-writer.js';
import { exchangeAll, openMergeServer, snapshotOf, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const forms = ['TEXT', 'REAL', '', 'NUMERIC', 'INTEGER'] as const;

const schemaOf = (form: string, onDelete: string): string =>
  `CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
   CREATE TABLE children (id INTEGER PRIMARY KEY, p ${form} REFERENCES parents(id) ON DELETE ${onDelete}, name TEXT)`;

async function withServers(schema: string, work: (a: MergeServer, b: MergeServer) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const a = openMergeServer(folder.path('a.db'), 'a', { schema });
  const b = openMergeServer(folder.path('b.db'), 'b', { schema });
  try {
    for (const server of [a, b]) await server.capture();
    await work(a, b);
  } finally {
    for (const server of [a, b]) server.close();
  }
}

const digests = ({ context }: MergeServer): unknown[] =>
  context.tables.all().map((table) => [table.name, context.tables.digest(table)]);

function assertAlike(a: MergeServer, b: MergeServer): void {
  assert.equal(b.dump(), a.dump());
  assert.deepEqual([...a.faults(), ...b.faults()], []);
  assert.deepEqual(digests(b), digests(a));
}

async function exchange(a: MergeServer, b: MergeServer): Promise<void> {
  await exchangeAll([a, b]);
  assertAlike(a, b);
}

const pairs = ({ app }: MergeServer): string =>
  app
    .prepare('SELECT c.name, p.name FROM children c LEFT JOIN parents p ON p.id = c.p ORDER BY c.name')
    .all()
    .map((row) => row.map(String).join('-'))
    .join(' ');

for (const form of forms) {
  const name = form || 'no type';
  test(`references in a column of ${name}: inserts, updates, new numbers, and children of ended parents`, () =>
    withServers(schemaOf(form, 'CASCADE'), async (a, b) => {
      a.app.exec(
        `INSERT INTO parents VALUES (5, 'five'), (6, 'six'); INSERT INTO children VALUES (1, 5, 'x'), (2, 6, 'y')`,
      );
      await exchange(a, b);
      b.app.exec(`UPDATE children SET p = 6 WHERE id = 1; INSERT INTO children VALUES (3, 5, 'z')`);
      await exchange(a, b);
      assert.equal(pairs(a), 'x-six y-six z-five');
      a.app.exec(`INSERT INTO parents VALUES (7, 'of a'); INSERT INTO children VALUES (10, 7, 'child of a')`);
      b.app.exec(`INSERT INTO parents VALUES (7, 'of b'); INSERT INTO children VALUES (11, 7, 'child of b')`);
      await exchange(a, b);
      assert.equal(pairs(b), 'child of a-of a child of b-of b x-six y-six z-five');
      b.app.exec('DELETE FROM children WHERE p = 6; DELETE FROM parents WHERE id = 6');
      a.app.exec(`INSERT INTO children VALUES (12, 6, 'late')`);
      await exchange(a, b);
      assert.equal(pairs(a), 'child of a-of a child of b-of b z-five');
    }));

  test(`an application without foreign keys leaves children of a column of ${name} behind, on every server`, () =>
    withServers(schemaOf(form, 'CASCADE'), async (a, b) => {
      a.app.exec(`INSERT INTO parents VALUES (5, 'five'); INSERT INTO children VALUES (1, 5, 'x')`);
      await exchange(a, b);
      a.app.exec('PRAGMA foreign_keys = OFF; DELETE FROM parents');
      await exchange(a, b);
      assert.equal(pairs(b), 'x-null');
      b.app.exec(`INSERT INTO parents VALUES (5, 'five again')`);
      await exchange(a, b);
    }));

  test(`a snapshot and a server that has the rows already keep the form of a column of ${name}`, () =>
    withServers(schemaOf(form, 'SET NULL'), async (a, b) => {
      const rows = `INSERT INTO parents VALUES (5, 'five'); INSERT INTO children VALUES (1, 5, 'x'), (2, '05', 'y')`;
      a.app.exec(`${rows}, (3, 5, 'only here')`);
      b.app.exec(rows);
      await a.capture();
      const reader = await snapshotOf(a.context);
      const writer = receiveSnapshot(b.context, reader.vector, null);
      for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
      await reader.close();
      await writer.finish();
      await exchange(a, b);
      a.app.exec('DELETE FROM parents');
      await exchange(a, b);
    }));
}

test('what only looks like the number of a row stays as it was written', () =>
  withServers(schemaOf('', 'CASCADE'), async (a, b) => {
    a.app.exec(`INSERT INTO parents VALUES (5, 'five');
      INSERT INTO children VALUES (1, '5', 'text'), (2, 5.0, 'real'), (3, 5, 'number')`);
    await exchange(a, b);
    assert.deepEqual(b.app.prepare('SELECT typeof(p) FROM children ORDER BY id').all().flat(), [
      'text',
      'real',
      'integer',
    ]);
    b.app.exec(`UPDATE children SET p = '05' WHERE id = 1`);
    a.app.exec(`UPDATE children SET name = 'edited'`);
    await exchange(a, b);
  }));

test('a text that is the number of a row with zeros or spaces before it stays as it was written', () =>
  withServers(schemaOf('TEXT', 'CASCADE'), async (a, b) => {
    a.app.exec(
      `INSERT INTO parents VALUES (5, 'five'); INSERT INTO children VALUES (1, '05', 'x'), (2, ' 5', 'y'), (3, '5', 'z')`,
    );
    await exchange(a, b);
    b.app.exec(`UPDATE parents SET id = 8; UPDATE children SET p = '08' WHERE id = 3`);
    await exchange(a, b);
  }));
