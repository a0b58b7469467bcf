import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScene } from '../testing/replica-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import { batchOfSlice, clearBatches } from './comparison-batch.js';
import { endOfPage } from './row-bytes.js';

test('a page of large rows is cut by their bytes, also where columns are many', async () => {
  using folder = temporaryFolder();
  const columns = Array.from({ length: 500 }, (_, i) => `c${i}`).join(', ');
  const scene = openScene(folder.path('a.db'), `CREATE TABLE files (id INTEGER PRIMARY KEY, content BLOB, ${columns})`);
  const { context, app } = scene;
  await scene.capture();
  const [table] = context.tables.all();
  assert.ok(table);
  const page = (): number => {
    clearBatches(context.connection, 1);
    const { batch } = batchOfSlice(context.connection, table, { after: null, count: 1000 });
    return endOfPage(context, table, batch);
  };
  app.exec(`INSERT INTO files (id, content) SELECT value, x'00' FROM json_each('[1,2,3,4,5,6,7,8]')`);
  assert.equal(page(), 8, 'a small file is not looked at');
  app.exec(`UPDATE files SET content = zeroblob(40 * 1024 * 1024) WHERE id > 1`);
  assert.equal(page(), 2);
  scene.close();
});
