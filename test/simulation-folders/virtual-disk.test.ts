// Goal: the virtual disk answers as a real one does. Method: the same random calls on both, with equal answers, equal
// errors and equal trees; what a power loss leaves is judged by itself.
import assert from 'node:assert/strict';
import { constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { codeOf, type Disk } from '../../src/system/disk.js';
import { createRealDisk } from '../../src/system/real-disk.js';
import { createRandom, type Random } from '../simulation/random.js';
import { createVirtualDisk } from './virtual-disk.js';
import { createFileSystem, diskError, type VirtualFileSystem } from './virtual-file-system.js';

const application = { step: () => undefined, later: () => Promise.resolve(), deliver: (hint: () => void) => hint() };

function virtual(options: { readonly foldsCase?: boolean } = {}): { fs: VirtualFileSystem; disk: Disk } {
  let nowMs = 1_700_000_000_000;
  const fs = createFileSystem({ nowMs: () => nowMs++, ...options });
  return { fs, disk: createVirtualDisk(fs, application) };
}

const names = ['a', 'b', 'c', 'a/b', 'a/c', 'b/a', 'a/b/c', 'link/x'];

/** One random call, as a function of the disk and the folder that both stand in. */
function randomCall(random: Random): (disk: Disk, root: string) => unknown {
  const [from, to] = [random.pick(names), random.pick(names)];
  const flags = random.pick([
    constants.O_RDONLY,
    constants.O_WRONLY | constants.O_CREAT,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
    constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
    constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
    constants.O_RDONLY | constants.O_NOFOLLOW,
  ]);
  const bytes = Buffer.from(`some ${random.below(1000)}`);
  const offset = random.below(6);
  const target = random.pick(['a', 'b', 'none', '.']);
  const calls: ((disk: Disk, root: string) => unknown)[] = [
    (disk, root) => {
      const handle = disk.open(`${root}/${from}`, flags, 0o644);
      try {
        if ((flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0) disk.write(handle, bytes, offset);
        return disk.statsOf(handle).isFile() ? Number(disk.statsOf(handle).size) : 'folder';
      } finally {
        disk.close(handle);
      }
    },
    (disk, root) => disk.makeFolder(`${root}/${from}`, 0o755),
    (disk, root) => disk.removeFolder(`${root}/${from}`),
    (disk, root) => disk.removeFile(`${root}/${from}`),
    (disk, root) => disk.rename(`${root}/${from}`, `${root}/${to}`),
    (disk, root) => disk.rename(`${root}/${from}`, `${root}/${to}`),
    (disk, root) => disk.linkFile(`${root}/${from}`, `${root}/${to}`),
    // What comes of a folder is not asked for.
    (disk, root) =>
      disk.lookThrough(`${root}/${from}`)?.isDirectory() === true || disk.copyFile(`${root}/${from}`, `${root}/${to}`),
    (disk, root) => disk.makeLink(target, `${root}/link`),
    (disk, root) => disk.look(`${root}/${from}`)?.isDirectory(),
    (disk, root) => disk.lookThrough(`${root}/link`)?.isFile(),
  ];
  return random.pick(calls);
}

function outcome(work: () => unknown): string {
  try {
    return String(work());
  } catch (error) {
    return codeOf(error) ?? 'error';
  }
}

function treeOf(disk: Disk, place: string): string[] {
  return disk
    .namesIn(place)
    .map((name) => name.toString())
    .toSorted()
    .flatMap((name) => {
      const path = `${place}/${name}`;
      const look = disk.look(path);
      if (look?.isDirectory() === true) return [`${name}/`, ...treeOf(disk, path).map((inner) => `${name}/${inner}`)];
      if (look?.isSymbolicLink() === true) return [`${name} -> ${disk.readLink(path)}`];
      const handle = disk.open(path, constants.O_RDONLY);
      const bytes = Buffer.alloc(Number(disk.statsOf(handle).size));
      disk.read(handle, bytes, 0);
      disk.close(handle);
      return [`${name} ${bytes.toString('latin1')} ${look?.nlink}`];
    });
}

test('random calls have the same outcome on the virtual disk as on a real one', () => {
  const real = createRealDisk();
  for (let seed = 1; seed <= 60; seed++) {
    const root = mkdtempSync(join(tmpdir(), 'usync-disk-'));
    const { disk } = virtual();
    disk.makeFolder('/root');
    const handles: [number, number] = [real.open(root, constants.O_RDONLY), disk.open('/root', constants.O_RDONLY)];
    const random = createRandom(seed);
    try {
      for (let step = 0; step < 60; step++) {
        const call = randomCall(random);
        const isByHandle = random.chance(0.3) && real.hasHandlePaths(handles[0]);
        const places: [string, string] = isByHandle
          ? [real.handlePath(handles[0]), disk.handlePath(handles[1])]
          : [root, '/root'];
        const expected = outcome(() => call(real, places[0]));
        assert.equal(
          outcome(() => call(disk, places[1])),
          expected,
          `seed ${seed} step ${step}: ${call.toString()}`,
        );
      }
      assert.deepEqual(treeOf(disk, '/root'), treeOf(real, root), `seed ${seed}`);
    } finally {
      real.close(handles[0]);
      rmSync(root, { recursive: true, force: true });
    }
  }
});

function put(disk: Disk, path: string, text: string): number {
  const handle = disk.open(path, constants.O_WRONLY | constants.O_CREAT, 0o644);
  disk.write(handle, Buffer.from(text), 0);
  return handle;
}

function textAt(disk: Disk, path: string): string | null {
  if (disk.look(path) === null) return null;
  const handle = disk.open(path, constants.O_RDONLY);
  const bytes = Buffer.alloc(Number(disk.statsOf(handle).size));
  disk.read(handle, bytes, 0);
  return bytes.toString();
}

test('what was synced, content and name, survives a power loss; what was not may be lost, content and name apart', () => {
  const left = new Set<string | null>();
  for (let seed = 1; seed <= 40; seed++) {
    const { fs, disk } = virtual();
    const top = disk.open('/', constants.O_RDONLY);
    disk.sync(put(disk, '/kept', 'whole'));
    disk.sync(top);
    put(disk, '/lost', 'whole');
    fs.losePower(createRandom(seed));
    assert.equal(textAt(disk, '/kept'), 'whole');
    left.add(textAt(disk, '/lost'));
  }
  for (const expected of [null, '', 'whole']) assert.ok(left.has(expected), String(expected));
});

test('a rename without a sync of its folders leaves the old name, the new one, both or none', () => {
  const left = new Set<string>();
  for (let seed = 1; seed <= 40; seed++) {
    const { fs, disk } = virtual();
    disk.makeFolder('/f');
    for (const path of ['/', '/f']) disk.sync(disk.open(path, constants.O_RDONLY));
    disk.sync(put(disk, '/old', 'whole'));
    disk.sync(disk.open('/', constants.O_RDONLY));
    disk.rename('/old', '/f/new');
    fs.losePower(createRandom(seed));
    left.add(`${textAt(disk, '/old')} ${textAt(disk, '/f/new')}`);
  }
  assert.equal(left.size, 4);
});

test('an open file outlives its name, a full disk takes nothing, a folder without rights is not read', () => {
  const { fs, disk } = virtual();
  const handle = put(disk, '/a', 'here');
  disk.removeFile('/a');
  const bytes = Buffer.alloc(4);
  assert.equal(disk.read(handle, bytes, 0), 4);
  disk.makeFolder('/dark', 0o000);
  assert.throws(() => disk.namesIn('/dark'), { code: 'EACCES' });
  fs.free = 0;
  assert.throws(() => disk.write(handle, Buffer.from('longer than before'), 0), { code: 'ENOSPC' });
  assert.throws(() => disk.makeFolder('/b'), { code: 'ENOSPC' });
  assert.equal(codeOf(diskError('EIO', 'read')), 'EIO');
});

test('where case is folded two spellings are one name', () => {
  const { disk } = virtual({ foldsCase: true });
  put(disk, '/Name', 'one');
  assert.equal(textAt(disk, '/nAME'), 'one');
  assert.deepEqual(disk.namesIn('/').map(String), ['Name']);
  disk.rename('/Name', '/name');
  assert.deepEqual(disk.namesIn('/').map(String), ['name']);
});
