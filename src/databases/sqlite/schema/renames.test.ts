// Goal: what a server writes after it renamed a table means the same rows where the table has its old name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createForkScene, meet } from '../testing/fork-scene.js';

test('a changeset that ends a row which waits under the new name and changes one of the old name does both', async () => {
  const scene = createForkScene('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)');
  try {
    const a = await scene.add('a');
    const b = await scene.add('b');
    await a.write(`INSERT INTO item VALUES (1, 'before')`);
    await meet(a, b);
    await a.write('ALTER TABLE item RENAME TO thing');
    await a.write(`INSERT INTO thing VALUES (2, 'after')`);
    await meet(a, b);
    await a.write(`BEGIN; DELETE FROM thing WHERE id = 2; UPDATE thing SET name = 'changed' WHERE id = 1; COMMIT`);
    await meet(a, b);
    await b.write('ALTER TABLE item RENAME TO thing');
    await meet(a, b);
    assert.equal(await b.dump(), `thing: 1 | 'changed'`);
    assert.equal(await a.dump(), await b.dump());
    assert.deepEqual((await b.replica.proof()).digest, (await a.replica.proof()).digest);
  } finally {
    await scene.clear();
  }
});
