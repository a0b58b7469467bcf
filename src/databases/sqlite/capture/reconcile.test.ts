/** Adoption, crashes in the middle, foreign writers: what capture must survive. Real files, real other programs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { InsertBlock } from '../../../core/changeset.js';
import { lifeText } from '../../../core/life.js';
import { genesisOrigin } from '../../../core/origin.js';
import { RowReference } from '../../../core/value.js';
import { auditTable, countDiffering } from '../stores/audit.js';
import { foreignWriters } from '../testing/foreign-writer.js';
import { openScene, type Scene } from '../testing/replica-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const shop = `CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, chief INTEGER REFERENCES customers (id));
  CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), total REAL);
  CREATE TABLE settings (name TEXT PRIMARY KEY COLLATE NOCASE, value) WITHOUT ROWID;
  CREATE TABLE log (line TEXT)`;
const rows = (count: number): string => `
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
    INSERT INTO customers SELECT i, 'c' || i, CASE WHEN i % 5 = 0 THEN ${count} + 1 - i END FROM n;
  INSERT INTO orders SELECT id, ${count} + 1 - id, id * 0.1 FROM customers;
  INSERT INTO settings VALUES ('Colour', 'red'), ('size', 3);
  INSERT INTO log VALUES ('same'), ('same'), ('other')`;

const insertsOf = (scene: Scene): InsertBlock[] =>
  scene.changesets().flatMap(({ blocks }) => blocks.filter((block) => block.kind === 'insert'));

function assertProven(scene: Scene): void {
  for (const table of scene.context.tables.all()) {
    assert.equal(countDiffering(scene.context, table), 0, `${table.name} is as remembered`);
    assert.equal(auditTable(scene.context, table).differing, 0, `${table.name} is as remembered`);
  }
}

test('two copies of one database give the same names to the same rows', async () => {
  using folder = temporaryFolder();
  const names: string[][] = [];
  for (const copy of ['a', 'b']) {
    const scene = openScene(folder.path(`${copy}.db`), `${shop}; ${rows(50)}`);
    const captured = await scene.capture();
    assert.equal(captured.rows, 50 + 50 + 2 + 3);
    assertProven(scene);
    names.push(insertsOf(scene).flatMap((block) => [...block.rows.values()].map(lifeText)));
    assert.equal((await scene.capture()).changesets, 0);
    scene.close();
  }
  assert.deepEqual(names[0], names[1]);
  assert.equal(new Set(names[0]).size, 105 - 50, 'rows of two tables may share a name, rows of one never');
});

test('parents are adopted before their children, so that nobody sees a child without its parent', async () => {
  using folder = temporaryFolder();
  const schema = `CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b (id));
    CREATE TABLE b (id INTEGER PRIMARY KEY, c INTEGER REFERENCES c (id)); CREATE TABLE c (id INTEGER PRIMARY KEY)`;
  const scene = openScene(
    folder.path('app.db'),
    `${schema}; INSERT INTO a VALUES (1, 2); INSERT INTO b VALUES (2, 3);
    INSERT INTO c VALUES (3)`,
  );
  await scene.capture();
  assert.deepEqual(
    insertsOf(scene).map(({ table }) => table),
    ['c', 'b', 'a'],
  );
  scene.close();
});

test('adoption in slices: references mean the right rows, also to rows of a later slice', async () => {
  using folder = temporaryFolder();
  const scene = openScene(folder.path('app.db'), `${shop}; ${rows(5000)}`);
  await scene.capture();
  assertProven(scene);
  assert.ok(scene.changesets().length > 4, 'more than one changeset a table');
  let seen = 0;
  for (const block of insertsOf(scene)) {
    const at = block.columns.indexOf('chief');
    if (at === -1) continue;
    for (const [i, chief] of (block.values[at] ?? []).entries()) {
      if (chief === null) continue;
      const id = Number(block.values[block.columns.indexOf('id')]?.[i]);
      assert.ok(chief instanceof RowReference && chief.row.origin === genesisOrigin);
      assert.equal(chief.row.index, 5001 - id);
      seen++;
    }
  }
  assert.equal(seen, 1000);
  scene.close();
});

for (const [when, count] of [
  ['small', 10],
  ['large', 4000],
] as const) {
  test(`a ${when} drain that fails in the middle leaves everything as before, and the next one takes all`, async () => {
    using folder = temporaryFolder();
    const scene = openScene(folder.path('app.db'), shop);
    await scene.capture();
    scene.app.exec(`BEGIN; ${rows(count)}; COMMIT`);
    const { context } = scene;
    const journal = { ...context.journal };
    const broken = { count: 0 };
    context.journal.append = () => {
      broken.count++;
      throw new Error('the machine stopped here');
    };
    await assert.rejects(scene.capture(), /stopped here/);
    assert.equal(broken.count, 1);
    context.journal.append = (entry, nowMs) => journal.append(entry, nowMs);
    assert.equal(scene.changesets().length, 0);
    assert.equal(context.origins.vector().size, 0);
    for (const table of context.tables.all()) assert.equal(context.tables.digest(table).rows, 0);
    assert.equal((await scene.capture()).rows, 2 * count + 5);
    assertProven(scene);
    scene.close();
  });
}

test('the lock of another program is waited for', async () => {
  using folder = temporaryFolder();
  const scene = openScene(folder.path('app.db'), shop);
  await scene.capture();
  scene.app.exec(`INSERT INTO settings VALUES ('a', 1)`);
  scene.app.exec('BEGIN IMMEDIATE');
  const waiting = scene.capture();
  await new Promise((resolve) => {
    setTimeout(resolve, 50);
  });
  scene.app.exec('COMMIT');
  assert.equal((await waiting).rows, 1);
  scene.close();
});

const writers = new Map(foreignWriters().map((writer) => [writer.name, writer]));
for (const name of ['sqlite3 shell', 'python3']) {
  const writer = writers.get(name);
  test(`${name} writes and every row is captured`, { skip: writer ? false : `${name} is not installed` }, async () => {
    assert.ok(writer);
    using folder = temporaryFolder();
    const path = folder.path('app.db');
    const scene = openScene(path, shop);
    await scene.capture();
    writer.run(path, `BEGIN;${rows(100)};\nCOMMIT;\n`);
    assert.equal((await scene.capture()).rows, 205);
    writer.run(
      path,
      `PRAGMA foreign_keys = ON;
UPDATE orders SET total = total + 1 WHERE id <= 10;
REPLACE INTO settings VALUES ('COLOUR', 'blue');
DELETE FROM log WHERE rowid = 2;
INSERT INTO customers VALUES (101, char(97, 0, 98), NULL);
`,
    );
    const captured = await scene.capture();
    assert.equal(captured.rows, 10 + 1 + 1 + 1);
    assertProven(scene);
    const insert = insertsOf(scene).at(-1);
    assert.equal(insert?.values[1]?.[0], 'a\0b');
    assert.equal((await scene.capture()).changesets, 0);
    scene.close();
  });
}

test('a row of old that is given a key which the adoption has passed is captured', async () => {
  using folder = temporaryFolder();
  const scene = openScene(
    folder.path('shop.db'),
    `CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
     INSERT INTO items WITH RECURSIVE n (i) AS (VALUES (10) UNION ALL SELECT i + 1 FROM n LIMIT 6000) SELECT i, i FROM n`,
  );
  try {
    const captured = scene.capture();
    // Between two slices: some rows are adopted, the last one is not.
    while (shadowCount(scene) === 0) await setImmediate();
    assert.ok(shadowCount(scene) < 6000);
    scene.app.exec('UPDATE items SET id = 1 WHERE id = 6009');
    await captured;
    await scene.capture();
    assertProven(scene);
    assert.equal(shadowCount(scene), 6000);
  } finally {
    scene.close();
  }
});

function shadowCount({ app, context }: Scene): number {
  const [table] = context.tables.all();
  return table ? Number(app.prepare(`SELECT count(*) FROM ${table.shadowSql}`).get()?.[0]) : 0;
}
