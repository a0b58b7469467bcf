/** Snapshots between servers on real files: what arrives must be what a stream would have brought. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdoptionChoice, MergeOutcome } from '../../replica.js';
import { exchangeAll, openMergeServer, snapshotOf, type MergeServer } from '../testing/merge-scene.js';
import { pendingReconciles } from '../capture/pending-reconcile.js';
import { captureEverything } from '../capture/capture-everything.js';
import { settleAfterDrain, settleWaiting } from '../merge/settle-waiting.js';
import { resumeSnapshot } from './land-snapshot.js';
import { receiveSnapshot } from './snapshot-writer.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const shop = `CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents(id) ON DELETE CASCADE,
    before INTEGER REFERENCES children(id) ON DELETE SET NULL, name TEXT);
  CREATE TABLE tags (tag TEXT PRIMARY KEY, colour TEXT);
  CREATE TABLE labels (id INTEGER PRIMARY KEY, label TEXT UNIQUE, email TEXT UNIQUE);
  CREATE TABLE notes (text TEXT, n INTEGER)`;

const letters = ['a', 'b', 'c'] as const;

async function withServers(
  schema: string,
  work: (servers: readonly [MergeServer, MergeServer, MergeServer], folder: string) => Promise<void>,
): Promise<void> {
  using folder = temporaryFolder();
  const [a, b, c] = letters.map((letter) => openMergeServer(folder.path(`${letter}.db`), letter, { schema }));
  if (!a || !b || !c) throw new Error('three servers');
  try {
    await work([a, b, c], folder.path('.'));
  } finally {
    for (const server of [a, b, c]) server.close();
  }
}

async function sendSnapshot(
  from: MergeServer,
  to: MergeServer,
  options: { readonly folder?: string; readonly choice?: AdoptionChoice } = {},
): Promise<MergeOutcome> {
  await from.capture();
  const reader = await snapshotOf(from.context, options.folder ?? null);
  const writer = receiveSnapshot(to.context, reader.vector, options.folder ?? null);
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
  await reader.close();
  return writer.finish(options.choice);
}

function assertSame(servers: readonly MergeServer[]): void {
  const [first] = servers;
  for (const server of servers) {
    assert.equal(server.dump(), first?.dump(), `${server.name} shows what ${first?.name} shows`);
    assert.deepEqual(server.faults(), []);
  }
}

const fill = (letter: string, offset: number): string =>
  `
  INSERT INTO parents SELECT value + ${offset}, '${letter} parent ' || value FROM generate(50);
  INSERT INTO children SELECT value + ${offset}, value % 50 + 1 + ${offset}, nullif(value + ${offset} + 1, ${offset} + 201), '${letter}' FROM generate(200);
  INSERT INTO tags SELECT '${letter}' || value, 'red' FROM generate(20);
  INSERT INTO labels SELECT value + ${offset}, '${letter}' || value, NULL FROM generate(20);
  INSERT INTO notes SELECT 'same', value % 3 FROM generate(10);`.replaceAll(
    /generate\((\d+)\)/g,
    (_, count: string) =>
      `(WITH RECURSIVE g(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM g WHERE value < ${count}) SELECT value FROM g)`,
  );

test('a snapshot brings a new server to what a stream would have brought it to', () =>
  withServers(shop, async ([a, b, c], folder) => {
    for (const server of [a, b]) await server.capture();
    a.app.exec(fill('a', 0));
    b.app.exec(fill('b', 1000));
    await exchangeAll([a, b]);
    a.app.exec(
      `UPDATE parents SET name = 'new' WHERE id = 3; DELETE FROM children WHERE id % 7 = 0; UPDATE tags SET tag = 'moved' WHERE tag = 'a5'`,
    );
    const outcome = await sendSnapshot(a, c, { folder });
    assert.equal(outcome.quarantined, 0);
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
    c.app.exec(
      `DELETE FROM parents WHERE id = 1003; UPDATE labels SET label = 'x' WHERE id = 3; INSERT INTO notes VALUES ('of c', 1)`,
    );
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
  }));

test('what a snapshot brought into empty tables is not looked through again, rows of old are', () =>
  withServers(shop, async ([a, b, c]) => {
    await a.capture();
    a.app.exec(fill('a', 0));
    b.app.exec(`INSERT INTO tags VALUES ('only b', 'blue')`);
    const pendingAt = ({ context }: MergeServer): string[] =>
      pendingReconciles(context).flatMap(({ table }) => (table.isBag ? [] : [table.name]));
    await sendSnapshot(a, b);
    await sendSnapshot(a, c);
    assert.deepEqual([pendingAt(b), pendingAt(c)], [['tags'], []]);
    c.app.exec(`UPDATE parents SET name = 'c' WHERE id = 3; INSERT INTO tags VALUES ('only c', 'green')`);
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
    assert.match(a.dump(), /only b[^]*only c/);
  }));

test('a server behind takes a snapshot: what was deleted meanwhile goes, what only it has stays', () =>
  withServers(shop, async ([a, b, c]) => {
    for (const server of [a, b, c]) await server.capture();
    a.app.exec(fill('a', 0));
    await exchangeAll([a, b, c]);
    a.app
      .exec(`DELETE FROM children WHERE id < 50; DELETE FROM tags WHERE tag LIKE 'a1%'; DELETE FROM notes WHERE rowid < 4;
      UPDATE children SET id = 5000 WHERE id = 60; UPDATE parents SET name = 'changed' WHERE id = 9`);
    b.app.exec(
      `INSERT INTO tags VALUES ('only b', 'blue'); UPDATE parents SET name = 'b' WHERE id = 10; INSERT INTO children VALUES (7000, 4, NULL, 'b')`,
    );
    await b.capture();
    await sendSnapshot(a, b);
    assert.match(b.dump(), /only b/);
    assert.doesNotMatch(b.dump(), /children: 49 /);
    assert.match(b.dump(), /children: 5000 /);
    await exchangeAll([a, b]);
    assertSame([a, b]);
    await sendSnapshot(b, c);
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
  }));

test('hidden rows, renumbered rows and merged rows travel in a snapshot', () =>
  withServers(shop, async ([a, b, c]) => {
    for (const server of [a, b]) await server.capture();
    a.app
      .exec(`INSERT INTO parents VALUES (1, 'a'); INSERT INTO children VALUES (1, 1, NULL, 'a'); INSERT INTO tags VALUES ('x', 'a');
      INSERT INTO labels VALUES (1, 'l', NULL), (2, NULL, 'e@x')`);
    await a.capture();
    await new Promise((resolve) => setTimeout(resolve, 5));
    b.app
      .exec(`INSERT INTO parents VALUES (1, 'b'); INSERT INTO children VALUES (1, 1, NULL, 'b'); INSERT INTO tags VALUES ('x', 'b');
      INSERT INTO labels VALUES (3, 'l', NULL), (4, NULL, 'e@x')`);
    await exchangeAll([a, b]);
    await sendSnapshot(b, c);
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
    c.app.exec(
      `DELETE FROM tags; UPDATE labels SET email = 'other' WHERE id = 2; UPDATE labels SET label = 'm' WHERE id = 1`,
    );
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
  }));

test('the preview of joining counts rows without a key by their content, each as often as it stands', () =>
  withServers(shop, async ([a, b]) => {
    const noted = (texts: readonly string[]): string =>
      texts.map((text) => `INSERT INTO notes VALUES (${text});`).join('');
    const columns = (a.app.prepare("SELECT count(*) FROM pragma_table_info('notes')").get()?.[0] ?? 0n) as bigint;
    const rowOf = (text: string): string => [`'${text}'`, ...Array<string>(Number(columns) - 1).fill('NULL')].join();
    a.app.exec(noted(['one', 'twice', 'twice', 'twice', 'there'].map(rowOf)));
    b.app.exec(noted(['one', 'twice', 'twice', 'here'].map(rowOf)));
    await a.capture();
    const reader = await snapshotOf(a.context);
    const writer = receiveSnapshot(b.context, reader.vector, null);
    for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
    await followSchemaOf(b);
    const { tables } = await writer.preview();
    assert.deepEqual(
      tables.find(({ table }) => table === 'notes'),
      { table: 'notes', same: 3, differing: 0, apart: 0, onlyHere: 1, onlyThere: 2 },
    );
    await writer.finish('measure');
    await exchangeAll([a, b]);
    assertSame([a, b]);
    assert.equal(a.app.prepare('SELECT count(*) FROM notes').get()?.[0], 6n, 'as the preview said');
  }));

test('copies of one database unify at joining; where they differ the group stands and the own value is kept', () =>
  withServers(shop + fill('a', 0).replace(/^/, ';'), async ([a, b]) => {
    await a.capture();
    b.app.exec(
      `UPDATE parents SET name = 'of b' WHERE id = 7; INSERT INTO tags VALUES ('only b', 'blue'); DELETE FROM tags WHERE tag = 'a3'`,
    );
    const reader = await snapshotOf(a.context);
    const writer = receiveSnapshot(b.context, reader.vector, null);
    b.context.connection.exec('SELECT 1');
    for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
    await followSchemaOf(b);
    const preview = await writer.preview();
    assert.deepEqual(
      preview.tables.find(({ table }) => table === 'parents'),
      { table: 'parents', same: 49, differing: 1, apart: 0, onlyHere: 0, onlyThere: 0 },
    );
    assert.equal(preview.isUnclear, false);
    await writer.finish('measure');
    await exchangeAll([a, b]);
    assertSame([a, b]);
    assert.match(a.dump(), /only b/);
    assert.match(a.dump(), /tags: 'a3'/);
    assert.equal(a.app.prepare('SELECT name FROM parents WHERE id = 7').get()?.[0], 'a parent 7');
    assert.ok(b.lost().includes(`'of b'`));
    assert.equal(a.app.prepare('SELECT count(*) FROM notes').get()?.[0], 10n);
  }));

test('an old copy of a row that the group has moved or changed is that row, and what it held is told of', () =>
  withServers(shop + fill('a', 0).replace(/^/, ';'), async ([a, b, c]) => {
    await a.capture();
    await sendSnapshot(a, c);
    await exchangeAll([a, c]);
    a.app
      .exec(`UPDATE tags SET tag = 'moved' WHERE tag = 'a3'; UPDATE parents SET id = 1000, name = 'moved' WHERE id = 7;
      UPDATE notes SET text = 'changed' WHERE rowid = 1`);
    await exchangeAll([a, c]);
    b.app.exec(
      `UPDATE tags SET colour = 'of b' WHERE tag = 'a3'; INSERT INTO children VALUES (5000, 7, NULL, 'only b')`,
    );
    await sendSnapshot(a, b, { choice: 'same-rows' });
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
    assert.match(b.dump(), /tags: 'moved'/);
    assert.doesNotMatch(b.dump(), /tags: 'a3'/);
    assert.ok(b.lost().includes(`'of b'`), b.lost().join());
    assert.equal(b.app.prepare('SELECT parent_id FROM children WHERE id = 5000').get()?.[0], 1000n);
    for (const [table, count] of [
      ['parents', 50n],
      ['notes', 10n],
    ] as const)
      assert.equal(b.app.prepare(`SELECT count(*) FROM ${table}`).get()?.[0], count, table);
  }));

test('rows with equal numbers of two databases that share nothing are kept apart when a person says so', () =>
  withServers(shop, async ([a, b]) => {
    a.app.exec(fill('a', 0));
    b.app.exec(fill('b', 0));
    await a.capture();
    await assert.rejects(sendSnapshot(a, b, { choice: 'measure' }), { code: 'USYNC-1406' });
    await sendSnapshot(a, b, { choice: 'distinct-rows' });
    await exchangeAll([a, b]);
    assertSame([a, b]);
    assert.equal(a.app.prepare('SELECT count(*) FROM parents').get()?.[0], 100n);
    assert.equal(
      a.app
        .prepare(
          `SELECT count(*) FROM children c JOIN parents p ON p.id = parent_id WHERE substr(p.name, 1, 1) = c.name`,
        )
        .get()?.[0],
      400n,
    );
  }));

test('rows of several servers that join apart get numbers that fit 32 bits', () =>
  withServers(shop, async ([a, b, c]) => {
    for (const server of [a, b, c]) server.app.exec(fill(server.name, 0));
    await a.capture();
    await sendSnapshot(a, b, { choice: 'distinct-rows' });
    await exchangeAll([a, b]);
    await sendSnapshot(a, c, { choice: 'distinct-rows' });
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
    const [count, lowest] = a.app.prepare('SELECT count(*), min(id) FROM parents').get() ?? [];
    assert.equal(count, 150n);
    assert.ok(typeof lowest === 'bigint' && lowest > -(2n ** 31n), String(lowest));
  }));

test('a landing that was cut off is done again and comes to the same', () =>
  withServers(shop, async ([a, , c]) => {
    await a.capture();
    a.app.exec(fill('a', 0));
    await a.capture();
    const { system } = c.context;
    const advance = c.context.origins.advance.bind(c.context.origins);
    c.context.origins.advance = () => {
      throw new Error('cut off');
    };
    await assert.rejects(sendSnapshot(a, c), /cut off/);
    c.context.origins.advance = advance;
    assert.notEqual(c.context.meta.text('landing'), null);
    c.app.exec(
      `INSERT INTO tags VALUES ('written meanwhile', 'red'); UPDATE parents SET name = 'meanwhile' WHERE id = 2`,
    );
    a.app.exec(`UPDATE parents SET name = 'later' WHERE id = 1; DELETE FROM tags WHERE tag = 'a7'`);
    await sendSnapshot(a, c);
    assert.ok(system.nowMs() > 0);
    await exchangeAll([a, c]);
    assertSame([a, c]);
    assert.match(a.dump(), /written meanwhile/);
    assert.match(a.dump(), /'meanwhile'/);
  }));

test('what landed before the cut and was deleted by an application stays deleted', () =>
  withServers(shop, async ([a, , c]) => {
    for (const server of [a, c]) await server.capture();
    a.app.exec(`INSERT INTO tags VALUES ('old', 'red')`);
    await exchangeAll([a, c]);
    a.app.exec(fill('a', 0));
    await a.capture();
    const advance = c.context.origins.advance.bind(c.context.origins);
    c.context.origins.advance = () => {
      throw new Error('cut off');
    };
    await assert.rejects(sendSnapshot(a, c), /cut off/);
    c.context.origins.advance = advance;
    assert.match(c.dump(), /'a3'/, 'some of it has landed');
    c.app.exec(`DELETE FROM tags WHERE tag = 'a3'`);
    await sendSnapshot(a, c);
    await exchangeAll([a, c]);
    assertSame([a, c]);
    assert.doesNotMatch(a.dump(), /tags: 'a3'/);
  }));

test('nothing is merged over what an application wrote after the cut', () =>
  withServers(shop, async ([a, b, c]) => {
    for (const server of [a, b, c]) await server.capture();
    a.app.exec(`INSERT INTO tags VALUES ('seen', 'red')`);
    await exchangeAll([a, b, c]);
    a.app.exec(fill('a', 0));
    const advance = c.context.origins.advance.bind(c.context.origins);
    c.context.origins.advance = () => {
      throw new Error('cut off');
    };
    await assert.rejects(sendSnapshot(a, c), /cut off/);
    c.context.origins.advance = advance;
    b.app.exec(`UPDATE tags SET colour = 'by b' WHERE tag = 'seen'`);
    await b.capture();
    await new Promise((resolve) => setTimeout(resolve, 20));
    c.app.exec(`UPDATE tags SET colour = 'by c, later' WHERE tag = 'seen'`);
    const { merged, hasGap } = await c.pull(b);
    assert.deepEqual([merged, hasGap], [0, true]);
    assert.match(c.dump(), /by c, later/);
    await sendSnapshot(a, c);
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
    assert.match(b.dump(), /by c, later/);
  }));

/** `to` takes the snapshot up to its last transaction, which fails. */
async function sendSnapshotThatIsCutOff(
  from: MergeServer,
  to: MergeServer,
  options: { readonly choice?: AdoptionChoice } = {},
): Promise<void> {
  const advance = to.context.origins.advance.bind(to.context.origins);
  to.context.origins.advance = () => {
    throw new Error('cut off');
  };
  await assert.rejects(sendSnapshot(from, to, options), /cut off/);
  to.context.origins.advance = advance;
  assert.notEqual(to.context.meta.text('landing'), null);
}

test('a landing that was cut off is finished without its sender, before another peer gives a snapshot', () =>
  withServers(shop, async ([a, b, c]) => {
    for (const server of [a, b, c]) await server.capture();
    a.app.exec(`INSERT INTO tags VALUES ('changed', 'red'), ('gone', 'red'); INSERT INTO parents VALUES (1, 'p')`);
    await exchangeAll([a, b, c]);
    a.app.exec(`DELETE FROM tags WHERE tag = 'gone'; UPDATE tags SET colour = 'by a' WHERE tag = 'changed';
      INSERT INTO tags VALUES ('only a', 'red'); INSERT INTO notes VALUES ('only a', 1); DELETE FROM parents`);
    await sendSnapshotThatIsCutOff(a, c);
    b.app.exec(`INSERT INTO tags VALUES ('only b', 'red')`);
    c.app.exec(`INSERT INTO tags VALUES ('only c', 'red')`);
    await sendSnapshot(b, c);
    const [held, sent] = [c, a].map(({ context }) => context.origins.vector().get(a.context.origins.own())?.stamp);
    assert.equal(held, sent, 'what is shown of a is told of');
    await sendSnapshot(c, b);
    assertSame([b, c]);
    for (const row of [/'only a'/, /'only b'/, /'only c'/, /'changed' \| 'by a'/]) assert.match(b.dump(), row);
    assert.doesNotMatch(b.dump(), /'gone'|'p'/);
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
  }));

test('a landing that was cut off is finished by the next drain, with nobody there', () =>
  withServers(shop, async ([a, , c]) => {
    for (const server of [a, c]) await server.capture();
    a.app.exec(fill('a', 0));
    await sendSnapshotThatIsCutOff(a, c);
    c.app.exec(`INSERT INTO tags VALUES ('meanwhile', 'red'); DELETE FROM tags WHERE tag = 'a3'`);
    await captureEverything(c.context, { settleAfterDrain, settleWaiting, resumeSnapshot });
    assert.equal(c.context.meta.text('landing'), null);
    assert.equal(c.app.prepare('SELECT count(*) FROM _usync_snapshot').get()?.[0], 0n, 'nothing of it is kept');
    await exchangeAll([a, c]);
    assertSame([a, c]);
    assert.match(a.dump(), /'meanwhile'/);
    assert.doesNotMatch(a.dump(), /tags: 'a3'/);
  }));

const marks = `CREATE TABLE marks (id INTEGER PRIMARY KEY, mark TEXT UNIQUE); CREATE TABLE tags (tag TEXT PRIMARY KEY, colour TEXT)`;

test('what is part of a row, or hides behind it, ends with it when an application deletes it after the cut', () =>
  withServers(marks, async ([a, b, c]) => {
    for (const server of [a, b, c]) await server.capture();
    a.app.exec(`INSERT INTO marks VALUES (1, 'one row'); INSERT INTO tags VALUES ('one key', 'of a')`);
    b.app.exec(`INSERT INTO marks VALUES (2, 'one row'); INSERT INTO tags VALUES ('one key', 'of b')`);
    await exchangeAll([a, b]);
    await sendSnapshotThatIsCutOff(a, c);
    c.app.exec(`DELETE FROM marks WHERE mark = 'one row'; DELETE FROM tags WHERE tag = 'one key'`);
    await resumeSnapshot(c.context);
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
    assert.doesNotMatch(a.dump(), /'one row'|'one key'/);
  }));

for (const choice of ['same-rows', 'distinct-rows'] as const)
  test(`a joiner whose first landing was cut off finishes it as it was told to: ${choice}`, () =>
    withServers(shop, async ([a, b, c]) => {
      for (const server of [a, c]) server.app.exec(`INSERT INTO parents VALUES (1, 'of ${server.name}')`);
      await a.capture();
      await c.followSchema();
      await sendSnapshotThatIsCutOff(a, c, { choice });
      await resumeSnapshot(c.context);
      assert.equal(c.context.meta.text('landing'), null);
      await exchangeAll([a, b, c]);
      assertSame([a, b, c]);
      const [count] = a.app.prepare('SELECT count(*) FROM parents').get() ?? [];
      assert.equal(count, choice === 'same-rows' ? 1n : 2n);
    }));

test('a change of a row that the receiver had deleted is told of, though both sides take snapshots', () =>
  withServers(shop, async ([a, , c]) => {
    for (const server of [a, c]) await server.capture();
    a.app.exec(`INSERT INTO tags VALUES ('both', 'red'), ('only', 'red')`);
    await exchangeAll([a, c]);
    a.app.exec(`UPDATE tags SET colour = 'too late' WHERE tag = 'both'`);
    c.app.exec(`DELETE FROM tags`);
    await c.capture();
    await sendSnapshot(a, c);
    await sendSnapshot(c, a);
    assertSame([a, c]);
    const told = c.context.conflicts
      .list(10)
      .map(({ lost }) => [...lost].map(([column, { value }]) => [column, value]));
    assert.deepEqual(told, [[['colour', 'too late']]]);
  }));

async function followSchemaOf(server: MergeServer): Promise<void> {
  await server.followSchema();
}

test('a row that was deleted in the group ends also where an application writes it while the snapshot lands', () =>
  withServers(shop, async ([a, b, c], folder) => {
    for (const server of [a, b, c]) await server.capture();
    a.app.exec(fill('a', 0));
    await exchangeAll([a, b, c]);
    a.app.exec(`DELETE FROM tags WHERE tag IN ('a3', 'a4')`);
    const landing = c.app.prepare(`SELECT value FROM _usync_meta WHERE name = 'landing' AND value IS NOT NULL`);
    const sent = sendSnapshot(a, c, { folder });
    while (!landing.get()) await new Promise((resolve) => setImmediate(resolve));
    c.app.exec(`UPDATE tags SET colour = 'late' WHERE tag = 'a3'`);
    assert.ok(landing.get(), 'it was written while the snapshot was landing');
    await sent;
    assert.doesNotMatch(c.dump(), /tags: 'a[34]'/);
    assert.deepEqual(c.faults(), []);
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
  }));

/** Between the n-th and the next transaction of a landing. Gives false when there were fewer. */
async function migratesWhileLanding(migration: string, after: number): Promise<boolean> {
  let isDone = false;
  await withServers(shop, async ([a, b, c], folder) => {
    for (const server of [a, b, c]) await server.capture();
    a.app.exec(fill('a', 0));
    c.app.exec(fill('c', 5000));
    await b.pull(a);
    await b.pull(c);
    c.app.exec(`INSERT INTO labels VALUES (999, 'not drained', NULL)`);
    const landing = c.app.prepare(`SELECT value FROM _usync_meta WHERE name = 'landing' AND value IS NOT NULL`);
    let pauses = 0;
    const wait = c.context.system.after.bind(c.context.system);
    c.context.system.after = (ms, then) => {
      if (!isDone && landing.get() && ++pauses === after) {
        c.app.exec(migration);
        isDone = true;
      }
      return wait(ms, then);
    };
    await sendSnapshot(b, c, { folder });
    for (const server of [a, b, ...(isDone ? [] : [c])]) server.app.exec(migration);
    await exchangeAll([a, b, c]);
    assertSame([a, b, c]);
  });
  return isDone;
}

for (const [what, migration] of [
  ['drops tables', 'DROP TABLE notes; DROP TABLE tags'],
  ['drops columns', 'ALTER TABLE children DROP COLUMN name; ALTER TABLE tags DROP COLUMN colour'],
  ['adds a column', 'ALTER TABLE tags ADD COLUMN size INTEGER DEFAULT 3'],
  ['renames a table', 'ALTER TABLE tags RENAME TO marks'],
] as const)
  test(`an application that ${what} while a snapshot lands stops nothing`, async () => {
    let after = 1;
    while (await migratesWhileLanding(migration, after)) after += 5;
    assert.ok(after > 10, `${after} slices`);
  });

test('what came by snapshot and loses to a write whose writer had not seen it is told of', () =>
  withServers('CREATE TABLE tags (tag TEXT PRIMARY KEY, colour TEXT)', async ([a, b, c]) => {
    for (const server of [a, b, c]) server.app.exec(`INSERT INTO tags VALUES ('of ${server.name}', 'red')`);
    await exchangeAll([a, b, c]);
    a.app.exec(
      `UPDATE tags SET colour = 'lost' WHERE tag = 'of c'; UPDATE tags SET colour = 'seen' WHERE tag = 'of a'`,
    );
    await sendSnapshot(a, c);
    b.app.exec(`UPDATE tags SET colour = 'stands' WHERE tag = 'of c'`);
    await c.pull(b);
    assert.match(c.dump(), /'of c' \| 'stands'/);
    assert.deepEqual(c.lost('colour'), ["'lost'"]);
    // Whoever had seen a value replaces it without a word.
    await b.pull(a);
    b.app.exec(`UPDATE tags SET colour = 'later' WHERE tag = 'of a'`);
    await c.pull(b);
    assert.match(c.dump(), /'of a' \| 'later'/);
    assert.equal(c.lost('colour').length, 1);
  }));
