/** Walks that are shared lead no further than walks that are not: never through a link, never outside. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createRealDisk } from '../system/real-disk.js';
import { openRootFolder } from './root-folder.js';

function ground(context: TestContext) {
  const base = mkdtempSync(join(tmpdir(), 'usync-root-'));
  mkdirSync(join(base, 'root/a/b'), { recursive: true });
  mkdirSync(join(base, 'outside'));
  const root = openRootFolder(createRealDisk(), join(base, 'root'));
  context.after(() => {
    root.close();
    rmSync(base, { recursive: true, force: true });
  });
  return { base, root, write: (path: string) => root.at(path, (place) => writeFileSync(place, 'x')) };
}

test('a folder that is swapped for a link while walks are shared is not left through it', (context) => {
  const { base, root, write } = ground(context);
  root.together(() => {
    write('a/b/first');
    renameSync(join(base, 'root/a/b'), join(base, 'root/a/moved'));
    symlinkSync(join(base, 'outside'), join(base, 'root/a/b'));
    write('a/b/second');
  });
  assert.deepEqual(readdirSync(join(base, 'outside')), []);
  assert.deepEqual(readdirSync(join(base, 'root/a/moved')), ['first', 'second']);
  assert.throws(() => write('a/b/third'));
});

test('links are refused, and folders that are missing told, while walks are shared', (context) => {
  const { base, root, write } = ground(context);
  symlinkSync(join(base, 'outside'), join(base, 'root/link'));
  root.together(() => {
    assert.throws(() => write('link/x'));
    assert.throws(() => write('none/x'), { code: 'ENOENT' });
    mkdirSync(join(base, 'root/none'));
    write('none/x');
  });
  assert.ok(existsSync(join(base, 'root/none/x')));
  assert.deepEqual(readdirSync(join(base, 'outside')), []);
});

test('all that was held open is closed, however the work ends', (context) => {
  const { root, write } = ground(context);
  const open = (): number => readdirSync('/proc/self/fd').length;
  if (!existsSync('/proc/self/fd')) return;
  const before = open();
  assert.throws(() =>
    root.together(() => {
      write('a/b/x');
      root.together(() => write('a/y'));
      throw new Error('it fails');
    }),
  );
  assert.equal(open(), before);
});
