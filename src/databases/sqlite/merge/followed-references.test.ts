/** References follow the row that they mean, whatever number it gets and whichever row it becomes part of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeAll, openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

interface Servers {
  readonly a: MergeServer;
  readonly b: MergeServer;
  readonly c: MergeServer;
}

async function withServers(schema: string, work: (servers: Servers) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const open = (letter: string): MergeServer => openMergeServer(folder.path(`${letter}.db`), letter, { schema });
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
