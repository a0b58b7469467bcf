/** A row that the schema of one server refuses is shown by the group: what refers to it follows it there as well. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeAll, openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const schemaWith = (check: string): string =>
  `CREATE TABLE parents (code TEXT PRIMARY KEY, email TEXT UNIQUE, n INTEGER ${check});
   CREATE TABLE children (id INTEGER PRIMARY KEY, parent TEXT REFERENCES parents(code), note TEXT)`;

async function withServers(work: (servers: readonly [MergeServer, MergeServer, MergeServer]) => Promise<void>) {
  using folder = temporaryFolder();
  const [a, b, c] = ['a', 'b', 'c'].map((letter) =>
    openMergeServer(folder.path(`${letter}.db`), letter, { schema: schemaWith(letter === 'c' ? 'CHECK (n < 5)' : '') }),
  );
  if (!a || !b || !c) throw new Error('three servers');
  try {
    await exchangeAll([a, b, c]);
    await work([a, b, c]);
  } finally {
    for (const server of [a, b, c]) server.close();
  }
}

const childrenOf = ({ app }: MergeServer): string[] =>
  app
    .prepare('SELECT note FROM children ORDER BY note')
    .all()
    .map(([note]) => String(note));

function assertEqualDigests(servers: readonly MergeServer[]): void {
  const [first, ...others] = servers.map(({ context }) =>
    context.tables.all().map((table) => [table.name, context.tables.digest(table)]),
  );
  for (const other of others) assert.deepEqual(other, first);
}

test('children of a refused row hide where that hides behind another one', () =>
  withServers(async ([a, b, c]) => {
    b.app.exec(`INSERT INTO parents VALUES ('elder', 'same@x', 1)`);
    await b.capture();
    a.app.exec(
      `INSERT INTO parents VALUES ('refused', 'same@x', 9); INSERT INTO children VALUES (1, 'refused', 'of it')`,
    );
    await c.pull(a);
    assert.deepEqual(childrenOf(c), ['of it']);
    await exchangeAll([a, b, c]);
    for (const server of [a, b, c]) assert.deepEqual(childrenOf(server), [], server.name);
    assertEqualDigests([a, b, c]);
  }));

test('a whole comparison takes children of a refused row for no application that enforces nothing', () =>
  withServers(async ([a, b, c]) => {
    b.app.exec(`INSERT INTO parents VALUES ('elder', 'same@x', 1)`);
    await b.capture();
    a.app.exec(
      `INSERT INTO parents VALUES ('refused', 'same@x', 9); INSERT INTO children VALUES (1, 'refused', 'of it')`,
    );
    await c.pull(a);
    c.app.exec(
      `CREATE TABLE anew (id INTEGER PRIMARY KEY, parent TEXT REFERENCES parents(code), note TEXT);
       INSERT INTO anew SELECT * FROM children; DROP TABLE children; ALTER TABLE anew RENAME TO children`,
    );
    await c.capture();
    await exchangeAll([a, b, c]);
    for (const server of [a, b, c]) assert.deepEqual(childrenOf(server), [], server.name);
    assertEqualDigests([a, b, c]);
  }));
