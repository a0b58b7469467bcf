// Goal: a row that an application inserts while its server joins is a new row, never taken for one of the group's or of
// another joiner's that has the same number. Method: two joiners take one snapshot; both insert the same next number
// before, during and after the landing, and are only then captured.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { Epoch, ServerId } from '../../../core/origin.js';
import { isEqualVector } from '../../../core/version-vector.js';
import { createRealSystem } from '../../../system/real-system.js';
import type { Replica } from '../../replica.js';
import { openConnection, type Connection } from '../connection/driver.js';
import { createSqliteReplica } from '../sqlite-replica.js';

interface Place {
  readonly replica: Replica;
  readonly application: Connection;
}

let folder: string;
let places: Place[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'usync-newcomers-'));
  places = [];
  for (const name of ['a', 'b', 'c']) {
    const path = join(folder, `${name}.db`);
    const application = openConnection(path, { busyTimeoutMs: 5000 });
    application.exec(`PRAGMA journal_mode = WAL; CREATE TABLE items (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO items SELECT i, 'old ' || i FROM n`);
    const system = createRealSystem();
    const identity = {
      server: name.repeat(16) as ServerId,
      serverName: name,
      freshEpoch: () => Buffer.from(system.randomBytes(4)).toString('hex') as Epoch,
    };
    const replica = createSqliteReplica({ path, dataset: 'shop', identity, system, observe: () => undefined });
    await replica.open();
    places.push({ replica, application });
  }
});

afterEach(async () => {
  for (const { replica, application } of places) {
    await replica.close();
    application.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

const insert = ({ application }: Place, name: string): void =>
  application.exec(`INSERT INTO items (name) VALUES ('${name}')`);
const names = ({ application }: Place): string[] =>
  application
    .prepare('SELECT name FROM items ORDER BY name')
    .all()
    .map(([name]) => String(name));

test('rows that are changed while a large table is adopted in slices are captured', async () => {
  const [a, b] = places as [Place, Place, Place];
  a.application.exec(
    "WITH RECURSIVE n (i) AS (SELECT 51 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO items SELECT i, 'old ' || i FROM n",
  );
  const adopting = a.replica.drain();
  for (let i = 0; i < 60; i++) {
    a.application.exec(
      `UPDATE items SET name = 'changed ${i}' WHERE id = ${1 + (i % 20)}; UPDATE items SET name = 'far ${i}' WHERE id = ${19_990 + (i % 10)}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await adopting;
  b.application.exec('DELETE FROM items');
  for (let round = 0; round < 3; round++) await stream(a, b);
  assert.deepEqual(names(b), names(a));
});

test('rows that take the same number while two servers join all stand', async () => {
  const [a, b, c] = places as [Place, Place, Place];
  await a.replica.drain();
  insert(a, 'new at a');
  await a.replica.drain();
  for (const [place, label] of [
    [b, 'b'],
    [c, 'c'],
  ] as const) {
    insert(place, `early at ${label}`);
    await takeSnapshot(a, place);
    insert(place, `late at ${label}`);
  }
  for (let round = 0; round < 4; round++)
    for (const from of places) for (const to of places) if (from !== to) await stream(from, to);
  const expected = ['new at a', 'early at b', 'late at b', 'early at c', 'late at c'];
  for (const place of places) {
    assert.deepEqual(names(place), names(a));
    assert.deepEqual(
      expected.filter((name) => !names(place).includes(name)),
      [],
    );
    assert.equal(names(place).length, 55);
    const [mine, theirs] = [await place.replica.position(), await a.replica.position()];
    assert.ok(isEqualVector(mine.vector, theirs.vector));
  }
});

async function takeSnapshot(from: Place, to: Place): Promise<void> {
  const reader = await from.replica.openSnapshot();
  const writer = await to.replica.receiveSnapshot(reader.vector);
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
  await reader.close();
  await writer.finish('same-rows');
}

async function stream(from: Place, to: Place): Promise<void> {
  await from.replica.drain();
  await to.replica.drain();
  const { vector } = await to.replica.position();
  const { parts } = await from.replica.readJournal({ vector, after: 0, bytesMax: 1e7 });
  await to.replica.merge(parts);
}
