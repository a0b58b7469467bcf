/** Goal: rows whose keys were changed are followed, whatever their keys hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeAll, openMergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

test('two keys of several texts that read alike one after the other are two keys', async () => {
  using folder = temporaryFolder();
  const schema =
    'CREATE TABLE places (country TEXT, town TEXT, people INTEGER, note TEXT, PRIMARY KEY (country, town))';
  const a = openMergeServer(folder.path('a.db'), 'a', { schema });
  const b = openMergeServer(folder.path('b.db'), 'b', { schema });
  const insert = a.app.prepare('INSERT INTO places VALUES (?, ?, ?, NULL)');
  insert.run('x\0ty', 'z', 1n);
  insert.run('x', 'y\0tz', 2n);
  await exchangeAll([a, b]);
  b.app.exec(`UPDATE places SET note = 'note of ' || people`);
  a.app.exec(`UPDATE places SET town = 'one' WHERE people = 1; UPDATE places SET town = 'two' WHERE people = 2`);
  await exchangeAll([a, b]);
  assert.equal(b.dump(), a.dump());
  assert.deepEqual([...a.faults(), ...b.faults()], []);
  const rows = a.app.prepare('SELECT town, people, note FROM places ORDER BY people').all();
  assert.deepEqual(rows, [
    ['one', 1n, 'note of 1'],
    ['two', 2n, 'note of 2'],
  ]);
  a.close();
  b.close();
});
