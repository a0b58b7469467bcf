// Goal: a server that was away for so long that the others' journals no longer reach back to it loses nothing of its own,
// and nothing of theirs. Over real sessions and real SQLite.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { emptyVector } from '../core/version-vector.js';
import { createForkScene, type ForkScene } from '../databases/sqlite/testing/fork-scene.js';
import {
  assertSame,
  connect,
  disconnect,
  linked,
  untilSame,
  write,
  type Linked,
} from '../../test/engine/linked-servers.js';

const schema = `
  CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price INTEGER);
  CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item (id) ON DELETE CASCADE, name TEXT);`;

const ownChanges = 1_000;

describe('a server that was away for months', () => {
  let scene: ForkScene;
  let home: Linked;
  let other: Linked;
  let away: Linked;
  const opened: Linked[] = [];

  beforeEach(async () => {
    scene = createForkScene(schema);
    for (const letter of ['a', 'b', 'c']) opened.push(linked(await scene.add(letter), letter));
    [home, other, away] = opened as [Linked, Linked, Linked];
    await write(home, `INSERT INTO item VALUES ${rows(1, 60, (id) => `(${id}, 'old ${id}', 1)`)}`);
    connect(home, other);
    connect(home, away);
    await untilSame(opened);
    await disconnect([away]);
  });
  afterEach(async () => {
    await disconnect(opened.splice(0));
    await scene.clear();
  });

  for (const [what, isOwnJournalPruned] of [
    ['its own journal still holds all that it has not sent', false],
    ['its own journal was cut by age as well', true],
  ] as const)
    test(`1,000 changes of its own come through by the stream or by a snapshot: ${what}`, async () => {
      await writeMuchAway();
      await writeAtHome();
      for (const { server } of [home, other]) await forgetJournal(server);
      if (isOwnJournalPruned) await forgetJournal(away.server);
      await assertBehindTheTail();
      connect(away, home);
      await untilSame(opened);
      await assertSame(opened, [
        ...Array.from({ length: 5 }, (_, i) => `away ${200 * i + 150}`),
        'home 5000',
        'home 5099',
        'changed at home',
        'changed away',
      ]);
      const dump = await away.server.dump();
      assert.equal(dump.match(/'away \d+'/g)?.length, ownChanges - 15, 'what was written away');
      assert.equal(dump.match(/'home \d+'/g)?.length, 100, 'what was written at home');
      assert.equal(dump.match(/'of 1\d\d'/g)?.length, 5, 'parts are with their items');
      for (const gone of ['old 1', 'old 2', 'old 3', 'old 11', 'old 12'])
        assert.doesNotMatch(dump, new RegExp(`'${gone}'`), `${gone} was deleted`);
    });

  test('the journal stays bounded while it is away, and the rest go on without it', async () => {
    for (let i = 0; i < 20; i++) await write(home, `INSERT INTO item (name) VALUES ('${'x'.repeat(2_000)}')`);
    await untilSame([home, other]);
    const full = (await home.server.replica.position()).journalBytes;
    await home.server.replica.prune({ covered: emptyVector, ageMaxMs: Infinity, bytesMax: full / 2 });
    const { journalBytes } = await home.server.replica.position();
    assert.ok(journalBytes > 0 && journalBytes <= full / 2, `${journalBytes} of ${full} bytes`);
    await write(home, `INSERT INTO item (name) VALUES ('after pruning')`);
    await untilSame([home, other]);
    connect(away, other);
    await untilSame(opened);
    await assertSame(opened, ['after pruning']);
  });

  /** Each change is a changeset of its own: 985 inserts, 5 updates, 10 deletes. */
  async function writeMuchAway(): Promise<void> {
    for (let i = 0; i < ownChanges - 20; i++) {
      const child = i < 5 ? `; INSERT INTO part VALUES (${i + 1}, ${100 + i}, 'of ${100 + i}')` : '';
      await away.server.write(`INSERT INTO item VALUES (${100 + i}, 'away ${100 + i}', 2)${child}`);
    }
    for (let id = 11; id <= 15; id++) await away.server.write(`DELETE FROM item WHERE id = ${id}`);
    for (let id = 21; id <= 25; id++) await away.server.write(`UPDATE item SET name = 'changed away' WHERE id = ${id}`);
    for (let i = 0; i < 5; i++) await away.server.write(`INSERT INTO item (name) VALUES ('away ${20_000 + i}')`);
    for (let i = 0; i < 5; i++) await away.server.write(`UPDATE item SET price = 3 WHERE id = ${100 + i}`);
  }

  async function writeAtHome(): Promise<void> {
    for (let i = 0; i < 100; i++) await write(home, `INSERT INTO item VALUES (${5_000 + i}, 'home ${5_000 + i}', 5)`);
    await write(home, `DELETE FROM item WHERE id <= 3; UPDATE item SET name = 'changed at home' WHERE id = 31`);
    await untilSame([home, other]);
  }

  async function assertBehindTheTail(): Promise<void> {
    const { vector } = await away.server.replica.position();
    const read = await home.server.replica.readJournal({ vector, after: 0, bytesMax: 1e6 });
    assert.equal(read.needsSnapshot, true);
  }
});

const rows = (from: number, to: number, row: (id: number) => string): string =>
  Array.from({ length: to - from + 1 }, (_, i) => row(from + i)).join(', ');

/** As the bounds of age and size do, whoever lacks what is forgotten. */
async function forgetJournal({ replica }: Linked['server']): Promise<void> {
  await replica.prune({ covered: emptyVector, ageMaxMs: -1, bytesMax: 0 });
  assert.equal((await replica.position()).journalBytes, 0);
}
