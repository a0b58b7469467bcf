/** References follow the row that they mean, whatever number it gets and whichever row it becomes part of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adjustByRules, type TableRules } from '../schema/table-rules.js';
import { exchangeAll, openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

interface Servers {
  readonly a: MergeServer;
  readonly b: MergeServer;
  readonly c: MergeServer;
}

async function withServers(
  schema: string,
  work: (servers: Servers) => Promise<void>,
  rules: Readonly<Record<string, TableRules>> = {},
): Promise<void> {
  using folder = temporaryFolder();
  const adjust = adjustByRules(rules);
  const open = (letter: string): MergeServer =>
    openMergeServer(folder.path(`${letter}.db`), letter, { schema, adjust });
  const servers = { a: open('a'), b: open('b'), c: open('c') };
  const all = Object.values(servers);
  try {
    for (const server of all) {
      server.app.exec('PRAGMA foreign_keys = OFF');
      await server.capture();
    }
    await work(servers);
    await exchangeAll(all);
    for (const server of all) {
      assert.equal(server.dump(), servers.a.dump(), server.name);
      assert.deepEqual(server.faults(), []);
    }
  } finally {
    for (const server of all) server.close();
  }
}

test('a row that references one of its own changeset follows it when its number is taken by a younger row', () =>
  withServers(
    'CREATE TABLE tree (id INTEGER PRIMARY KEY, up INTEGER REFERENCES tree(id), name TEXT)',
    async ({ a, c }) => {
      c.app.exec(`BEGIN; INSERT INTO tree VALUES (3, 5, 'leaf'); INSERT INTO tree VALUES (5, NULL, 'root'); COMMIT`);
      await c.capture();
      a.app.exec(`INSERT INTO tree VALUES (5, NULL, 'younger')`);
      await a.pull(c);
      assert.match(a.dump(), /tree: -\d+ \| NULL \| 'younger'\ntree: 3 \| 5 \| 'leaf'\ntree: 5 \| NULL \| 'root'/);
    },
  ));

test('a child shows the elder row when the visible row that it references becomes part of it', () =>
  withServers(
    `CREATE TABLE labels (id INTEGER PRIMARY KEY, label TEXT UNIQUE);
     CREATE TABLE things (id INTEGER PRIMARY KEY, label_id INTEGER REFERENCES labels(id))`,
    async ({ a, b, c }) => {
      b.app.exec(`INSERT INTO labels VALUES (6, 'red')`);
      await b.capture();
      c.app.exec(`INSERT INTO labels VALUES (2, 'red'); INSERT INTO things VALUES (1, 2)`);
      await a.pull(c);
      await c.pull(b);
      b.app.exec(`UPDATE labels SET label = 'blue'`);
      await a.pull(b);
      assert.equal(a.dump(), `labels: 2 | 'red'\nlabels: 6 | 'blue'\nthings: 1 | 2`);
      await a.pull(c);
      assert.equal(a.dump(), `labels: 6 | 'blue'\nthings: 1 | 6`);
    },
  ));

const toLabels = { column: 'label', table: 'labels' };
const kindsOfReference: readonly { what: string; type: string; rules?: TableRules; gone: string; text?: string }[] = [
  { what: 'with SET NULL', type: 'INTEGER REFERENCES labels(id) ON DELETE SET NULL', gone: `\nthings: 1 | NULL` },
  { what: 'with CASCADE', type: 'INTEGER REFERENCES labels(id) ON DELETE CASCADE', gone: '' },
  { what: 'that was declared', type: 'INTEGER', rules: { references: [toLabels] }, gone: `\nthings: 1 | NULL` },
  { what: 'that cannot be NULL', type: 'INTEGER NOT NULL', rules: { references: [toLabels] }, gone: '' },
  {
    what: 'in a list',
    type: 'TEXT',
    rules: { references: [{ ...toLabels, list: 'json' }] },
    gone: `\nthings: 1 | '[2]'`,
    text: '[#]',
  },
];

for (const { what, type, rules, gone, text = '#' } of kindsOfReference)
  test(`a reference ${what} to a deleted row shows the elder one of which that had become part elsewhere`, () =>
    withServers(
      `CREATE TABLE labels (id INTEGER PRIMARY KEY, label TEXT UNIQUE);
       CREATE TABLE things (id INTEGER PRIMARY KEY, label ${type})`,
      async ({ a, b, c }) => {
        const valueOf = (number: number): string =>
          text === '#' ? `${number}` : `'${text.replace('#', `${number}`)}'`;
        b.app.exec(`INSERT INTO labels VALUES (6, 'red')`);
        await b.capture();
        await new Promise((resolve) => setTimeout(resolve, 4));
        c.app.exec(`INSERT INTO labels VALUES (2, 'red'), (3, 'blue')`);
        await a.pull(c);
        c.app.exec(`INSERT INTO things VALUES (1, ${valueOf(2)})`);
        a.app.exec('DELETE FROM labels WHERE id = 2');
        await a.pull(c);
        assert.equal(a.dump(), `labels: 3 | 'blue'${gone}`);
        await c.pull(b);
        await a.pull(c);
        for (const server of [a, c])
          assert.equal(server.dump(), `labels: 3 | 'blue'\nlabels: 6 | 'red'\nthings: 1 | ${valueOf(6)}`, server.name);
      },
      rules ? { things: rules } : {},
    ));

test('children go to the row that takes the number of their parent by REPLACE', () =>
  withServers(
    `CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
     CREATE TABLE children (k TEXT PRIMARY KEY, parent INTEGER REFERENCES parents(id))`,
    async ({ a, b, c }) => {
      b.app.exec(`INSERT INTO parents VALUES (14, 'first'), (37, 'second'); INSERT INTO children VALUES ('child', 14)`);
      await exchangeAll([a, b, c]);
      a.app.exec('UPDATE OR REPLACE parents SET id = 14 WHERE id = 37');
      await exchangeAll([a, b, c]);
      for (const server of [a, b, c]) assert.equal(server.dump(), `children: 'child' | 14\nparents: 14 | 'second'`);
    },
  ));

test('a number that dangled, was a reference for a while and dangles again stays a number', () =>
  withServers(
    `CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
     CREATE TABLE children (k TEXT PRIMARY KEY, parent INTEGER REFERENCES parents(id) ON DELETE SET NULL)`,
    async ({ a, b }) => {
      b.app.exec(`INSERT INTO children VALUES ('child', 2)`);
      await a.pull(b);
      a.app.exec(`INSERT INTO parents VALUES (2, 'first')`);
      await a.capture();
      a.app.exec(`BEGIN; DELETE FROM parents; INSERT INTO parents VALUES (2, 'second'); COMMIT`);
      await a.capture();
      a.app.exec('DELETE FROM parents');
      await b.pull(a);
      assert.equal(b.dump(), `children: 'child' | 2`);
    },
  ));

test('of rows that become one, each value that is not shown is in the conflict log', () =>
  withServers('CREATE TABLE labels (id INTEGER PRIMARY KEY, label TEXT UNIQUE, note TEXT)', async ({ a, b }) => {
    a.app.exec(`INSERT INTO labels VALUES (1, 'red', 'the elder')`);
    await a.capture();
    b.app.exec(`INSERT INTO labels VALUES (2, 'red', 'the younger')`);
    await b.pull(a);
    await a.pull(b);
    assert.equal(a.dump(), `labels: 1 | 'red' | 'the younger'`);
    const lost = [a, b].map((server) => server.lost('note'));
    assert.deepEqual(lost, [[`'the elder'`], [`'the elder'`]]);
  }));

test('a row that ends with the one it hides behind is in the conflict log', () =>
  withServers('CREATE TABLE labels (id INTEGER PRIMARY KEY, label TEXT UNIQUE, note TEXT)', async ({ a, b, c }) => {
    a.app.exec(`INSERT INTO labels VALUES (1, 'red', 'the elder')`);
    await a.capture();
    b.app.exec(`INSERT INTO labels VALUES (2, 'red', 'the younger')`);
    await c.pull(a);
    await c.pull(b);
    assert.equal(c.dump(), `labels: 1 | 'red' | 'the elder'`);
    c.app.exec('DELETE FROM labels');
    await c.capture();
    assert.deepEqual(c.lost(), [`id = 2, label = 'red', note = 'the younger'`]);
  }));

test('a list shows the number that it was written with when its row, shown at another one, ends elsewhere', () =>
  withServers(
    `CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT);
     CREATE TABLE book (id INTEGER PRIMARY KEY, authors TEXT)`,
    async ({ a, b, c }) => {
      a.app.exec(`INSERT INTO author VALUES (1, 'elder')`);
      await a.capture();
      await new Promise((resolve) => setTimeout(resolve, 4));
      b.app.exec(`INSERT INTO author VALUES (1, 'younger'); INSERT INTO book VALUES (1, '[1]')`);
      await a.pull(b);
      await c.pull(a);
      assert.match(c.dump(), /book: 1 \| '\[-\d+\]'/);
      c.app.exec(`DELETE FROM author WHERE name = 'younger'`);
      await a.pull(c);
      assert.equal(a.dump(), `author: 1 | 'elder'\nbook: 1 | '[1]'`);
      assert.equal(c.dump(), a.dump());
    },
    { book: { references: [{ column: 'authors', table: 'author', list: 'json' }] } },
  ));

test('a child keeps the number of a parent that was moved and then deleted in one capture', () =>
  withServers(
    `CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
     CREATE TABLE children (k TEXT PRIMARY KEY, parent INTEGER)`,
    async ({ a, b, c }) => {
      a.app.exec(`INSERT INTO parents VALUES (3, 'only'); INSERT INTO children VALUES ('child', 3)`);
      await exchangeAll([a, b, c]);
      a.app.exec('UPDATE parents SET id = 28 WHERE id = 3; DELETE FROM parents WHERE id = 28');
      await exchangeAll([a, b, c]);
      for (const server of [a, b, c]) assert.equal(server.dump(), `children: 'child' | 3`);
    },
    { children: { references: [{ column: 'parent', table: 'parents' }] } },
  ));

test('children follow their parent, whose number is taken, in a table that references itself', () =>
  withServers(
    `CREATE TABLE parents (id INTEGER PRIMARY KEY, up INTEGER REFERENCES parents(id), name TEXT);
     CREATE TABLE children (k TEXT PRIMARY KEY, parent INTEGER REFERENCES parents(id))`,
    async ({ a, b }) => {
      b.app.exec(
        `BEGIN; INSERT INTO parents VALUES (1, NULL, 'elder'); INSERT INTO children VALUES ('x', 1), ('y', 1); COMMIT`,
      );
      await b.capture();
      await new Promise((resolve) => setTimeout(resolve, 4));
      a.app.exec(`INSERT INTO parents VALUES (1, NULL, 'younger')`);
      await a.pull(b);
      const names = a.app.prepare('SELECT name FROM children JOIN parents ON parents.id = parent').all();
      assert.deepEqual(names.flat(), ['elder', 'elder']);
    },
  ));
