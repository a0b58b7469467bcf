/** What applications write, as changesets: real files, an application's own connection, decoded journal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeBlock, InsertBlock, UpdateBlock } from '../../../core/changeset.js';
import { isSameLife, lifeText } from '../../../core/life.js';
import { RawText, RowReference } from '../../../core/value.js';
import { auditTable, countDiffering } from '../stores/audit.js';
import { openScene, type Scene } from '../testing/replica-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const people = 'CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, age, picture BLOB)';

function lastBlocks(scene: Scene): readonly ChangeBlock[] {
  return scene.changesets().at(-1)?.blocks ?? [];
}

function single<K extends ChangeBlock['kind']>(blocks: readonly ChangeBlock[], kind: K): ChangeBlock & { kind: K } {
  const found = blocks.filter((block) => block.kind === kind);
  assert.equal(found.length, 1, `one block of kind ${kind} in ${blocks.map((block) => block.kind).join()}`);
  return found[0] as ChangeBlock & { kind: K };
}

function assertProven(scene: Scene): void {
  for (const table of scene.context.tables.all()) {
    assert.equal(countDiffering(scene.context, table), 0, `${table.name} is as remembered`);
    assert.equal(auditTable(scene.context, table).differing, 0, `${table.name} is as remembered`);
  }
}

async function withScene(schema: string, work: (scene: Scene) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const scene = openScene(folder.path('app.db'), schema);
  try {
    await scene.capture();
    await work(scene);
    await scene.capture();
    assertProven(scene);
  } finally {
    scene.close();
  }
}

const columnOf = (block: InsertBlock | UpdateBlock, column: string) =>
  block.values[block.columns.indexOf(column)] ?? [];

test('an insert is a new life with exact values', () =>
  withScene(people, async ({ app, ...scene }) => {
    app.prepare('INSERT INTO people VALUES (1, ?, ?, ?)').run('a\0b', 9223372036854775807n, new Uint8Array([0, 255]));
    app.prepare('INSERT INTO people VALUES (2, ?, 1.0, NULL)').run(new RawText(new Uint8Array([0xff, 0x61])));
    app.exec(`INSERT INTO people VALUES (3, '', 1, x''), (4, 'ü', 9e999, 0)`);
    const drained = await scene.capture();
    assert.equal(drained.changesets, 1);
    assert.equal(drained.rows, 4);
    const insert = single(lastBlocks({ app, ...scene }), 'insert');
    assert.deepEqual(insert.columns, ['id', 'name', 'age', 'picture']);
    assert.deepEqual(columnOf(insert, 'id'), [1n, 2n, 3n, 4n]);
    assert.deepEqual(columnOf(insert, 'age'), [9223372036854775807n, 1, 1n, Infinity]);
    assert.equal(columnOf(insert, 'name')[0], 'a\0b');
    assert.deepEqual(columnOf(insert, 'name')[1], new RawText(new Uint8Array([0xff, 0x61])));
    assert.deepEqual([...insert.indexes], [0, 1, 2, 3]);
  }));

test('nothing echoes: a second drain finds nothing', () =>
  withScene(people, async (scene) => {
    scene.app.exec(`INSERT INTO people (name) VALUES ('a'), ('b')`);
    assert.equal((await scene.capture()).changesets, 1);
    assert.equal((await scene.capture()).changesets, 0);
    assert.equal(scene.changesets().length, 1);
    assert.equal(scene.context.notes.countAfter(scene.context.meta.number('cursor') ?? 0), 0);
  }));

test('an update holds the columns that differ, above the cells that it replaces', () =>
  withScene(people, async (scene) => {
    scene.app.exec(`INSERT INTO people VALUES (1, 'a', 1, NULL)`);
    await scene.capture();
    const insert = single(lastBlocks(scene), 'insert');
    scene.app.exec(`UPDATE people SET name = 'b', age = 1 WHERE id = 1`);
    await scene.capture();
    const update = single(lastBlocks(scene), 'update');
    assert.deepEqual(update.columns, ['name']);
    assert.deepEqual(columnOf(update, 'name'), ['b']);
    assert.deepEqual(update.keys, [[1n]]);
    assert.ok((update.times[0] ?? 0) >= (insert.times[0] ?? 0));
    const header = scene.changesets()[0]?.header;
    assert.deepEqual(update.lives, [[{ stamp: header?.stamp, origin: header?.origin, index: 0 }]]);
    assert.equal((await scene.capture()).changesets, 0);
  }));

test('1 and 1.0 differ, and so does letter case under NOCASE', () =>
  withScene('CREATE TABLE t (id INTEGER PRIMARY KEY, n, s TEXT COLLATE NOCASE)', async (scene) => {
    scene.app.exec(`INSERT INTO t VALUES (1, 1, 'a')`);
    await scene.capture();
    scene.app.exec(`UPDATE t SET n = 1.0, s = 'A'`);
    await scene.capture();
    assert.deepEqual(single(lastBlocks(scene), 'update').columns, ['n', 's']);
  }));

test('a delete ends the life; a number that is used again is another life', () =>
  withScene(people, async (scene) => {
    scene.app.exec(`INSERT INTO people VALUES (1, 'a', 1, NULL), (2, 'b', 2, NULL)`);
    await scene.capture();
    scene.app.exec('DELETE FROM people WHERE id = 2');
    scene.app.exec(`BEGIN; DELETE FROM people WHERE id = 1; INSERT INTO people VALUES (1, 'c', 3, NULL); COMMIT`);
    await scene.capture();
    const blocks = lastBlocks(scene);
    const end = single(blocks, 'end');
    assert.equal(end.count, 2);
    assert.deepEqual(end.keys, [[1n, 2n]]);
    const insert = single(blocks, 'insert');
    assert.deepEqual(columnOf(insert, 'name'), ['c']);
    assert.equal(
      scene.context.tables.byName('people') && scene.context.tables.digest(scene.context.tables.all()[0] as never).rows,
      1,
    );
  }));

test('REPLACE on the same key without a delete is an update of the row', () =>
  withScene(people, async (scene) => {
    scene.app.exec(`INSERT INTO people VALUES (1, 'a', 1, NULL)`);
    await scene.capture();
    scene.app.exec(`REPLACE INTO people VALUES (1, 'a', 2, NULL)`);
    await scene.capture();
    assert.deepEqual(single(lastBlocks(scene), 'update').columns, ['age']);
  }));

test('a row that REPLACE removed through another unique value ends', () =>
  withScene('CREATE TABLE u (id INTEGER PRIMARY KEY, mail TEXT UNIQUE)', async (scene) => {
    scene.app.exec(`INSERT INTO u VALUES (1, 'a'), (2, 'b')`);
    await scene.capture();
    scene.app.exec(`REPLACE INTO u VALUES (3, 'a')`);
    await scene.capture();
    assert.deepEqual(single(lastBlocks(scene), 'end').keys, [[1n]]);
    assert.deepEqual(columnOf(single(lastBlocks(scene), 'insert'), 'id'), [3n]);
  }));

test('a row inserted at the number of one that REPLACE may have removed is an update of that one', () =>
  withScene('CREATE TABLE u (id INTEGER PRIMARY KEY, mail TEXT UNIQUE)', async (scene) => {
    scene.app.exec(`INSERT INTO u VALUES (1, 'a'), (2, 'b')`);
    await scene.capture();
    scene.app.exec(`REPLACE INTO u VALUES (3, 'a'); INSERT INTO u VALUES (1, 'c')`);
    scene.app.exec(
      `INSERT OR IGNORE INTO u VALUES (4, 'b'); INSERT INTO u VALUES (5, 'd'); REPLACE INTO u VALUES (2, 'e')`,
    );
    await scene.capture();
    assert.deepEqual(single(lastBlocks(scene), 'update').keys, [[1n, 2n]]);
    assert.deepEqual(columnOf(single(lastBlocks(scene), 'insert'), 'id'), [3n, 5n]);
  }));

test('a row that REPLACE removed through an index that may be dropped is found by counting', () =>
  withScene(
    'CREATE TABLE u (id INTEGER PRIMARY KEY, mail TEXT, v); CREATE UNIQUE INDEX mails ON u (mail)',
    async (scene) => {
      scene.app.exec(`INSERT INTO u VALUES (1, 'a', 1), (2, 'b', 1)`);
      await scene.capture();
      const before = scene.changesets().length;
      scene.app.exec(`REPLACE INTO u VALUES (3, 'a', 2)`);
      const written = (): ChangeBlock[] =>
        scene
          .changesets()
          .slice(before)
          .flatMap((changeset) => [...changeset.blocks]);
      // Counting is done at most now and then, so the next capture may be the one that finds it.
      for (let turn = 0; turn < 100 && !written().some((block) => block.kind === 'end'); turn++) {
        await scene.capture();
        await new Promise((resolve) => {
          setTimeout(resolve, 10);
        });
      }
      const blocks = written();
      assert.deepEqual(single(blocks, 'end').keys, [[1n]]);
      assert.deepEqual(columnOf(single(blocks, 'insert'), 'id'), [3n]);
      scene.app.exec('DROP INDEX mails; ALTER TABLE u DROP COLUMN mail');
      assert.equal((await scene.capture()).changesets, 0);
    },
  ));

test('notes that somebody emptied are made up for by comparing everything', () =>
  withScene(people, async (scene) => {
    scene.app.exec(`INSERT INTO people VALUES (1, 'a', 1, NULL), (2, 'b', 2, NULL)`);
    await scene.capture();
    scene.app.exec(`UPDATE people SET age = 9 WHERE id = 2; DELETE FROM _usync_notes`);
    await scene.capture();
    assert.deepEqual(single(lastBlocks(scene), 'update').keys, [[2n]]);
  }));

test('references to generated keys travel as rows, also to parents of the same transaction and to the table itself', () =>
  withScene(
    `CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
     CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id), code TEXT);
     CREATE TABLE tree (id INTEGER PRIMARY KEY, up INTEGER REFERENCES tree (id))`,
    async (scene) => {
      scene.app.exec(`BEGIN; INSERT INTO child VALUES (1, 7, 'x'), (2, 99, 'dangling'), (3, NULL, 'none');
        INSERT INTO parent VALUES (7, 'p'); INSERT INTO tree VALUES (1, 2), (2, NULL), (3, 3); COMMIT`);
      await scene.capture();
      const blocks = lastBlocks(scene);
      const inserts = new Map(blocks.flatMap((block) => (block.kind === 'insert' ? [[block.table, block]] : [])));
      const [parent, child, tree] = [inserts.get('parent'), inserts.get('child'), inserts.get('tree')];
      assert.ok(parent && child && tree);
      const header = scene.changesets().at(-1)?.header;
      assert.ok(header);
      const life = (block: InsertBlock, at: number) => ({
        stamp: header.stamp,
        origin: header.origin,
        index: block.indexes[at] ?? -1,
      });
      const [first, dangling, none] = columnOf(child, 'parent_id');
      assert.ok(first instanceof RowReference && isSameLife(first.row, life(parent, 0)));
      assert.equal(dangling, 99n);
      assert.equal(none, null);
      const ups = columnOf(tree, 'up').map((value) => (value instanceof RowReference ? lifeText(value.row) : value));
      assert.deepEqual(ups, [lifeText(life(tree, 1)), null, lifeText(life(tree, 2))]);
      scene.app.exec(`UPDATE child SET parent_id = 7 WHERE id = 2`);
      await scene.capture();
      const [moved] = columnOf(single(lastBlocks(scene), 'update'), 'parent_id');
      assert.ok(moved instanceof RowReference && isSameLife(moved.row, life(parent, 0)));
    },
  ));

test('WITHOUT ROWID and composite keys with collations', () =>
  withScene(
    `CREATE TABLE w (a TEXT COLLATE NOCASE, b INTEGER, v, PRIMARY KEY (a, b)) WITHOUT ROWID;
     CREATE TABLE c (k1 TEXT NOT NULL, k2 REAL NOT NULL, k3 BLOB NOT NULL, v, PRIMARY KEY (k1, k2, k3))`,
    async (scene) => {
      scene.app.exec(`INSERT INTO w VALUES ('abc', 1, 1), ('abc', 2, 2); INSERT INTO c VALUES ('x', 1, x'00', 1)`);
      await scene.capture();
      scene.app.exec(`UPDATE w SET v = 3 WHERE a = 'ABC' AND b = 1; UPDATE c SET v = 2; DELETE FROM w WHERE b = 2`);
      await scene.capture();
      const blocks = lastBlocks(scene);
      const updates = blocks.filter((block): block is UpdateBlock => block.kind === 'update');
      assert.deepEqual(updates.map((block) => block.table).toSorted(), ['c', 'w']);
      assert.deepEqual(updates.find((block) => block.table === 'c')?.keys, [['x'], [1], [new Uint8Array([0])]]);
      assert.deepEqual(single(blocks, 'end').keys, [['abc'], [2n]]);
      scene.app.exec(`UPDATE w SET a = 'ABC' WHERE b = 1`);
      await scene.capture();
      const update = single(lastBlocks(scene), 'update');
      assert.deepEqual(update.columns, ['a']);
      assert.deepEqual(update.keys, [['ABC'], [1n]]);
      assert.equal(lastBlocks(scene).length, 1);
    },
  ));

test('a changed key is a changed column of the same life, through swaps and chains too', () =>
  withScene('CREATE TABLE k (code TEXT PRIMARY KEY, v)', async (scene) => {
    scene.app.exec(`INSERT INTO k VALUES ('a', 1), ('b', 2), ('c', 3)`);
    await scene.capture();
    scene.app.exec(`BEGIN; UPDATE k SET code = 'x' WHERE code = 'a'; UPDATE k SET code = 'a' WHERE code = 'b';
      UPDATE k SET code = 'b' WHERE code = 'x'; DELETE FROM k WHERE code = 'c'; UPDATE k SET code = 'c' WHERE v = 1; COMMIT`);
    await scene.capture();
    const blocks = lastBlocks(scene);
    assert.deepEqual(single(blocks, 'end').keys, [['c']]);
    const update = single(blocks, 'update');
    assert.deepEqual(update.columns, ['code']);
    assert.deepEqual(update.keys, [['b', 'a']]);
    assert.deepEqual(columnOf(update, 'code'), ['a', 'c']);
    assert.deepEqual(
      update.lives.map(([life]) => life?.index),
      [1, 0],
    );
    assert.equal((await scene.capture()).changesets, 0);
  }));

test('bags are captured by row, and VACUUM changes nothing', () =>
  withScene('CREATE TABLE bag (a, b)', async (scene) => {
    scene.app.exec(`INSERT INTO bag VALUES (1, 'x'), (1, 'x'), (2, 'y'), (3, 'z')`);
    await scene.capture();
    assert.equal(single(lastBlocks(scene), 'insert').count, 4);
    scene.app.exec(`DELETE FROM bag WHERE rowid = 1; UPDATE bag SET b = 'w' WHERE a = 2`);
    await scene.capture();
    assert.equal(single(lastBlocks(scene), 'end').count, 1);
    assert.deepEqual(single(lastBlocks(scene), 'update').columns, ['b']);
    scene.app.exec('VACUUM');
    assert.equal((await scene.capture()).changesets, 0);
    scene.app.exec(`UPDATE bag SET b = 'v' WHERE a = 3`);
    await scene.capture();
    assert.deepEqual(single(lastBlocks(scene), 'update').lives, [
      [
        {
          ...(scene.changesets()[0]?.header && {
            stamp: scene.changesets()[0]?.header.stamp,
            origin: scene.changesets()[0]?.header.origin,
          }),
          index: 3,
        },
      ],
    ]);
  }));

test('a row of a bag that took the place of a deleted one is another row, also when a column got another name since', () =>
  withScene('CREATE TABLE bag (a, b)', async (scene) => {
    scene.app.exec(`INSERT INTO bag VALUES (1, 'x')`);
    await scene.capture();
    scene.app.exec(`DELETE FROM bag; INSERT INTO bag VALUES (2, 'y'); ALTER TABLE bag RENAME COLUMN b TO c`);
    await scene.capture();
    assert.deepEqual(
      lastBlocks(scene).map(({ kind, count }) => [kind, count]),
      [
        ['end', 1],
        ['insert', 1],
      ],
    );
    assertProven(scene);
  }));

test('a large drain is read without the lock and gives the same as a small one', () =>
  withScene(
    `CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
     CREATE TABLE child (a TEXT, b INTEGER, parent_id INTEGER REFERENCES parent (id), PRIMARY KEY (a, b))`,
    async (scene) => {
      scene.app.exec(`BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO parent SELECT i, 'p' || i FROM n; INSERT INTO child SELECT 'c', id, id FROM parent; COMMIT`);
      const drained = await scene.capture();
      assert.equal(drained.changesets, 1);
      assert.equal(drained.rows, 6000);
      assertProven(scene);
      scene.app.exec(`BEGIN; DELETE FROM child WHERE b % 3 = 0; UPDATE parent SET name = name || '!' WHERE id % 2 = 0;
        UPDATE child SET parent_id = parent_id % 10 + 1 WHERE b % 3 = 1; COMMIT`);
      const second = await scene.capture();
      assert.equal(second.changesets, 1);
      assert.equal(second.rows, 1000 + 1500 + 1000);
      const ends = lastBlocks(scene).filter((block) => block.kind === 'end');
      assert.equal(
        ends.reduce((sum, block) => sum + block.count, 0),
        1000,
      );
      assertProven(scene);
      assert.equal((await scene.capture()).changesets, 0);
    },
  ));

for (const [how, sql] of [
  ['in one run of keys', `INSERT INTO people (id, name) SELECT n, 'x' || n FROM c`],
  ['in two runs', `INSERT INTO people (id, name) SELECT n + n / 800 * 9, 'x' FROM c`],
  ['backwards', `INSERT INTO people (id, name) SELECT 1501 - n, 'x' FROM c`],
  ['twice, by REPLACE', `INSERT OR REPLACE INTO people (id, name) SELECT 1 + n % 1200, 'x' || n FROM c`],
] as const) {
  test(`many inserted rows are each captured once: ${how}`, () =>
    withScene(people, async (scene) => {
      const counting = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1500)';
      scene.app.exec(`${counting} ${sql}`);
      const [rows] = scene.app.prepare('SELECT count(*) FROM people').get() ?? [];
      assert.equal(BigInt((await scene.capture()).rows), rows);
      assertProven(scene);
      assert.equal((await scene.capture()).rows, 0);
    }));
}
