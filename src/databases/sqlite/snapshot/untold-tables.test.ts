/** Snapshots of servers that lost a table: what they do not tell of has not ended. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeAll, openMergeServer, snapshotOf, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import { readProof } from '../stores/proof.js';
import { receiveSnapshot } from './snapshot-writer.js';

const schema = `CREATE TABLE tags (tag TEXT PRIMARY KEY, colour TEXT);
  CREATE TABLE other (id INTEGER PRIMARY KEY)`;

async function withServers(
  work: (servers: readonly [MergeServer, MergeServer, MergeServer]) => Promise<void>,
): Promise<void> {
  using folder = temporaryFolder();
  const [a, b, c] = ['a', 'b', 'c'].map((letter) => openMergeServer(folder.path(`${letter}.db`), letter, { schema }));
  if (!a || !b || !c) throw new Error('three servers');
  try {
    for (const server of [a, b, c]) await server.capture();
    a.app.exec(`INSERT INTO tags VALUES ('stays', 'red'), ('ends', 'red'), ('moves', 'red')`);
    await exchangeAll([a, b, c]);
    await work([a, b, c]);
  } finally {
    for (const server of [a, b, c]) server.close();
  }
}

async function sendSnapshot(from: MergeServer, to: MergeServer): Promise<void> {
  await from.capture();
  const reader = await snapshotOf(from.context);
  const writer = receiveSnapshot(to.context, reader.vector, null);
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
  await reader.close();
  await writer.finish();
}

const tagsOf = (server: MergeServer): string[] =>
  server.app
    .prepare('SELECT tag FROM tags ORDER BY tag')
    .all()
    .map((row) => String(row[0]));

for (const [how, drop] of [
  ['dropped', 'DROP TABLE tags'],
  ['dropped and made again', `DROP TABLE tags; CREATE TABLE tags (tag TEXT PRIMARY KEY, colour TEXT)`],
] as const) {
  test(`what a sender has lost with a table that was ${how} ends nowhere, and a peer tells what did`, () =>
    withServers(async ([a, b, c]) => {
      b.app.exec(`DELETE FROM tags WHERE tag = 'ends'`);
      await exchangeAll([a, b]);
      a.app.exec(drop);
      await a.capture();
      b.app.exec(`INSERT INTO tags VALUES ('later', 'blue'); UPDATE tags SET colour = 'green' WHERE tag = 'moves'`);
      await exchangeAll([a, b]);
      await sendSnapshot(a, c);
      assert.ok(tagsOf(c).includes('stays'), 'a row that the sender lost');
      assert.ok(tagsOf(c).includes('later'), 'a row that it heard of afterwards');
      assert.deepEqual(readProof(c.context).lost, ['tags']);
      await sendSnapshot(b, c);
      assert.deepEqual(tagsOf(c), ['later', 'moves', 'stays']);
      assert.equal(c.dump(), b.dump());
      assert.deepEqual(readProof(c.context).lost, []);
      assert.deepEqual(c.faults(), []);
    }));
}

test('who never had a table tells of it what waits there, and what has ended', () =>
  withServers(async ([a, b, c]) => {
    using folder = temporaryFolder();
    const d = openMergeServer(folder.path('d.db'), 'd', { schema: 'CREATE TABLE other (id INTEGER PRIMARY KEY)' });
    try {
      await sendSnapshot(a, d);
      b.app.exec(`DELETE FROM tags WHERE tag = 'ends'`);
      await exchangeAll([a, b, d]);
      await sendSnapshot(d, c);
      assert.deepEqual(tagsOf(c), ['moves', 'stays']);
      assert.deepEqual(readProof(c.context).lost, []);
    } finally {
      d.close();
    }
  }));

test('a table that its sender never had is not taken for lost', () =>
  withServers(async ([a]) => {
    using folder = temporaryFolder();
    const d = openMergeServer(folder.path('d.db'), 'd', {
      schema: `${schema}; CREATE TABLE mine (id INTEGER PRIMARY KEY)`,
    });
    try {
      d.app.exec('INSERT INTO mine VALUES (1)');
      await d.followSchema();
      await sendSnapshot(a, d);
      assert.deepEqual(tagsOf(d), ['ends', 'moves', 'stays']);
      assert.deepEqual(readProof(d.context).lost, []);
    } finally {
      d.close();
    }
  }));
