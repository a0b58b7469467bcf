/**
 * Names that a disk takes for one: on such a disk the lesser name stands and the other one waits with its reason; on a
 * disk that tells them apart both stand. Run on a disk of this kind made of the real one, and on exFAT where it can be
 * mounted.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { FolderSideOptions } from '../../src/files/folder-side-contract.js';
import { createRealDisk } from '../../src/system/real-disk.js';
import { createFoldingDisk } from './folding-disk.js';
import { folderGround, send, settleAll, treeOf, type FolderServer } from './folder-servers.js';

interface FoldingGround {
  readonly options: Partial<FolderSideOptions>;
}

const virtual = (): FoldingGround => ({ options: { disk: createFoldingDisk(createRealDisk()) } });

/** Null where this machine cannot mount one. */
function exfat(context: TestContext): FoldingGround | null {
  if (process.getuid?.() !== 0 || spawnSync('which', ['mount.exfat-fuse', 'mkfs.exfat']).status !== 0) return null;
  const ground = mkdtempSync(join(tmpdir(), 'usync-exfat-'));
  const image = join(ground, 'image');
  const path = join(ground, 'disk');
  mkdirSync(path);
  const run = (command: string, ...args: readonly string[]): { readonly isDone: boolean; readonly text: string } => {
    const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
    return { isDone: status === 0, text: stdout.trim() };
  };
  run('truncate', '-s', '64M', image);
  if (!run('mkfs.exfat', image).isDone) return null;
  const { isDone, text: device } = run('losetup', '-f', '--show', image);
  if (!isDone) return null;
  // It goes on in the background, and would hold the pipes open.
  const isMounted = spawnSync('mount.exfat-fuse', [device, path], { stdio: 'ignore' }).status === 0;
  context.after(() => {
    // What still has it open is closed later.
    run('umount', '-l', path);
    run('losetup', '-d', device);
    rmSync(ground, { recursive: true, force: true });
  });
  return isMounted ? { options: { path } } : null;
}

const contentAt = (root: string, path: string): string | null => {
  const folder = join(root, path, '..');
  const name = path.split('/').at(-1) ?? '';
  return readdirSync(folder).includes(name) ? readFileSync(join(folder, name), 'utf8') : null;
};

/** Exchanges although some entries wait. */
async function exchange(servers: readonly FolderServer[], rounds = 6): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) await server.capture();
    for (const from of servers) for (const to of servers) if (from !== to) await send(from, to);
    for (const server of servers) await server.side.settle();
  }
}

async function twinsWait(context: TestContext, { options }: FoldingGround): Promise<void> {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b', options);
  const root = options.path ?? b.root;
  mkdirSync(a.path('Folder'));
  mkdirSync(a.path('folder'));
  writeFileSync(a.path('Folder/x'), 'in the greater');
  writeFileSync(a.path('folder/x'), 'in the lesser');
  writeFileSync(a.path('name'), 'lower');
  writeFileSync(a.path('plain'), 'plain');
  await exchange([a, b]);
  // The lesser one comes later: the other steps aside.
  writeFileSync(a.path('Name'), 'upper');
  writeFileSync(a.path('plain'), 'goes on');
  await exchange([a, b]);
  assert.equal(contentAt(root, 'Name'), 'upper');
  assert.equal(contentAt(root, 'name'), null);
  assert.equal(contentAt(root, 'Folder/x'), 'in the greater');
  assert.equal(contentAt(root, 'plain'), 'goes on');
  const waiting = new Map(b.side.waiting(10).map(({ path, reason }) => [path, reason]));
  assert.match(waiting.get('name') ?? '', /"Name", which stands, and "name" for one name/);
  assert.match(waiting.get('folder/x') ?? '', /"Folder"/);
  assert.equal(Object.keys(treeOf(a.root)).length, 7);
  assert.equal(readFileSync(a.path('name'), 'utf8'), 'lower');
  assert.throws(() => b.side.content({ path: 'name', offset: 0, bytesMax: 10 }), /for one name/);
  // An edit here is one of the name that stands.
  writeFileSync(join(root, 'Name'), 'edited');
  await exchange([a, b]);
  assert.equal(readFileSync(a.path('Name'), 'utf8'), 'edited');
  assert.equal(readFileSync(a.path('name'), 'utf8'), 'lower');
  // A person makes room: the other comes.
  renameSync(a.path('Name'), a.path('Other'));
  renameSync(a.path('Folder'), a.path('Elsewhere'));
  await exchange([a, b]);
  assert.equal(contentAt(root, 'name'), 'lower');
  assert.equal(contentAt(root, 'Other'), 'edited');
  assert.equal(contentAt(root, 'folder/x'), 'in the lesser');
  assert.deepEqual(b.side.waiting(5), []);
}

async function caseOnlyRenames(context: TestContext, { options }: FoldingGround): Promise<void> {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b', options);
  const root = options.path ?? b.root;
  mkdirSync(a.path('photos/inner'), { recursive: true });
  writeFileSync(a.path('photos/inner/p'), 'picture');
  writeFileSync(a.path('readme'), 'text');
  await exchange([a, b]);
  renameSync(a.path('photos'), a.path('Photos'));
  renameSync(a.path('readme'), a.path('README'));
  await exchange([a, b]);
  assert.deepEqual(
    readdirSync(root)
      .filter((name) => !name.startsWith('.'))
      .toSorted(),
    ['Photos', 'README'],
  );
  assert.equal(contentAt(root, 'Photos/inner/p'), 'picture');
  assert.equal(contentAt(root, 'README'), 'text');
  // The same done on the disk that folds.
  renameSync(join(root, 'Photos'), join(root, 'PHOTOS'));
  await exchange([a, b]);
  assert.equal(readFileSync(a.path('PHOTOS/inner/p'), 'utf8'), 'picture');
  assert.deepEqual(
    readdirSync(a.root)
      .filter((name) => !name.startsWith('.'))
      .toSorted(),
    ['PHOTOS', 'README'],
  );
  assert.deepEqual(b.side.waiting(5), []);
  assert.equal(a.side.status().pending + b.side.status().pending, 0);
}

for (const [what, body] of [
  ['two names that it takes for one wait for each other by a fixed rule', twinsWait],
  ['a rename that changes only the case is one', caseOnlyRenames],
] as const) {
  test(`on a disk that folds names ${what}`, (context) => body(context, virtual()));
  test(`on exFAT ${what}`, async (context) => {
    const ground = exfat(context);
    if (ground === null) context.skip('exFAT cannot be mounted here (root, exfat-fuse and exfatprogs)');
    else await body(context, ground);
  });
}

test('two names that differ in case, written apart, converge on two disks that fold and lose nothing', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a', virtual().options);
  const b = await ground.add('b', virtual().options);
  writeFileSync(a.path('name'), 'lower');
  writeFileSync(b.path('Name'), 'upper');
  await exchange([a, b]);
  for (const server of [a, b]) {
    assert.equal(contentAt(server.root, 'Name'), 'upper');
    assert.equal(contentAt(server.root, 'name'), null);
    assert.equal(server.side.waiting(5)[0]?.path, 'name');
  }
  renameSync(b.path('Name'), b.path('moved'));
  await exchange([a, b]);
  await settleAll([a, b]);
  assert.deepEqual(treeOf(a.root), { moved: '644 upper', name: '644 lower' });
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
});

test('what is edited on exFAT keeps the mode that it has elsewhere', async (context) => {
  const disk = exfat(context);
  if (disk === null) return context.skip('exFAT cannot be mounted here (root, exfat-fuse and exfatprogs)');
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b', disk.options);
  const root = disk.options.path ?? '';
  writeFileSync(a.path('run.sh'), 'first', { mode: 0o750 });
  writeFileSync(a.path('note.txt'), 'note', { mode: 0o600 });
  mkdirSync(a.path('folder'), { mode: 0o700 });
  await exchange([a, b]);
  writeFileSync(join(root, 'run.sh'), 'second');
  writeFileSync(join(root, 'fresh'), 'fresh');
  await exchange([a, b]);
  await exchange([a, await ground.restart(b, disk.options)]);
  assert.deepEqual(treeOf(a.root), {
    'folder/': '700',
    fresh: '644 fresh',
    'note.txt': '600 note',
    'run.sh': '750 second',
  });
});

test('names that other systems cannot hold travel and are told of; those of this disk wait alone', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const disk = exfat(context);
  const b = await ground.add('b', disk?.options);
  mkdirSync(a.path('aux'));
  for (const name of [
    'aux/in it',
    'good',
    'a:b',
    'back\\slash',
    'dot.',
    'Com1.txt',
    'Mixed',
    'mixed',
    '\u00e9',
    'e\u0301',
  ])
    writeFileSync(a.path(name), name);
  writeFileSync(a.path('line\nbreak'), 'x');
  await exchange([a, b]);
  const told = new Map(a.side.unportable(50).map(({ path, reason }) => [path, reason]));
  assert.deepEqual(
    [...told.keys()].toSorted(),
    ['Com1.txt', 'a:b', 'aux', 'back\\slash', 'dot.', 'mixed', '\u00e9'].toSorted(),
  );
  assert.match(told.get('mixed') ?? '', /beside "Mixed"/);
  assert.match(told.get('aux') ?? '', /reserves/);
  assert.deepEqual(a.side.leftOut(5), [{ path: 'line\nbreak', reason: 'a name holds control characters' }]);
  const root = disk?.options.path ?? b.root;
  assert.equal(contentAt(root, 'good'), 'good');
  if (disk === null) assert.deepEqual(treeOf(b.root)['a:b'], '644 a:b');
  else assert.match(b.side.waiting(9).find(({ path }) => path === 'a:b')?.reason ?? '', /^Windows cannot hold/);
});

for (const [what, time] of [
  ['before 1970', '1969-12-31T12:00:00Z'],
  ['after 2255', '2400-01-01T00:00:00Z'],
] as const) {
  test(`a file that gets a time ${what} stays on the other servers`, async (context) => {
    const ground = folderGround(context);
    const a = await ground.add('a');
    const b = await ground.add('b');
    for (const name of ['f', 'other']) writeFileSync(a.path(name), name);
    await settleAll([a, b]);
    spawnSync('touch', ['-d', time, a.path('f')]);
    await settleAll([a, b]);
    assert.ok(existsSync(b.path('f')));
  });

  test(`a new file with a time ${what} is placed, or is told of`, async (context) => {
    const ground = folderGround(context);
    const a = await ground.add('a');
    const b = await ground.add('b');
    writeFileSync(a.path('f'), 'f');
    spawnSync('touch', ['-d', time, a.path('f')]);
    await settleAll([a, b]);
    const told = b.side.status().pending + b.side.leftOut(9).length + a.side.leftOut(9).length;
    assert.ok(existsSync(b.path('f')) || told > 0);
  });
}
