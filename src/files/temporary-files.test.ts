import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Disk } from '../system/disk.js';
import { createRealDisk } from '../system/real-disk.js';
import { openRootFolder } from './root-folder.js';
import { createTemporaryFiles, type TemporaryFiles } from './temporary-files.js';

interface Ground {
  readonly files: TemporaryFiles;
  readonly folder: string;
  readonly calls: { opens: number; asked: number };
}

function ground(context: TestContext, free = 1e12): Ground {
  const path = mkdtempSync(join(tmpdir(), 'usync-temporary-'));
  const folder = join(path, '.usync-folder', 'temporary');
  mkdirSync(folder, { recursive: true });
  const calls = { opens: 0, asked: 0 };
  const real = createRealDisk();
  const disk: Disk = {
    ...real,
    open(place, flags, mode) {
      calls.opens++;
      return real.open(place, flags, mode);
    },
    space() {
      calls.asked++;
      return { free, total: 1e12 };
    },
  };
  const root = openRootFolder(disk, path);
  context.after(() => {
    root.close();
    rmSync(path, { recursive: true });
  });
  return { files: createTemporaryFiles(root), folder, calls };
}

test('of files that are made at one time each costs one call that opens, and the disk is asked once', async (context) => {
  const { files, folder, calls } = ground(context);
  await files.during(async () => {
    const before = calls.opens;
    closeSync(files.create('first', 4096));
    const walked = calls.opens - before;
    for (let number = 0; number < 10; number++) closeSync(files.create(`f-${number}`, 4096));
    assert.equal(calls.opens - before, walked + 10);
    return Promise.resolve();
  });
  assert.equal(calls.asked, 1);
  assert.equal(readdirSync(folder).length, 11);
});

test('the disk is asked again before more is written than it was asked for', async (context) => {
  const { files, calls } = ground(context);
  await files.during(async () => {
    for (let number = 0; number < 100; number++) closeSync(files.create(`f-${number}`, 128 * 1024));
    return Promise.resolve();
  });
  assert.equal(calls.asked, 4);
});

test('a folder that was removed while it was open is found again the next time', async (context) => {
  const { files, folder } = ground(context);
  await files.during(async () => {
    closeSync(files.create('one', 1));
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    assert.throws(() => files.create('two', 1), { code: 'ENOENT' });
    return Promise.resolve();
  });
  await files.during(async () => {
    closeSync(files.create('two', 1));
    return Promise.resolve();
  });
  assert.deepEqual(readdirSync(folder), ['two']);
});

test('nothing is written where the disk has no room', async (context) => {
  const { files, folder } = ground(context, 1000);
  await assert.rejects(
    files.during(async () => {
      await Promise.resolve();
      files.create('one', 1);
    }),
    { code: 'USYNC-1207' },
  );
  assert.deepEqual(readdirSync(folder), []);
});
