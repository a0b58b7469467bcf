/** Rule R5: numbers are given among all rows that want one, so whoever frees a number must look at those that wait. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeAll, openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const notes = 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)';

/** The elder row 1 is a's, the younger is b's; c has both and shows b's at a substitute. b knows nothing of it yet. */
async function withClash(
  work: (servers: { readonly a: MergeServer; readonly b: MergeServer; readonly c: MergeServer }) => Promise<void>,
): Promise<void> {
  using folder = temporaryFolder();
  const open = (letter: string): MergeServer => openMergeServer(folder.path(`${letter}.db`), letter, { schema: notes });
  const [a, b, c] = [open('a'), open('b'), open('c')];
  try {
    for (const server of [a, b, c]) await server.capture();
    a.app.exec(`INSERT INTO notes VALUES (1, 'elder')`);
    await a.capture();
    b.app.exec(`INSERT INTO notes VALUES (1, 'younger')`);
    await c.pull(a);
    await c.pull(b);
    assert.equal(c.dump(), `notes: -${substituteOf(c)} | 'younger'\nnotes: 1 | 'elder'`);
    await work({ a, b, c });
  } finally {
    for (const server of [a, b, c]) server.close();
  }
}

const substituteOf = (server: MergeServer): string =>
  String(server.app.prepare('SELECT -min(id) FROM notes').get()?.[0]);

async function assertSame(servers: readonly MergeServer[]): Promise<void> {
  await exchangeAll(servers);
  for (const server of servers) {
    assert.equal(server.dump(), servers[0]?.dump(), server.name);
    assert.deepEqual(server.faults(), []);
  }
}

test('a number is given back where its holder got another key by a merge', () =>
  withClash(async ({ a, b, c }) => {
    a.app.exec('UPDATE notes SET id = 7 WHERE id = 1');
    await c.pull(a);
    assert.equal(c.dump(), `notes: 1 | 'younger'\nnotes: 7 | 'elder'`);
    await assertSame([a, b, c]);
  }));

test('a number is given back where its holder ended by a merge', () =>
  withClash(async ({ a, b, c }) => {
    a.app.exec('DELETE FROM notes');
    await c.pull(a);
    assert.equal(c.dump(), `notes: 1 | 'younger'`);
    await assertSame([a, b, c]);
  }));

test('a number is given back where the application deleted its holder', () =>
  withClash(async ({ a, b, c }) => {
    c.app.exec('DELETE FROM notes WHERE id = 1');
    await c.capture();
    assert.equal(c.dump(), `notes: 1 | 'younger'`);
    await assertSame([a, b, c]);
  }));

test('a number goes to the row that waited when the application put a still younger one in its place', () =>
  withClash(async ({ a, b, c }) => {
    c.app.exec(`DELETE FROM notes WHERE id = 1; INSERT INTO notes VALUES (1, 'youngest')`);
    await c.capture();
    assert.match(c.dump(), /notes: -\d+ \| 'youngest'\nnotes: 1 \| 'younger'/);
    await assertSame([a, b, c]);
  }));

/** At a the younger row stands at its own number, at c at a substitute. */
async function withTwoPlaces(
  work: (servers: { readonly a: MergeServer; readonly b: MergeServer; readonly c: MergeServer }) => Promise<void>,
): Promise<void> {
  await withClash(async (servers) => {
    const { a, b } = servers;
    a.app.exec('UPDATE notes SET id = 7 WHERE id = 1');
    await a.pull(b);
    assert.equal(a.dump(), `notes: 1 | 'younger'\nnotes: 7 | 'elder'`);
    await work(servers);
  });
}

test('a change of a row that is shown at a substitute finds it where it stands at its own number', () =>
  withTwoPlaces(async ({ a, b, c }) => {
    c.app.exec(`UPDATE notes SET text = 'changed' WHERE text = 'younger'`);
    await a.pull(c);
    assert.equal(a.dump(), `notes: 1 | 'changed'\nnotes: 7 | 'elder'`);
    await assertSame([a, b, c]);
  }));

test('an end of a row that is shown at a substitute finds it where it stands at its own number', () =>
  withTwoPlaces(async ({ a, b, c }) => {
    c.app.exec(`DELETE FROM notes WHERE text = 'younger'`);
    await a.pull(c);
    assert.equal(a.dump(), `notes: 7 | 'elder'`);
    await assertSame([a, b, c]);
  }));
