// Goal: a row that REPLACE removed through an index, which no trigger sees, is never merged with as if it were there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createForkScene, meet } from '../testing/fork-scene.js';

test('a row that is part of another and was removed unseen ends everywhere, and is not shown without its values', async () => {
  const scene = createForkScene(`CREATE TABLE item (id INTEGER PRIMARY KEY, code TEXT, name TEXT);
    CREATE UNIQUE INDEX item_code ON item (code)`);
  try {
    const a = await scene.add('a');
    const b = await scene.add('b');
    await a.write(`INSERT INTO item VALUES (1, 'x', 'of a')`);
    await b.write(`INSERT INTO item VALUES (2, 'x', 'of b')`);
    await meet(a, b);
    // The two are one row now.
    assert.equal((await a.dump()).split('\n').length, 1);
    await a.write(`REPLACE INTO item VALUES (9, 'x', 'instead')`);
    await meet(a, b);
    assert.equal(await a.dump(), `item: 9 | 'x' | 'instead'`);
    assert.equal(await b.dump(), await a.dump());
    assert.deepEqual((await b.replica.proof()).digest, (await a.replica.proof()).digest);
  } finally {
    await scene.clear();
  }
});

test('a row that was removed unseen while others write it ends everywhere', async () => {
  const scene = createForkScene(`CREATE TABLE item (id INTEGER PRIMARY KEY, code TEXT, name TEXT);
    CREATE UNIQUE INDEX item_code ON item (code)`);
  try {
    const a = await scene.add('a');
    const b = await scene.add('b');
    await a.write(`INSERT INTO item VALUES (1, 'x', 'first'), (2, 'y', 'second')`);
    await meet(a, b);
    await b.write(`UPDATE item SET name = 'of b' WHERE id = 1; INSERT INTO item VALUES (3, 'x2', 'third')`);
    a.app.exec(`UPDATE OR REPLACE item SET code = 'x' WHERE id = 2`);
    await meet(b, a);
    await meet(a, b);
    assert.equal(await a.dump(), `item: 2 | 'x' | 'second'\nitem: 3 | 'x2' | 'third'`);
    assert.equal(await b.dump(), await a.dump());
    assert.deepEqual((await b.replica.proof()).digest, (await a.replica.proof()).digest);
  } finally {
    await scene.clear();
  }
});

test('children of a row that was removed unseen keep its number everywhere, also those written at the same time', async () => {
  const scene = createForkScene(`CREATE TABLE item (id INTEGER PRIMARY KEY, code TEXT);
    CREATE UNIQUE INDEX item_code ON item (code);
    CREATE TABLE line (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item (id) ON DELETE SET NULL, note TEXT)`);
  try {
    const a = await scene.add('a');
    const b = await scene.add('b');
    await a.write(
      `INSERT INTO item VALUES (1, 'x'); INSERT INTO line VALUES (1, 1, 'first'), (2, 1, 'second'), (4, NULL, 'fourth')`,
    );
    await meet(a, b);
    // An application that does not enforce its foreign keys.
    a.app.exec('PRAGMA foreign_keys = OFF');
    await a.write(`REPLACE INTO item VALUES (2, 'x'); UPDATE line SET note = 'edited' WHERE id = 1;
      INSERT INTO line VALUES (3, 1, 'third'); UPDATE line SET item = 1 WHERE id = 4`);
    await meet(a, b);
    assert.equal(
      await a.dump(),
      `item: 2 | 'x'\nline: 1 | 1 | 'edited'\nline: 2 | 1 | 'second'\nline: 3 | 1 | 'third'\nline: 4 | 1 | 'fourth'`,
    );
    assert.equal(await b.dump(), await a.dump());
    assert.deepEqual((await b.replica.proof()).digest, (await a.replica.proof()).digest);
  } finally {
    await scene.clear();
  }
});
