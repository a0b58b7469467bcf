import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const schema = 'CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)';
/** More than are drained in one transaction. */
const rows = 3000;

async function openFilled(test: TestContext): Promise<MergeServer> {
  const folder = temporaryFolder();
  const server = openMergeServer(folder.path('a.db'), 'a', { schema });
  test.after(() => {
    server.close();
    folder[Symbol.dispose]();
  });
  await server.capture();
  fill(server, 1);
  return server;
}

const fill = ({ app }: MergeServer, from: number): void =>
  app.exec(`INSERT INTO items WITH RECURSIVE n (id) AS (VALUES (${from}) UNION ALL SELECT id + 1 FROM n LIMIT ${rows})
    SELECT id, 'name ' || id FROM n`);

/** The keys to be compared are listed: the reading is over as soon as anything else can run. */
const hasRead = ({ context: { connection } }: MergeServer): boolean =>
  connection.prepare(`SELECT 1 FROM sqlite_temp_schema WHERE name = '_usync_batch'`).get() !== undefined &&
  connection.prepare('SELECT 1 FROM temp._usync_batch LIMIT 1').get() !== undefined;

describe('a large drain, read before it takes the lock', () => {
  it('counts its rows in the digest where an application holds the lock when it is to be written', async (test) => {
    const server = await openFilled(test);
    server.app.exec(`BEGIN IMMEDIATE; INSERT INTO items VALUES (10000, 'later')`);
    const captured = server.capture();
    await setImmediate();
    server.app.exec('COMMIT');
    await captured;
    await server.capture();
    assert.deepEqual(server.faults(), []);
  });

  it('counts no row twice where a migration comes before it is written', async (test) => {
    const server = await openFilled(test);
    const captured = server.capture();
    while (!hasRead(server)) await Promise.resolve();
    server.app.exec('CREATE TABLE others (id INTEGER PRIMARY KEY)');
    await captured;
    await server.capture();
    assert.deepEqual(server.faults(), []);
  });
});

describe('a large drain of values of every kind', () => {
  const kinds = `CASE id % 11 WHEN 0 THEN NULL WHEN 1 THEN id WHEN 2 THEN id / 7.0 WHEN 3 THEN 'text ' || id WHEN 4 THEN ''
    WHEN 5 THEN CAST(x'ff61' AS TEXT) WHEN 6 THEN 'a' || char(0) || 'b' WHEN 7 THEN char(1) WHEN 8 THEN randomblob(9)
    WHEN 9 THEN -9223372036854775808 + id ELSE x'' END`;

  it('arrives as it was written, also where the kinds change behind the first page', async (test) => {
    using folder = temporaryFolder();
    const wide = `CREATE TABLE parents (id INTEGER PRIMARY KEY, n);
      CREATE TABLE wide (id INTEGER PRIMARY KEY, t TEXT, i INTEGER, b BLOB, late, any_kind, p INTEGER REFERENCES parents (id))`;
    const open = (letter: string): MergeServer =>
      openMergeServer(folder.path(`${letter}.db`), letter, { schema: wide });
    const [a, b] = [open('a'), open('b')];
    test.after(() => {
      for (const server of [a, b]) server.close();
    });
    for (const server of [a, b]) await server.capture();
    a.app.exec(`BEGIN; INSERT INTO parents VALUES (1, 1), (2, 2);
      INSERT INTO wide WITH RECURSIVE n (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n LIMIT ${rows})
        SELECT id, iif(id % 5, 'ü' || id, NULL), iif(id % 3, id * 4503599627370, NULL), zeroblob(id % 4),
          iif(id < 2500, 'text', ${kinds}), ${kinds}, iif(id % 4, id % 3 + 1, NULL) FROM n; COMMIT`);
    await a.capture();
    await b.pull(a);
    assert.equal(b.dump(), a.dump());
    for (const server of [a, b]) assert.deepEqual(server.faults(), []);
  });
});

describe('a large drain that takes parents away', () => {
  const family = `CREATE TABLE parents (id INTEGER PRIMARY KEY, n);
    CREATE TABLE children (id INTEGER PRIMARY KEY, n, mother INTEGER REFERENCES parents (id) ON DELETE CASCADE,
      father INTEGER REFERENCES parents (id) ON DELETE CASCADE)`;
  const manyChildren = `INSERT INTO children WITH RECURSIVE n (id) AS (VALUES (100) UNION ALL SELECT id + 1 FROM n LIMIT ${rows})
    SELECT id, 'many', NULL, NULL FROM n`;

  /** Two servers that have two parents with a child each, and one of both. */
  async function openFamilies(test: TestContext): Promise<[MergeServer, MergeServer]> {
    const folder = temporaryFolder();
    const open = (letter: string): MergeServer =>
      openMergeServer(folder.path(`${letter}.db`), letter, { schema: family });
    const [a, b] = [open('a'), open('b')];
    test.after(() => {
      for (const server of [a, b]) server.close();
      folder[Symbol.dispose]();
    });
    for (const server of [a, b]) await server.capture();
    a.app.exec(`INSERT INTO parents VALUES (1, 'old'), (2, 'old');
      INSERT INTO children VALUES (1, 'old', 1, NULL), (2, 'old', 2, NULL), (3, 'old', 1, 2)`);
    await b.pull(a);
    return [a, b];
  }

  it('gives children that were made anew under the same numbers lives of their own, which end when they are deleted', async (test) => {
    const [a, b] = await openFamilies(test);
    a.app.exec(`BEGIN; DELETE FROM children; DELETE FROM parents; INSERT INTO parents VALUES (1, 'new'), (2, 'new');
      INSERT INTO children VALUES (1, 'new', 1, NULL), (2, 'new', 2, NULL); ${manyChildren}; COMMIT`);
    await b.pull(a);
    assert.equal(b.dump(), a.dump());
    a.app.exec(`UPDATE children SET n = 'newer' WHERE id = 1; DELETE FROM children WHERE id = 2`);
    await b.pull(a);
    assert.equal(b.dump(), a.dump());
    for (const server of [a, b]) assert.deepEqual(server.faults(), []);
  });

  it('keeps what was written in the same drain into children that are left behind', async (test) => {
    const [a, b] = await openFamilies(test);
    a.app.exec(
      `PRAGMA foreign_keys = OFF; BEGIN; UPDATE children SET n = 'new'; DELETE FROM parents; ${manyChildren}; COMMIT`,
    );
    await b.pull(a);
    assert.equal(b.dump(), a.dump());
    for (const server of [a, b]) assert.deepEqual(server.faults(), []);
  });

  it('leaves both numbers of a child bare where both of its parents go', async (test) => {
    const [a, b] = await openFamilies(test);
    for (const server of [a, b]) server.app.exec('PRAGMA foreign_keys = OFF');
    a.app.exec(`BEGIN; DELETE FROM parents; ${manyChildren}; COMMIT`);
    await b.pull(a);
    b.app.exec(`INSERT INTO parents VALUES (1, 'others'), (2, 'others')`);
    await a.pull(b);
    b.app.exec('DELETE FROM parents');
    await a.pull(b);
    assert.equal(a.dump(), b.dump());
    assert.match(a.dump(), /children: 3 \| 'old' \| 1 \| 2/);
    for (const server of [a, b]) assert.deepEqual(server.faults(), []);
  });
});
