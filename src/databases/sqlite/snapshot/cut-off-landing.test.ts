/** Landings of snapshots that are cut off, and applications that write and migrate while one lands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdoptionChoice } from '../../replica.js';
import { exchangeAll, type MergeServer } from '../testing/merge-scene.js';
import { assertSame, fill, sendSnapshot, shop, withServers } from '../testing/snapshot-scene.js';
import { captureEverything } from '../capture/capture-everything.js';
import { settleAfterDrain, settleWaiting } from '../merge/settle-waiting.js';
import { resumeSnapshot } from './land-snapshot.js';

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
