/** Migrations by the application while capture runs: no row traffic of their own, nothing missed, nothing ended. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addHash } from '../../../core/digest.js';
import { createRowHasher } from '../../../core/row-hash.js';
import type { ChangeBlock, Changeset } from '../../../core/changeset.js';
import { auditTable, countDiffering } from '../stores/audit.js';
import { missingTriggers } from '../capture/capture-triggers.js';
import { openScene, type Scene } from '../testing/replica-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const schema = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER)';

async function withScene(work: (scene: Scene) => Promise<void>, sql = schema): Promise<void> {
  using folder = temporaryFolder();
  const scene = openScene(folder.path('app.db'), sql);
  try {
    await scene.capture();
    scene.app.exec(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)`);
    await scene.capture();
    await work(scene);
    await scene.capture();
    for (const table of scene.context.tables.all()) {
      assert.equal(countDiffering(scene.context, table), 0, `${table.name} is as remembered`);
      assert.equal(auditTable(scene.context, table).differing, 0, `${table.name} is as remembered`);
      const numbered = { number: table.number, table: table.form };
      assert.deepEqual(missingTriggers(scene.context.connection, [numbered]), [], `${table.name} is captured`);
    }
    assert.equal((await scene.capture()).changesets, 0);
  } finally {
    scene.close();
  }
}

const blocksOf = (changesets: readonly Changeset[]): ChangeBlock[] => changesets.flatMap(({ blocks }) => [...blocks]);

/** What came into the journal since `work` began, without the two rows of the start. */
async function traffic(scene: Scene, sql: string): Promise<ChangeBlock[]> {
  const before = scene.changesets().length;
  scene.app.exec(sql);
  await scene.capture();
  return blocksOf(scene.changesets().slice(before));
}

const summary = (blocks: readonly ChangeBlock[]): string[] =>
  blocks.map((block) => {
    const columns = 'columns' in block ? `(${block.columns.join()})` : '';
    return `${block.kind} ${block.count} ${block.table}${columns}`;
  });

test('ADD COLUMN makes no row traffic, whatever its default', () =>
  withScene(async (scene) => {
    assert.deepEqual(await traffic(scene, 'ALTER TABLE t ADD COLUMN c'), []);
    assert.deepEqual(await traffic(scene, `ALTER TABLE t ADD COLUMN d TEXT NOT NULL DEFAULT 'new'`), []);
    assert.deepEqual(await traffic(scene, 'ALTER TABLE t ADD COLUMN e REAL DEFAULT 1'), []);
    assert.deepEqual(summary(await traffic(scene, `UPDATE t SET d = 'old', c = 5 WHERE id = 1`)), ['update 1 t(c,d)']);
  }));

test('writes into a new column before it was noticed are not missed', () =>
  withScene(async (scene) => {
    const blocks = await traffic(
      scene,
      `ALTER TABLE t ADD COLUMN d TEXT DEFAULT 'new'; UPDATE t SET d = 'z' WHERE id = 2`,
    );
    assert.deepEqual(summary(blocks), ['update 1 t(d)']);
  }));

test('DROP COLUMN and RENAME COLUMN make no row traffic, and keep the stamps of the rest', () =>
  withScene(async (scene) => {
    scene.app.exec('UPDATE t SET b = 9 WHERE id = 1');
    await scene.capture();
    const stampOf = (column: string) => {
      const table = scene.context.tables.byName('t');
      const shadow = table && scene.context.shadows.find(table, [1n]);
      return shadow?.exceptions?.get(table?.positionByColumn.get(column) ?? -1);
    };
    const before = stampOf('b');
    assert.ok(before);
    assert.deepEqual(await traffic(scene, 'ALTER TABLE t DROP COLUMN a'), []);
    assert.deepEqual(stampOf('b'), before);
    assert.deepEqual(await traffic(scene, 'ALTER TABLE t RENAME COLUMN b TO beta'), []);
    assert.deepEqual(stampOf('beta'), before);
    assert.deepEqual(summary(await traffic(scene, 'UPDATE t SET beta = 10 WHERE id = 2')), ['update 1 t(beta)']);
  }));

test('the digest is that of the columns that are left, also when the last one is dropped', () =>
  withScene(async (scene) => {
    await traffic(scene, 'ALTER TABLE t DROP COLUMN b');
    const table = scene.context.tables.byName('t');
    assert.ok(table);
    const hasher = createRowHasher(table.layout);
    const hashes = [
      [1n, 'x'],
      [2n, 'y'],
    ].map((row) => hasher.hash(row, new Uint32Array(row.length)));
    assert.equal(scene.context.tables.digest(table).sum, hashes.reduce(addHash, 0));
  }));

test('RENAME TABLE keeps the lives', () =>
  withScene(async (scene) => {
    assert.deepEqual(await traffic(scene, 'ALTER TABLE t RENAME TO u'), []);
    assert.deepEqual(summary(await traffic(scene, 'DELETE FROM u WHERE id = 1')), ['end 1 u']);
  }));

test('a table that is made where another was dropped has nothing of that one', () =>
  withScene(async (scene) => {
    const sql = `DROP TABLE t; CREATE TABLE u (id INTEGER PRIMARY KEY, a TEXT, b INTEGER); INSERT INTO u VALUES (2, 'y', 2), (7, 'z', 7)`;
    assert.deepEqual(summary(await traffic(scene, sql)), ['insert 2 u(id,a,b)']);
    const table = scene.context.tables.byName('u');
    assert.equal(table && scene.context.tables.digest(table).rows, 2);
  }));

test('a column is renamed while others come and go', () =>
  withScene(async (scene) => {
    const sql = (column: string): string => `UPDATE t SET ${column} = 'n' WHERE id = 2`;
    assert.deepEqual(await traffic(scene, 'ALTER TABLE t RENAME COLUMN a TO alpha; ALTER TABLE t ADD COLUMN c'), []);
    assert.deepEqual(summary(await traffic(scene, sql('alpha'))), ['update 1 t(alpha)']);
    assert.deepEqual(
      await traffic(scene, 'ALTER TABLE t DROP COLUMN alpha; ALTER TABLE t RENAME COLUMN b TO beta'),
      [],
    );
    assert.deepEqual(summary(await traffic(scene, sql('beta'))), ['update 1 t(beta)']);
    const last = 'ALTER TABLE t DROP COLUMN beta; ALTER TABLE t RENAME COLUMN c TO gamma; ALTER TABLE t ADD COLUMN d';
    assert.deepEqual(await traffic(scene, last), []);
    assert.deepEqual(summary(await traffic(scene, sql('gamma'))), ['update 1 t(gamma)']);
  }));

test('a rename and a new table of the old name are two tables', () =>
  withScene(async (scene) => {
    const blocks = await traffic(
      scene,
      `ALTER TABLE t RENAME TO old; CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'n')`,
    );
    assert.deepEqual(summary(blocks), ['insert 1 t(id,a)']);
    assert.deepEqual(summary(await traffic(scene, 'UPDATE old SET b = 7 WHERE id = 2')), ['update 1 old(b)']);
  }));

const rebuild = (change: string): string => `BEGIN;
  CREATE TABLE new_t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER, c TEXT DEFAULT 'c');
  INSERT INTO new_t (id, a, b) SELECT id, a, b FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t; ${change} COMMIT`;

test('a rebuild by a migration tool makes no row traffic and is captured again', () =>
  withScene(async (scene) => {
    assert.deepEqual(await traffic(scene, rebuild('')), []);
    assert.deepEqual(summary(await traffic(scene, 'UPDATE t SET b = 5 WHERE id = 1')), ['update 1 t(b)']);
  }));

const rebuildWith = (column: string, value: string): string => `BEGIN;
  CREATE TABLE new_t (id INTEGER PRIMARY KEY, ${column} TEXT, b INTEGER);
  INSERT INTO new_t SELECT id, ${value}, b FROM t; DROP TABLE t; ALTER TABLE new_t RENAME TO t; COMMIT`;

test('a rebuild in which a column gets another name makes no row traffic', () =>
  withScene(async (scene) => {
    assert.deepEqual(await traffic(scene, rebuildWith('alpha', 'a')), []);
    assert.deepEqual(summary(await traffic(scene, `UPDATE t SET alpha = 'n' WHERE id = 1`)), ['update 1 t(alpha)']);
  }));

test('a column with other values in the place of one that a rebuild left out is another column', () =>
  withScene(async (scene) => {
    assert.deepEqual(summary(await traffic(scene, rebuildWith('other', `'new'`))), ['update 2 t(other)']);
    assert.deepEqual(scene.context.meta.text('renames'), null);
  }));

test('what was written while the triggers were gone is found', () =>
  withScene(async (scene) => {
    const writes = `UPDATE t SET b = 3 WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t (id, a) VALUES (3, 'z');`;
    const blocks = await traffic(scene, rebuild(writes));
    assert.deepEqual(summary(blocks), ['end 1 t', 'insert 1 t(id,a,b,c)', 'update 1 t(b)']);
  }));

test('a rebuild in steps of their own loses nothing', () =>
  withScene(async (scene) => {
    await traffic(
      scene,
      `CREATE TABLE new_t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER); INSERT INTO new_t SELECT * FROM t`,
    );
    assert.deepEqual(summary(await traffic(scene, 'DROP TABLE t; ALTER TABLE new_t RENAME TO t')), []);
    assert.deepEqual(summary(await traffic(scene, 'UPDATE t SET b = 5 WHERE id = 1')), ['update 1 t(b)']);
  }));

test('a dropped table ends no rows, nor does one that is made again empty', () =>
  withScene(async (scene) => {
    assert.deepEqual(await traffic(scene, 'DROP TABLE t'), []);
    assert.deepEqual(scene.context.tables.all(), []);
    assert.deepEqual(await traffic(scene, schema), []);
    assert.deepEqual(summary(await traffic(scene, `INSERT INTO t VALUES (5, 'n', 1)`)), ['insert 1 t(id,a,b)']);
    assert.deepEqual(await traffic(scene, `DROP TABLE t; ${schema}`), []);
  }));

test('a table that is made again empty ends the rows that were deleted before', () =>
  withScene(async (scene) => {
    const blocks = await traffic(
      scene,
      `DELETE FROM t; CREATE TABLE u (id INTEGER PRIMARY KEY, a TEXT, b INTEGER);
       INSERT INTO u SELECT * FROM t; DROP TABLE t; ALTER TABLE u RENAME TO t`,
    );
    assert.deepEqual(summary(blocks), ['end 2 t']);
  }));

test('a new table and its rows are taken in, with names made from their keys', () =>
  withScene(async (scene) => {
    const blocks = await traffic(
      scene,
      `CREATE TABLE kinds (code TEXT PRIMARY KEY, label); INSERT INTO kinds VALUES ('a', 1), ('b', 2)`,
    );
    assert.deepEqual(summary(blocks), ['insert 2 kinds(code,label)']);
    const [insert] = blocks;
    assert.ok(insert?.kind === 'insert' && insert.rows.size === 2);
  }));

test('another key: shadows follow the columns that were the key', () =>
  withScene(async (scene) => {
    const blocks = await traffic(
      scene,
      `BEGIN; CREATE TABLE n (id INTEGER NOT NULL, a TEXT NOT NULL, b INTEGER, PRIMARY KEY (a));
       INSERT INTO n SELECT * FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t; COMMIT`,
    );
    assert.deepEqual(blocks, []);
    assert.deepEqual(summary(await traffic(scene, `DELETE FROM t WHERE a = 'x'`)), ['end 1 t']);
  }));

test('a dropped trigger is put back, and what was written meanwhile found', () =>
  withScene(async (scene) => {
    const triggers = scene.app
      .prepare(`SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 't'`)
      .all();
    assert.ok(triggers.length >= 3);
    const drops = triggers.map(([name]) => `DROP TRIGGER ${String(name)};`).join('');
    assert.deepEqual(summary(await traffic(scene, `${drops} UPDATE t SET a = 'unseen'`)), ['update 2 t(a)']);
  }));
