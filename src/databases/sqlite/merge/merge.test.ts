/** Two or three servers that exchange journals: real files, an application's own connection, the dumps must be equal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawText, type SqlValue } from '../../../core/value.js';
import { exchangeAll, openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

type Work = (servers: readonly [MergeServer, MergeServer, MergeServer]) => Promise<void>;

async function withServers(schema: string, work: Work): Promise<void> {
  using folder = temporaryFolder();
  const open = (letter: string): MergeServer => openMergeServer(folder.path(`${letter}.db`), letter, { schema });
  const servers = [open('a'), open('b'), open('c')] as const;
  try {
    for (const server of servers) await server.capture();
    await work(servers);
  } finally {
    for (const server of servers) server.close();
  }
}

/** All exchange until at rest; then all show the same, and their digests are those of the content. */
async function assertSame(servers: readonly MergeServer[]): Promise<string> {
  await exchangeAll(servers);
  const [first] = servers;
  const dump = first?.dump() ?? '';
  for (const server of servers) {
    assert.equal(server.dump(), dump, `${server.name} shows what ${first?.name} shows`);
    assert.deepEqual(server.faults(), []);
    assert.equal(server.context.notes.hasAfter(server.context.meta.number('cursor') ?? 0), false, 'nothing echoes');
  }
  return dump;
}

const people = 'CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, age, picture BLOB)';
const tags = 'CREATE TABLE tags (tag TEXT PRIMARY KEY, colour TEXT, size INTEGER)';
const family = `CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents(id) ON DELETE CASCADE, name TEXT)`;

test('inserts, updates and deletes arrive with exact values', () =>
  withServers(people, async ([a, b, c]) => {
    const insert = a.app.prepare('INSERT INTO people VALUES (?, ?, ?, ?)');
    const values: SqlValue[] = [
      null,
      1n,
      1,
      9223372036854775807n,
      Infinity,
      5e-324,
      'a\0b',
      '',
      'ü',
      new Uint8Array(0),
    ];
    values.push(new RawText(new Uint8Array([0xff, 0x61])), new Uint8Array([0, 1, 255]));
    values.forEach((value, i) => insert.run(BigInt(i + 1), `row ${i}`, value, null));
    await assertSame([a, b, c]);
    b.app.exec(`UPDATE people SET name = 'changed' WHERE id % 2 = 0; DELETE FROM people WHERE id = 3`);
    c.app.exec('UPDATE people SET age = 2.0 WHERE id = 2');
    const dump = await assertSame([a, b, c]);
    assert.match(dump, /people: 2 \| 'changed' \| 2\.0/);
    assert.doesNotMatch(dump, /people: 3 /);
  }));

test('concurrent edits of different columns both stand; of one column the later one, with the other in the log', () =>
  withServers(people, async ([a, b, c]) => {
    a.app.exec(`INSERT INTO people VALUES (1, 'ann', 30, NULL)`);
    await assertSame([a, b, c]);
    a.app.exec(`UPDATE people SET name = 'anna'`);
    b.app.exec('UPDATE people SET age = 31');
    await assertSame([a, b, c]);
    assert.match(a.dump(), /'anna' \| 31/);
    a.app.exec(`UPDATE people SET name = 'from a'`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    b.app.exec(`UPDATE people SET name = 'from b'`);
    await assertSame([a, b, c]);
    assert.match(a.dump(), /'from b'/);
    for (const server of [a, b, c]) {
      const lost = server.lost();
      assert.deepEqual(lost, [`'from a'`], `${server.name} keeps what lost`);
    }
  }));

test('a delete wins over a concurrent edit, which goes into the log', () =>
  withServers(people, async ([a, b, c]) => {
    a.app.exec(`INSERT INTO people VALUES (1, 'ann', 30, NULL)`);
    await assertSame([a, b, c]);
    a.app.exec('DELETE FROM people');
    b.app.exec(`UPDATE people SET name = 'edited'`);
    assert.equal(await assertSame([a, b, c]), '');
    for (const server of [a, b, c]) {
      assert.ok(server.lost().includes(`name = 'edited'`), server.name);
    }
  }));

test('of two rows with one generated number the elder keeps it and children stay with their own parent', () =>
  withServers(family, async ([a, b, c]) => {
    a.app.exec(`INSERT INTO parents VALUES (57, 'from a'); INSERT INTO children VALUES (1, 57, 'child of a')`);
    await a.capture();
    await new Promise((resolve) => setTimeout(resolve, 5));
    b.app.exec(`INSERT INTO parents VALUES (57, 'from b'); INSERT INTO children VALUES (2, 57, 'child of b')`);
    await assertSame([a, b, c]);
    const pairs = c.app
      .prepare('SELECT c.name, p.name, p.id FROM children c JOIN parents p ON p.id = c.parent_id ORDER BY c.id')
      .all();
    assert.equal(pairs.length, 2);
    assert.deepEqual(pairs[0], ['child of a', 'from a', 57n]);
    assert.deepEqual(pairs[1]?.slice(0, 2), ['child of b', 'from b']);
    b.app.exec(`UPDATE parents SET name = 'b again' WHERE name = 'from b'`);
    c.app.exec(`INSERT INTO children SELECT 3, id, 'second of b' FROM parents WHERE name = 'from b'`);
    await assertSame([a, b, c]);
    assert.equal(
      a.app
        .prepare(`SELECT count(*) FROM children c JOIN parents p ON p.id = parent_id WHERE p.name = 'b again'`)
        .get()?.[0],
      2n,
    );
  }));

test('of two rows with one natural key the younger is shown; when it is deleted both are gone', () =>
  withServers(tags, async ([a, b, c]) => {
    a.app.exec(`INSERT INTO tags VALUES ('x', 'red', 1)`);
    await a.capture();
    await new Promise((resolve) => setTimeout(resolve, 5));
    b.app.exec(`INSERT INTO tags VALUES ('x', 'blue', 2)`);
    assert.equal(await assertSame([a, b, c]), `tags: 'x' | 'blue' | 2`);
    c.app.exec(`DELETE FROM tags`);
    assert.equal(await assertSame([a, b, c]), '');
    a.app.exec(`INSERT INTO tags VALUES ('x', 'green', 3)`);
    assert.equal(await assertSame([a, b, c]), `tags: 'x' | 'green' | 3`);
  }));

const accounts = `CREATE TABLE accounts (id INTEGER PRIMARY KEY, email TEXT UNIQUE, note TEXT)`;

test('rows with one unique value become one, or one is held back, and both servers agree', () =>
  withServers(accounts.replace('email', 'label'), async ([a, b, c]) => {
    a.app.exec(`INSERT INTO accounts VALUES (1, 'x', 'from a')`);
    await a.capture();
    await new Promise((resolve) => setTimeout(resolve, 5));
    b.app.exec(`INSERT INTO accounts VALUES (2, 'x', 'from b')`);
    await assertSame([a, b, c]);
    assert.equal(a.app.prepare('SELECT count(*) FROM accounts').get()?.[0], 1n);
    c.app.exec(`UPDATE accounts SET note = 'after'`);
    await assertSame([a, b, c]);
    assert.equal(a.app.prepare('SELECT note FROM accounts').get()?.[0], 'after');
    b.app.exec('DELETE FROM accounts');
    assert.equal(await assertSame([a, b, c]), '');
  }));

test('a row that is held back for its unique value is shown when the clash ends', () =>
  withServers(accounts, async ([a, b, c]) => {
    a.app.exec(`INSERT INTO accounts VALUES (1, 'x', 'from a')`);
    await a.capture();
    await new Promise((resolve) => setTimeout(resolve, 5));
    b.app.exec(`INSERT INTO accounts VALUES (2, 'x', 'from b')`);
    await assertSame([a, b, c]);
    assert.equal(a.app.prepare('SELECT count(*) FROM accounts').get()?.[0], 1n);
    a.app.exec(`UPDATE accounts SET email = 'y'`);
    await assertSame([a, b, c]);
    assert.equal(a.app.prepare('SELECT count(*) FROM accounts').get()?.[0], 2n);
  }));

test('unique values and keys are exchanged between rows', () =>
  withServers(accounts, async ([a, b, c]) => {
    a.app.exec(`INSERT INTO accounts VALUES (1, 'x', 'one'), (2, 'y', 'two')`);
    await assertSame([a, b, c]);
    a.app.exec(`BEGIN; UPDATE accounts SET email = 'z' WHERE id = 1; UPDATE accounts SET email = 'x' WHERE id = 2;
      UPDATE accounts SET email = 'y' WHERE id = 1; COMMIT`);
    await assertSame([a, b, c]);
    b.app.exec(`BEGIN; UPDATE accounts SET id = 3 WHERE id = 1; UPDATE accounts SET id = 1 WHERE id = 2;
      UPDATE accounts SET id = 2 WHERE id = 3; COMMIT`);
    await assertSame([a, b, c]);
    a.app.exec(`UPDATE accounts SET note = note || '!'`);
    await assertSame([a, b, c]);
    assert.match(c.dump(), /accounts: 1 \| 'x' \| 'two!'\naccounts: 2 \| 'y' \| 'one!'/);
  }));

for (const [action, expected] of [
  ['CASCADE', ''],
  ['SET NULL', `children: 1 | NULL | 'child'`],
  ['RESTRICT', `children: 1 | 1 | 'child'\nparents: 1 | 'parent'`],
] as const) {
  test(`a child that was inserted while its parent was deleted: ${action}`, () =>
    withServers(family.replace('CASCADE', action), async ([a, b, c]) => {
      a.app.exec(`INSERT INTO parents VALUES (1, 'parent')`);
      await assertSame([a, b, c]);
      a.app.exec('DELETE FROM parents');
      b.app.exec(`INSERT INTO children VALUES (1, 1, 'child')`);
      assert.equal(await assertSame([a, b, c]), expected);
    }));
}

test('the application declares that its constraints replace or ignore: rows are merged all the same', () =>
  withServers(
    `CREATE TABLE t (id INTEGER PRIMARY KEY ON CONFLICT IGNORE, u TEXT UNIQUE ON CONFLICT REPLACE)`,
    async ([a, b, c]) => {
      a.app.exec(`INSERT INTO t VALUES (1, 'x')`);
      await a.capture();
      await new Promise((resolve) => setTimeout(resolve, 5));
      b.app.exec(`INSERT INTO t VALUES (1, 'y'), (2, 'x')`);
      await assertSame([a, b, c]);
    },
  ));

test('rows that were written before a column was added show its default, and count with it', () =>
  withServers(people, async ([a, b, c]) => {
    const column = `ALTER TABLE people ADD COLUMN rank INTEGER DEFAULT '7'`;
    a.app.exec(column);
    b.app.exec(`INSERT INTO people VALUES (1, 'ann', 30, NULL), (2, 'bob', 31, NULL)`);
    a.app.exec(`INSERT INTO people (id, name, rank) VALUES (1, 'first', 8)`);
    await exchangeAll([a, b, c]);
    for (const server of [a, b, c]) assert.deepEqual(server.faults(), []);
    b.app.exec(column);
    c.app.exec(column);
    assert.match(await assertSame([a, b, c]), /'ann' \| 30 \| NULL \| 7/);
    const digest = ({ context: { tables } }: MergeServer): unknown => tables.all().map((each) => tables.digest(each));
    assert.deepEqual(digest(b), digest(a));
    assert.deepEqual(digest(c), digest(a));
  }));

test('what was written just before a column came is captured before what waited for the column is shown', () =>
  withServers(people, async ([a, b, c]) => {
    const column = 'ALTER TABLE people ADD COLUMN rank';
    a.app.exec(`INSERT INTO people VALUES (1, 'ann', 30, NULL), (2, 'bob', 31, NULL); ${column}`);
    a.app.exec('UPDATE people SET rank = id');
    await exchangeAll([a, b, c]);
    b.app.exec(`UPDATE people SET name = 'anna' WHERE id = 1; DELETE FROM people WHERE id = 2; ${column}`);
    c.app.exec(column);
    const dump = await assertSame([a, b, c]);
    assert.match(dump, /'anna' \| 30 \| NULL \| 1/);
    assert.doesNotMatch(dump, /bob/);
  }));

test('a change that one schema refuses stays out there alone, and the digests go on speaking of all servers', async () => {
  using folder = temporaryFolder();
  const open = (letter: string, check: string): MergeServer =>
    openMergeServer(folder.path(`${letter}.db`), letter, {
      schema: `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT ${check}, w TEXT)`,
    });
  const servers = [open('a', ''), open('b', `CHECK (v <> 'bad')`)] as const;
  const [a, b] = servers;
  const digests = () => servers.map(({ context }) => context.tables.all().map((table) => context.tables.digest(table)));
  const assertProven = async (shown: readonly [string, string]): Promise<void> => {
    await exchangeAll(servers);
    assert.deepEqual([a.dump(), b.dump()], shown);
    assert.deepEqual(digests()[0], digests()[1]);
    for (const server of servers) assert.deepEqual(server.faults(), []);
  };
  try {
    a.app.exec(`INSERT INTO t VALUES (1, 'good', 'x')`);
    await exchangeAll(servers);
    a.app.exec(`UPDATE t SET v = 'bad'`);
    await assertProven([`t: 1 | 'bad' | 'x'`, `t: 1 | 'good' | 'x'`]);
    b.app.exec(`UPDATE t SET w = 'y'`);
    await assertProven([`t: 1 | 'bad' | 'y'`, `t: 1 | 'good' | 'y'`]);
    a.app.exec(`UPDATE t SET w = 'z'`);
    await assertProven([`t: 1 | 'bad' | 'z'`, `t: 1 | 'good' | 'z'`]);
    b.app.exec(`UPDATE t SET v = 'better'`);
    await assertProven([`t: 1 | 'better' | 'z'`, `t: 1 | 'better' | 'z'`]);
  } finally {
    for (const server of servers) server.close();
  }
});

test('a value that waits for its column is not older than a whole row that was written without it', () =>
  withServers('CREATE TABLE lines (v TEXT); CREATE TABLE parts (k TEXT PRIMARY KEY, v TEXT)', async ([a, b]) => {
    await exchangeAll([a, b]);
    a.app.exec(`ALTER TABLE lines ADD COLUMN w TEXT; ALTER TABLE parts ADD COLUMN w TEXT;
      INSERT INTO lines VALUES ('one', 'more'); INSERT INTO parts VALUES ('one', 'v', 'more')`);
    await exchangeAll([a, b]);
    b.app.exec(`UPDATE lines SET v = 'two'; UPDATE parts SET k = 'two', v = 'u'`);
    await exchangeAll([a, b]);
    b.app.exec('ALTER TABLE lines ADD COLUMN w TEXT; ALTER TABLE parts ADD COLUMN w TEXT');
    await exchangeAll([a, b]);
    assert.equal(b.dump(), `lines: 'two' | 'more'\nparts: 'two' | 'u' | 'more'`);
    assert.equal(a.dump(), b.dump());
  }));

test('rows of tables without a key are kept apart, doubles included', () =>
  withServers('CREATE TABLE notes (text TEXT, n INTEGER)', async ([a, b, c]) => {
    a.app.exec(`INSERT INTO notes VALUES ('x', 1), ('x', 1), ('y', 2)`);
    b.app.exec(`INSERT INTO notes VALUES ('x', 1)`);
    await assertSame([a, b, c]);
    assert.equal(c.app.prepare('SELECT count(*) FROM notes').get()?.[0], 4n);
    c.app.exec(`UPDATE notes SET n = 5 WHERE rowid = 1; DELETE FROM notes WHERE rowid = 2`);
    await assertSame([a, b, c]);
    assert.equal(a.app.prepare('SELECT count(*) FROM notes').get()?.[0], 3n);
  }));

test('what a trigger of the application wrote is there once; an index that triggers keep is kept', () =>
  withServers(
    `CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, changed INTEGER DEFAULT 0);
     CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT);
     CREATE VIRTUAL TABLE search USING fts5(name);
     CREATE TRIGGER items_log AFTER INSERT ON items BEGIN INSERT INTO "log" (what) VALUES ('insert ' || NEW.name); END;
     CREATE TRIGGER items_changed AFTER UPDATE OF name ON items BEGIN UPDATE items SET changed = changed + 1 WHERE id = NEW.id; END;
     CREATE TRIGGER items_search AFTER INSERT ON items BEGIN INSERT INTO search (rowid, name) VALUES (NEW.id, NEW.name); END`,
    async ([a, b, c]) => {
      a.app.exec(`INSERT INTO items (id, name) VALUES (1, 'hammer'), (2, 'nail')`);
      await assertSame([a, b, c]);
      b.app.exec(`UPDATE items SET name = 'big hammer' WHERE id = 1`);
      await assertSame([a, b, c]);
      assert.equal(c.app.prepare('SELECT count(*) FROM log').get()?.[0], 2n);
      assert.deepEqual(c.app.prepare('SELECT name, changed FROM items WHERE id = 1').get(), ['big hammer', 1n]);
      assert.equal(c.app.prepare(`SELECT count(*) FROM search WHERE search MATCH 'nail'`).get()?.[0], 1n);
      c.app.exec(`INSERT INTO items (id, name) VALUES (3, 'saw')`);
      assert.equal(c.app.prepare('SELECT count(*) FROM log').get()?.[0], 3n, 'the triggers are back');
      await assertSame([a, b, c]);
    },
  ));
