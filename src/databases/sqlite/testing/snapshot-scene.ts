/** Three servers on real files and a shop's tables, for tests of snapshots. */
import assert from 'node:assert/strict';
import type { AdoptionChoice, MergeOutcome } from '../../replica.js';
import { receiveSnapshot } from '../snapshot/snapshot-writer.js';
import { openMergeServer, snapshotOf, type MergeServer } from './merge-scene.js';
import { temporaryFolder } from './temporary-folder.js';

export const shop = `CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents(id) ON DELETE CASCADE,
    before INTEGER REFERENCES children(id) ON DELETE SET NULL, name TEXT);
  CREATE TABLE tags (tag TEXT PRIMARY KEY, colour TEXT);
  CREATE TABLE labels (id INTEGER PRIMARY KEY, label TEXT UNIQUE, email TEXT UNIQUE);
  CREATE TABLE notes (text TEXT, n INTEGER)`;

const letters = ['a', 'b', 'c'] as const;

export async function withServers(
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

export async function sendSnapshot(
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

export function assertSame(servers: readonly MergeServer[]): void {
  const [first] = servers;
  for (const server of servers) {
    assert.equal(server.dump(), first?.dump(), `${server.name} shows what ${first?.name} shows`);
    assert.deepEqual(server.faults(), []);
  }
}

export const fill = (letter: string, offset: number): string =>
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
