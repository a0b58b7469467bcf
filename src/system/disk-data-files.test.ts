/** The data folder on a real file system: whole files, own to one user, nothing outside the folder. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import { openDiskDataFiles } from './disk-data-files.js';
import { createRealSystem } from './real-system.js';

async function withFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'usync-files-'));
  try {
    await action(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a written file is read back whole, readable by its owner only, and leaves nothing beside it', () =>
  withFolder(async (folder) => {
    const files = await openDiskDataFiles(join(folder, 'deep', 'data'), createRealSystem());
    await files.write('a.json', 'first');
    await files.write('a.json', 'second');
    assert.equal(await files.read('a.json'), 'second');
    assert.equal((await stat(files.path('a.json'))).mode & 0o777, 0o600);
    assert.equal((await stat(join(folder, 'deep', 'data'))).mode & 0o777, 0o700);
    assert.deepEqual(await readdir(join(folder, 'deep', 'data')), ['a.json']);
  }));

test('an absent file reads as null and removing it twice is no failure', () =>
  withFolder(async (folder) => {
    const files = await openDiskDataFiles(folder, createRealSystem());
    assert.equal(await files.read('none'), null);
    assert.equal(await files.seal('none'), null);
    await files.write('none', 'x');
    await files.remove('none');
    await files.remove('none');
    assert.deepEqual(await files.list(), []);
  }));

test('the seal changes when a file is replaced and stays when it is read', () =>
  withFolder(async (folder) => {
    const files = await openDiskDataFiles(folder, createRealSystem());
    await files.write('a', 'x');
    const seal = await files.seal('a');
    await files.read('a');
    assert.deepEqual(await files.seal('a'), seal);
    await files.write('a', 'x');
    assert.notDeepEqual(await files.seal('a'), seal);
  }));

test('what a crash left half written is removed by who works alone in the folder, not by who opens it', () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, 'a.json.writing-0011'), 'half');
    const files = await openDiskDataFiles(folder, createRealSystem());
    assert.deepEqual(await files.list(), ['a.json.writing-0011']);
    await files.removeLeftovers();
    assert.deepEqual(await files.list(), []);
  }));

test('of writes and removals that are asked for at once, the last one stays', () =>
  withFolder(async (folder) => {
    const files = await openDiskDataFiles(folder, createRealSystem());
    const all = Array.from({ length: 24 }, (_, at) => files.write('a', String(at)));
    await Promise.all(all);
    assert.equal(await files.read('a'), '23');
    await Promise.all([files.write('a', 'x'), files.remove('a'), files.write('b', 'y'), files.remove('b')]);
    assert.deepEqual(await files.list(), []);
  }));

test('a write that fails is told to who asked and keeps no later one from being made', () =>
  withFolder(async (folder) => {
    const files = await openDiskDataFiles(folder, createRealSystem());
    await mkdir(join(folder, 'a', 'full'), { recursive: true });
    const failing = [files.write('a', 'x'), files.write('a', 'y')];
    for (const each of failing) await assert.rejects(each, SyncError);
    await rm(join(folder, 'a'), { recursive: true });
    await files.write('a', 'y');
    assert.equal(await files.read('a'), 'y');
  }));

test('names that leave the folder are refused', () =>
  withFolder(async (folder) => {
    const files = await openDiskDataFiles(folder, createRealSystem());
    for (const name of ['../a', '/etc/passwd', '..', 'a/b', '']) assert.throws(() => files.path(name), SyncError);
  }));

test('a data folder that is a file is a clear error', () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, 'plain'), '');
    await assert.rejects(
      openDiskDataFiles(join(folder, 'plain'), createRealSystem()),
      (error) => error instanceof SyncError && error.code === 'USYNC-1102',
    );
  }));
