/** Snapshots between servers on real files: what arrives must be what a stream would have brought. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeAll, snapshotOf, type MergeServer } from '../testing/merge-scene.js';
import { assertSame, fill, sendSnapshot, shop, withServers } from '../testing/snapshot-scene.js';
import { pendingReconciles } from '../capture/pending-reconcile.js';
import { receiveSnapshot } from './snapshot-writer.js';

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
