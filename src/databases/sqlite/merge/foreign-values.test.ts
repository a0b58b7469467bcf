/** Changes that the schema here did not make: of servers with another schema, at the limits of SQLite, and forged ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createChangesetEncoder } from '../../../core/changeset-encoder.js';
import { originIdOf, type Epoch, type ServerId } from '../../../core/origin.js';
import { stampMax, stampOfMs, type Stamp, zeroStamp } from '../../../core/stamp.js';
import { RowReference, type CellValue } from '../../../core/value.js';
import { emptyChain, emptyVector } from '../../../core/version-vector.js';
import { around, exchangeAll, openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import { mergeParts } from './merge.js';

type Work = (a: MergeServer, b: MergeServer) => Promise<void>;

async function withServers(schemas: readonly [string, string], work: Work): Promise<void> {
  using folder = temporaryFolder();
  const a = openMergeServer(folder.path('a.db'), 'a', { schema: schemas[0] });
  const b = openMergeServer(folder.path('b.db'), 'b', { schema: schemas[1] });
  try {
    for (const server of [a, b]) await server.capture();
    await work(a, b);
  } finally {
    for (const server of [a, b]) server.close();
  }
}

async function comeToRest(a: MergeServer, b: MergeServer): Promise<void> {
  await exchangeAll([a, b]);
  assert.deepEqual([...a.faults(), ...b.faults()], []);
}

const values = ({ app }: MergeServer, sql: string): unknown[] =>
  app
    .prepare(sql)
    .all()
    .map(([value]) => value);

const origin = originIdOf('h'.repeat(16) as ServerId, '00000001' as Epoch);

/** A row that an origin of no server inserts with these values. */
async function receiveRow(server: MergeServer, stamp: Stamp, row: Readonly<Record<string, CellValue>>): Promise<void> {
  const header = { origin, stamp, prev: zeroStamp, prevChain: emptyChain, seen: emptyVector, isDuty: false };
  const encoder = createChangesetEncoder(header);
  const finished = encoder.add({
    kind: 'insert',
    table: 'items',
    columns: Object.keys(row),
    count: 1,
    indexes: [0],
    rows: new Map(),
    times: [stamp],
    cellStamps: new Map(),
    values: Object.values(row).map((value) => [value]),
  });
  await mergeParts(server.context, [...finished, ...encoder.finish()], around);
}

const items = 'CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)';
const parents = 'CREATE TABLE parents (id INTEGER PRIMARY KEY)';

test('a reference that the schema here does not know of waits beside its row, and nothing stops for it', () =>
  withServers(
    [
      `${parents}; CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id), name TEXT)`,
      `${parents}; CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER, name TEXT)`,
    ],
    async (a, b) => {
      a.app.exec(`INSERT INTO parents VALUES (5), (6); INSERT INTO children VALUES (1, 5, 'one'), (2, NULL, 'two')`);
      await comeToRest(a, b);
      a.app.exec(`UPDATE children SET parent = 6 WHERE id = 2; UPDATE children SET name = 'changed'`);
      await comeToRest(a, b);
      assert.deepEqual(values(b, 'SELECT name FROM children ORDER BY id'), ['changed', 'changed']);
      b.app.exec(`BEGIN; CREATE TABLE fresh (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id), name TEXT);
        INSERT INTO fresh SELECT * FROM children; DROP TABLE children; ALTER TABLE fresh RENAME TO children; COMMIT`);
      await comeToRest(a, b);
      assert.equal(b.dump(), a.dump(), 'the migration that makes it a reference shows it');
    },
  ));

test('a forged reference in a column that is none is shown as nothing', () =>
  withServers([items, items], async (a, b) => {
    const stamp = stampOfMs(Date.UTC(2026, 0, 1));
    await receiveRow(a, stamp, { id: 2n, name: new RowReference({ origin, stamp, index: 0 }) });
    await comeToRest(a, b);
    assert.equal(b.dump(), 'items: 2 | NULL');
  }));

test('a value that a column of another type holds as another value is no write of the server that holds it so', () =>
  withServers(
    [items.replace('TEXT', 'TEXT, note TEXT'), 'CREATE TABLE items (id INTEGER PRIMARY KEY, name INTEGER, note TEXT)'],
    async (a, b) => {
      b.app.exec(`INSERT INTO items VALUES (1, 7, 'b'), (2, 8, 'b')`);
      await comeToRest(a, b);
      b.app.exec('UPDATE items SET name = 9 WHERE id = 2');
      await comeToRest(a, b);
      const before = a.context.origins.vector();
      a.app.exec(`UPDATE items SET note = 'a' WHERE id = 1`);
      await comeToRest(a, b);
      assert.deepEqual(values(a, 'SELECT name FROM items ORDER BY id'), ['7', '9']);
      assert.deepEqual(values(b, 'SELECT name FROM items ORDER BY id'), [7n, 9n]);
      assert.deepEqual(values(b, 'SELECT note FROM items ORDER BY id'), ['a', 'b']);
      assert.equal(before.size, a.context.origins.vector().size - 1, 'the one write of a is its only one');
      for (const table of a.context.tables.all())
        assert.deepEqual(a.context.tables.digest(table), b.context.tables.digest(table));
    },
  ));

test('an edit above a cell at the end of time wins, and everybody can read it', () =>
  withServers([items, items], async (a, b) => {
    await receiveRow(a, stampMax, { id: 2n, name: 'far' });
    for (const [server, name] of [
      [a, 'over'],
      [b, 'again'],
      [a, 'third'],
    ] as const) {
      await comeToRest(a, b);
      server.app.exec(`UPDATE items SET name = '${name}'`);
      await comeToRest(a, b);
      for (const each of [a, b]) assert.deepEqual(values(each, 'SELECT name FROM items'), [name]);
    }
  }));

test('tables of a thousand columns and more are merged, those beyond what SQLite reads at once are left out', () => {
  const wide = (name: string, width: number): string =>
    `CREATE TABLE ${name} (id INTEGER PRIMARY KEY${Array.from({ length: width - 1 }, (_, i) => `, c${i}`).join('')})`;
  const schema = `${wide('wide', 1200)}; ${wide('widest', 1990)}; ${items}`;
  return withServers([schema, schema], async (a, b) => {
    a.app.exec(`INSERT INTO wide (id, c7) SELECT value, 'x' FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,
      13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33]'); INSERT INTO items VALUES (1, 'kept')`);
    await comeToRest(a, b);
    assert.deepEqual(values(b, 'SELECT count(*) FROM wide'), [33n]);
    assert.deepEqual(values(b, 'SELECT name FROM items'), ['kept']);
    assert.deepEqual(
      b.context.tables.leftOut().map(({ name }) => name),
      ['widest'],
    );
  });
});

test('rows of a bag are merged beside a row with the highest rowid that there is', () =>
  withServers(['CREATE TABLE bag (name TEXT)', 'CREATE TABLE bag (name TEXT)'], async (a, b) => {
    a.app.exec(`INSERT INTO bag (rowid, name) VALUES (9223372036854775807, 'last')`);
    await comeToRest(a, b);
    b.app.exec(`INSERT INTO bag (name) VALUES ('more'), ('and more')`);
    await comeToRest(a, b);
    a.app.exec('VACUUM');
    await comeToRest(a, b);
    assert.equal(a.dump(), `bag: 'and more'\nbag: 'last'\nbag: 'more'`);
    assert.equal(b.dump(), a.dump());
  }));
