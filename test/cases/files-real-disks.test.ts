/** What real disks do to a folder: full, unmounted, not readable, with things in it that are no files. Mounts need root. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { byText, folderGround, send, settleAll, treeOf } from './folder-servers.js';

const isRoot = process.getuid?.() === 0;

/** Mounts at a place; false where this machine does not let it. */
type Mount = (place: string, ...options: readonly string[]) => boolean;

/** Asked for before the ground, so that what was mounted goes before its folders do. */
function mounting(context: TestContext): Mount {
  const places: string[] = [];
  context.after(() => {
    for (const place of places) spawnSync('umount', ['-l', place], { stdio: 'ignore' });
  });
  return (place, ...options) => {
    mkdirSync(place, { recursive: true });
    places.push(place);
    return isRoot && spawnSync('mount', [...options, place], { stdio: 'ignore' }).status === 0;
  };
}

test('on a disk that is full some entries wait with their reason and nothing is half; with room they come', async (context) => {
  const mount = mounting(context);
  const ground = folderGround(context);
  const root = join(ground.folder, 'b');
  if (!mount(root, '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs')) return context.skip('tmpfs cannot be mounted here');
  const a = await ground.add('a');
  const b = await ground.add('b');
  const sizes = [700_000, 700_000, 700_000, 700_000, 700_000, 700_000, 700_000, 700_000, 90_000, 90_000];
  for (const [index, size] of sizes.entries()) writeFileSync(a.path(`f${index}`), randomBytes(size));
  await a.capture();
  await send(a, b);
  for (let round = 0; round < 3; round++) await b.side.settle();
  const waiting = b.side.waiting(20);
  assert.ok(waiting.length > 0 && waiting.length < sizes.length, `${waiting.length} wait`);
  for (const { path, reason } of waiting) assert.match(reason, /no room|ENOSPC/, path);
  const whole = treeOf(a.root);
  for (const [path, content] of Object.entries(treeOf(b.root))) assert.equal(content, whole[path], path);
  await b.capture();
  await send(b, a);
  await a.side.settle();
  assert.deepEqual(treeOf(a.root), whole);
  assert.equal(spawnSync('mount', ['-o', 'remount,size=64m', root], { stdio: 'ignore' }).status, 0);
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), whole);
});

test('a root that is unmounted deletes nothing elsewhere; mounted again it goes on', async (context) => {
  const mount = mounting(context);
  const ground = folderGround(context);
  const disk = join(ground.folder, 'a-disk');
  const root = join(ground.folder, 'a');
  mkdirSync(disk);
  if (!mount(root, '--bind', disk)) return context.skip('nothing can be mounted here');
  const a = await ground.add('a');
  const b = await ground.add('b');
  for (let index = 0; index < 20; index++) writeFileSync(a.path(`f${index}`), String(index));
  await settleAll([a, b]);
  const tree = treeOf(b.root);
  assert.equal(spawnSync('umount', ['-l', root]).status, 0);
  await assert.rejects(a.side.rescan(), { code: 'USYNC-1701' });
  await send(a, b);
  writeFileSync(b.path('meanwhile'), 'written while the disk was away');
  await b.capture();
  await send(b, a);
  await assert.rejects(a.side.settle(), { code: 'USYNC-1701' });
  assert.deepEqual(readdirSync(a.root), [], 'nothing is placed where the disk is not');
  assert.deepEqual(treeOf(b.root), { ...tree, meanwhile: '644 written while the disk was away' });
  assert.equal(spawnSync('mount', ['--bind', disk, root]).status, 0);
  await settleAll([a, b]);
  assert.deepEqual(treeOf(a.root), treeOf(b.root));
  assert.equal(Object.keys(treeOf(a.root)).length, 21);
});

const nobody = 65_534;

test('what this user may not read waits with its reason and is not deleted elsewhere; readable again it is synced', async (context) => {
  if (!isRoot || process.seteuid === undefined) return context.skip('only root can become another user');
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('closed'));
  for (const path of ['seen', 'closed/inside', 'open']) writeFileSync(a.path(path), path);
  await settleAll([a, b]);
  assert.equal(spawnSync('chown', ['-R', String(nobody), ground.folder]).status, 0);
  writeFileSync(a.path('secret'), 'of root');
  for (const [path, mode] of [
    ['secret', 0o600],
    ['seen', 0o600],
    ['closed', 0o700],
  ] as const) {
    chownSync(a.path(path), 0, 0);
    chmodSync(a.path(path), mode);
  }
  process.seteuid(nobody);
  try {
    writeFileSync(a.path('open'), 'edited');
    await a.capture();
    await send(a, b);
    await b.side.settle();
    const told = a.side.waiting(10).map(({ path, reason }) => `${path}: ${reason}`);
    for (const path of ['secret', 'seen', 'closed'])
      assert.ok(
        told.some((line) => line.startsWith(`${path}: `) && line.includes('cannot be read')),
        `${path} is not told of: ${told.join('; ')}`,
      );
  } finally {
    process.seteuid(0);
  }
  assert.deepEqual(Object.keys(treeOf(b.root)), ['closed/', 'closed/inside', 'open', 'seen']);
  assert.equal(readFileSync(b.path('open'), 'utf8'), 'edited');
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  assert.equal(readFileSync(b.path('secret'), 'utf8'), 'of root');
  assert.deepEqual(a.side.waiting(10), []);
});

test('sockets, pipes and devices stay at home and are told of by what they are', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const server = createServer().listen(a.path('talk'));
  context.after(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  spawnSync('mkfifo', [a.path('pipe')]);
  const hasDevice = isRoot && spawnSync('mknod', [a.path('null'), 'c', '1', '3'], { stdio: 'ignore' }).status === 0;
  writeFileSync(a.path('good'), 'x');
  await settleAll([a, b]);
  assert.deepEqual(Object.keys(treeOf(b.root)), ['good']);
  assert.deepEqual(
    a.side
      .leftOut(10)
      .map(({ path, reason }) => `${path}: ${reason}`)
      .toSorted(byText),
    [...(hasDevice ? ['null: it is a device'] : []), 'pipe: it is a pipe', 'talk: it is a socket'],
  );
});
