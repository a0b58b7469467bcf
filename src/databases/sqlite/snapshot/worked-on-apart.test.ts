/** Copies of one database that were both written before their servers met: new rows took the same numbers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdoptionChoice, AdoptionPreview, AdoptionTablePreview } from '../../replica.js';
import { exchangeAll, openMergeServer, snapshotOf, type MergeServer } from '../testing/merge-scene.js';
import { adjustByRules } from '../schema/table-rules.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import { resumeSnapshot } from './land-snapshot.js';
import { receiveSnapshot } from './snapshot-writer.js';

const schema = `CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, role TEXT DEFAULT 'user', active INTEGER, email TEXT);
  CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id), total INTEGER);
  INSERT INTO people VALUES (1, 'one', 'admin', 1, 'one@x'), (2, 'two', 'user', 1, 'two@x'), (3, 'three', 'guest', 1, 'three@x'),
    (4, 'four', 'guest', 1, 'four@x');
  INSERT INTO orders VALUES (1, 1, 100), (2, 2, 100)`;

type Servers = readonly [MergeServer, MergeServer];

async function withCopies(work: (servers: Servers) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const servers = ['a', 'b'].map((letter) => openMergeServer(folder.path(`${letter}.db`), letter, { schema }));
  try {
    await work(servers as unknown as Servers);
  } finally {
    for (const server of servers) server.close();
  }
}

async function join([from, to]: Servers, choice: AdoptionChoice): Promise<AdoptionPreview> {
  await from.capture();
  await to.followSchema();
  const reader = await snapshotOf(from.context);
  const writer = receiveSnapshot(to.context, reader.vector, null);
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
  await reader.close();
  const preview = await writer.preview();
  await writer.finish(choice);
  return preview;
}

const countsOf = ({ tables }: AdoptionPreview, name: string): AdoptionTablePreview | undefined =>
  tables.find(({ table }) => table === name);

async function assertSame(servers: Servers): Promise<void> {
  await exchangeAll(servers);
  const [a, b] = servers;
  assert.equal(b.dump(), a.dump());
  for (const server of servers) assert.deepEqual(server.faults(), []);
}

const namesOf = ({ app }: MergeServer): unknown[] =>
  app
    .prepare('SELECT name FROM people ORDER BY name')
    .all()
    .map(([name]) => name);

const insert = (names: readonly string[], role = 'user'): string =>
  `INSERT INTO people VALUES ${names.map((name, i) => `(${5 + i}, '${name}', '${role}', 1, '${name}@x')`).join(', ')};`;

test('rows that both sides added under equal numbers all stand, with what refers to them', () =>
  withCopies(async ([a, b]) => {
    a.app.exec(`${insert(['alice', 'anna', 'ada'])} INSERT INTO orders VALUES (3, 5, 7)`);
    b.app.exec(`${insert(['bob', 'bill', 'ben'], 'guest')} INSERT INTO orders VALUES (3, 5, 9), (4, 2, 11)`);
    const preview = await join([a, b], 'measure');
    assert.deepEqual(countsOf(preview, 'people'), {
      ...{ table: 'people', same: 4, differing: 0, apart: 3, onlyHere: 0, onlyThere: 0 },
    });
    assert.deepEqual(countsOf(preview, 'orders'), {
      ...{ table: 'orders', same: 2, differing: 0, apart: 1, onlyHere: 1, onlyThere: 0 },
    });
    await assertSame([a, b]);
    assert.deepEqual(namesOf(a), ['ada', 'alice', 'anna', 'ben', 'bill', 'bob', 'four', 'one', 'three', 'two']);
    const totals = a.app
      .prepare('SELECT total, name FROM orders o JOIN people p ON p.id = person ORDER BY total')
      .all();
    assert.deepEqual(
      totals.map(([total, name]) => [Number(total), name]),
      [
        [7, 'alice'],
        [9, 'bob'],
        [11, 'two'],
        [100, 'one'],
        [100, 'two'],
      ],
    );
    assert.deepEqual(b.lost(), []);
  }));

test('the newest row of a copy that one side has edited since is the same row', () =>
  withCopies(async ([a, b]) => {
    a.app.exec(insert(['alice', 'anna']));
    b.app.exec(insert(['alice', 'anna']));
    b.app.exec(`UPDATE people SET role = 'admin', active = 0 WHERE id = 6`);
    const preview = await join([a, b], 'measure');
    assert.equal(countsOf(preview, 'people')?.differing, 1);
    await assertSame([a, b]);
    assert.equal(namesOf(b).length, 6);
    assert.equal(b.lost().length, 2);
  }));

test('rows that share as much as they do not are asked about; a person may say either', async () => {
  for (const [choice, count] of [
    ['same-rows', 6],
    ['distinct-rows', 7],
  ] as const)
    await withCopies(async ([a, b]) => {
      a.app.exec(insert(['alice', 'anna']));
      b.app.exec(insert(['alice', 'bob']));
      b.app.exec(`UPDATE people SET email = 'anna@x' WHERE id = 6`);
      await assert.rejects(join([a, b], 'measure'), { code: 'USYNC-1406' });
      const preview = await join([a, b], choice);
      assert.equal(preview.isUnclear, true);
      await assertSame([a, b]);
      assert.equal(namesOf(a).length, count, choice);
    });
});

test('who says that rows are distinct keeps those that both databases had before', () =>
  withCopies(async ([a, b]) => {
    const letters = [1, 2, 3, 4, 5, 6];
    a.app.exec(insert(letters.map((n) => `a${n}`)));
    b.app.exec(insert(letters.map((n) => `b${n}`)));
    await assert.rejects(join([a, b], 'measure'), { code: 'USYNC-1406' });
    await join([a, b], 'distinct-rows');
    await assertSame([a, b]);
    assert.equal(namesOf(a).length, 16);
  }));

test('which rows are others is remembered by a landing that was cut off', () =>
  withCopies(async ([a, b]) => {
    a.app.exec(insert(['alice', 'anna', 'ada']));
    b.app.exec(insert(['bob', 'bill', 'ben'], 'guest'));
    const { origins } = b.context;
    const advance = origins.advance.bind(origins);
    origins.advance = () => {
      throw new Error('cut off');
    };
    await assert.rejects(join([a, b], 'measure'), /cut off/);
    origins.advance = advance;
    await resumeSnapshot(b.context);
    await assertSame([a, b]);
    assert.equal(namesOf(a).length, 10);
  }));

test('lists and texts that name a row which moves aside follow it', async () => {
  using folder = temporaryFolder();
  const tags = `CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE book (title TEXT PRIMARY KEY, tags TEXT, txt TEXT)`;
  const references = [
    { column: 'tags', table: 'tag', list: 'json' as const },
    { column: 'txt', table: 'tag' },
  ];
  const servers = ['a', 'b'].map((letter) =>
    openMergeServer(folder.path(`${letter}.db`), letter, {
      schema: tags,
      adjust: adjustByRules({ book: { references } }),
    }),
  ) as unknown as Servers;
  try {
    for (const { app, name } of servers)
      app.exec(
        `INSERT INTO tag VALUES (1, 'one ${name}'), (2, 'two ${name}'); INSERT INTO book VALUES ('${name}', '[1,2]', '2')`,
      );
    await join(servers, 'distinct-rows');
    await assertSame(servers);
    const [{ app }] = servers;
    const [list, text] = app.prepare(`SELECT tags, txt FROM book WHERE title = 'b'`).get() ?? [];
    const numbers = app
      .prepare(`SELECT id FROM tag WHERE name LIKE '% b' ORDER BY name`)
      .all()
      .map(([id]) => Number(id));
    assert.deepEqual([list, text], [JSON.stringify(numbers), String(numbers[1])]);
  } finally {
    for (const server of servers) server.close();
  }
});

test('a table that is dropped while the snapshot comes is no longer compared', () =>
  withCopies(async ([a, b]) => {
    await a.capture();
    await b.followSchema();
    const reader = await snapshotOf(a.context);
    const writer = receiveSnapshot(b.context, reader.vector, null);
    for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
    await reader.close();
    b.app.exec('DROP TABLE orders');
    const { tables } = await writer.preview();
    assert.deepEqual(
      tables.map(({ table, same }) => [table, same]),
      [['people', 4]],
    );
    await writer.finish('measure');
    assert.deepEqual(b.faults(), []);
  }));
