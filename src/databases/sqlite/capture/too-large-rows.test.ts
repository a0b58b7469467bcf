/** A row that no changeset may carry stays where it is, and holds nothing else up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowBytesMax } from '../../../core/limits.js';
import { quarantineRecords } from '../decisions/quarantine-records.js';
import { readProof } from '../stores/proof.js';
import { openMergeServer, type MergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const schema = 'CREATE TABLE files (name TEXT PRIMARY KEY, content BLOB, n INTEGER)';
const huge = `zeroblob(${rowBytesMax})`;

async function withServers(work: (a: MergeServer, b: MergeServer) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const a = openMergeServer(folder.path('a.db'), 'a', { schema });
  const b = openMergeServer(folder.path('b.db'), 'b', { schema });
  try {
    await a.capture();
    a.app.exec(`INSERT INTO files VALUES ('small', x'01', 1)`);
    await b.pull(a);
    await work(a, b);
  } finally {
    a.close();
    b.close();
  }
}

test('a new row that is too large is set aside with a reason, the others go on, and it goes when it is smaller', () =>
  withServers(async (a, b) => {
    a.app.exec(`INSERT INTO files VALUES ('huge', ${huge}, 1), ('beside', x'02', 1)`);
    await b.pull(a);
    assert.match(b.dump(), /'beside'/);
    assert.doesNotMatch(b.dump(), /'huge'/);
    const [held] = quarantineRecords(a.context, { max: 10 });
    assert.equal(held?.key, `'huge'`);
    assert.match(held?.reason ?? '', /257 MiB, and 256 MiB/);
    assert.equal(readProof(a.context).held, 1);
    assert.deepEqual(readProof(a.context).digest.get('files'), readProof(b.context).digest.get('files'));
    a.app.exec(`UPDATE files SET content = x'03' WHERE name = 'huge'`);
    await b.pull(a);
    assert.equal(b.dump(), a.dump());
    assert.deepEqual(quarantineRecords(a.context, { max: 10 }), []);
    assert.deepEqual([...a.faults(), ...b.faults()], []);
  }));

test('a row that becomes too large stays at the others as it was, and its table is not called equal', () =>
  withServers(async (a, b) => {
    a.app.exec(
      `UPDATE files SET content = ${huge} WHERE name = 'small'; INSERT INTO files VALUES ('beside', x'02', 1)`,
    );
    await b.pull(a);
    assert.match(b.dump(), /'beside'/);
    assert.match(b.dump(), /'small' \| X'01'/);
    assert.deepEqual(readProof(a.context).leftOut, ['files: a row is too large to be sent']);
    a.app.exec(`DELETE FROM files WHERE name = 'small'`);
    await b.pull(a);
    assert.equal(b.dump(), a.dump());
    assert.deepEqual(readProof(a.context).leftOut, []);
    assert.deepEqual([...a.faults(), ...b.faults()], []);
  }));
