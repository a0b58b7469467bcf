// Goal: servers that write at once take different numbers where SQLite hands them out by a counter. Real files.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { exchangeAll, openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import { takeNumberLane } from './number-lanes.js';
import { inTransaction } from './store-transaction.js';

const schema = 'CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT)';

async function withTwo(work: (a: MergeServer, b: MergeServer) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const servers = ['a', 'b'].map((name) => openMergeServer(join(folder.root, `${name}.db`), name, { schema }));
  const [a, b] = servers as [MergeServer, MergeServer];
  try {
    await exchangeAll(servers);
    servers.forEach(({ context }, lane) =>
      inTransaction(context, () => takeNumberLane(context, { lane, lanes: servers.length })),
    );
    await work(a, b);
  } finally {
    for (const server of servers) server.close();
  }
}

const insert = ({ app, name }: MergeServer, count: number): void => {
  for (let i = 0; i < count; i++) app.exec(`INSERT INTO notes (text) VALUES ('${name}')`);
};
const idsOf = ({ app }: MergeServer, name: string): bigint[] =>
  app.prepare(`SELECT id FROM notes WHERE text = '${name}' ORDER BY id`).all().flat() as bigint[];

test('rows that are inserted at once get different numbers, none has to give way', () =>
  withTwo(async (a, b) => {
    for (let round = 0; round < 5; round++) {
      insert(a, 7);
      insert(b, 5);
      const taken = [...idsOf(a, 'a'), ...idsOf(b, 'b')];
      assert.equal(new Set(taken).size, taken.length);
      await exchangeAll([a, b]);
      for (const server of [a, b]) assert.deepEqual([...idsOf(server, 'a'), ...idsOf(server, 'b')], taken);
    }
    assert.ok((idsOf(a, 'b').at(-1) ?? 0n) < 5n * 4n * 64n, 'numbers stay small');
  }));

test('what overflows a block is settled as any clash', () =>
  withTwo(async (a, b) => {
    insert(b, 1);
    insert(a, 200);
    await exchangeAll([a, b]);
    assert.equal(a.dump(), b.dump());
    assert.equal(idsOf(b, 'a').length + idsOf(b, 'b').length, 201);
    assert.deepEqual([...a.faults(), ...b.faults()], []);
  }));

test('without a lane the counter is left alone', () =>
  withTwo(async (a, b) => {
    inTransaction(b.context, () => takeNumberLane(b.context, null));
    insert(b, 64);
    await exchangeAll([a, b]);
    insert(b, 1);
    assert.equal(idsOf(b, 'b').at(-1), 129n, "it goes on in the next block, which is the other one's");
  }));
