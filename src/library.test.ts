/** The import for Node applications: the example runs as it stands, mistakes are told before anything is touched. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createSync, SyncError } from './library.js';

test('the example prints the proof and the same rows of both servers', () => {
  const example = fileURLToPath(new URL('../examples/library.js', import.meta.url));
  const output = execFileSync(process.execPath, [example], { encoding: 'utf8', timeout: 60_000 });
  const [headline, ...rows] = output.trim().split('\n');
  assert.match(headline ?? '', /^All 2 servers hold the same data, proven /);
  assert.deepEqual(rows, ['north: bread 4, milk 2', 'south: bread 4, milk 2']);
});

test('options with mistakes are refused at once and nothing is made', () => {
  const dataFolder = join(tmpdir(), 'usync-never-made');
  assert.throws(
    () => createSync({ dataFolder, listen: { port: 70_000 }, datasets: [{ name: '-', sqlite: 'x.db' }] }),
    (error) => error instanceof SyncError && error.code === 'USYNC-1101' && error.message.split('\n').length === 2,
  );
  createSync({ dataFolder, datasets: [] });
  assert.equal(existsSync(dataFolder), false);
});
