/** Two real folders with the folder replica between them: what an application does in one shows in the other. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { test } from 'node:test';
import { byText, folderGround, send, settleAll, treeOf } from './folder-servers.js';

test(
  'a file that nobody may read is one that nobody may read elsewhere',
  { skip: process.getuid?.() === 0 ? false : 'only a superuser reads it' },
  async (context) => {
    const ground = folderGround(context);
    const a = await ground.add('a');
    const b = await ground.add('b');
    for (const name of ['open', 'made-closed']) writeFileSync(a.path(name), name);
    chmodSync(a.path('made-closed'), 0);
    await settleAll([a, b]);
    chmodSync(a.path('open'), 0);
    await settleAll([a, b]);
    for (const server of [a, b])
      assert.deepEqual(treeOf(server.root), { 'made-closed': '0 made-closed', open: '0 open' });
    chmodSync(b.path('open'), 0o640);
    await settleAll([a, b]);
    assert.equal(treeOf(a.root)['open'], '640 open');
  },
);

test('files, folders, links, modes and times are the same on both sides', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('empty'));
  mkdirSync(a.path('x/y'), { recursive: true });
  writeFileSync(a.path('x/y/file.txt'), 'hello');
  writeFileSync(a.path('x/run.sh'), 'echo', { mode: 0o755 });
  writeFileSync(a.path('nothing'), '');
  symlinkSync('y/file.txt', a.path('x/link'));
  utimesSync(a.path('x/run.sh'), 1_600_000_000.123456, 1_600_000_000.123456);
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  assert.equal(Object.keys(treeOf(b.root)).length, 7);
  assert.equal(statSync(b.path('x/run.sh')).mtimeMs, statSync(a.path('x/run.sh')).mtimeMs);
});

test('edits, deletes, renames and new modes travel in both directions', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  for (let index = 0; index < 20; index++) writeFileSync(a.path(`f${index}`), `content ${index}`);
  mkdirSync(a.path('folder/inner'), { recursive: true });
  writeFileSync(a.path('folder/inner/deep'), 'deep');
  await settleAll([a, b]);
  writeFileSync(b.path('f1'), 'changed by b');
  rmSync(b.path('f2'));
  renameSync(a.path('folder'), a.path('renamed'));
  chmodSync(a.path('f3'), 0o600);
  writeFileSync(a.path('f4'), 'changed by a');
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  assert.equal(treeOf(a.root)['f1'], '644 changed by b');
  assert.equal(treeOf(b.root)['renamed/inner/deep'], '644 deep');
  assert.equal(treeOf(b.root)['folder/'], undefined);
  assert.equal(treeOf(b.root)['f2'], undefined);
  assert.equal(treeOf(b.root)['f3'], '600 content 3');
});

test('at rest nothing is captured and nothing is placed', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  for (let index = 0; index < 50; index++) writeFileSync(a.path(`f${index}`), `content ${index}`);
  await settleAll([a, b]);
  const before = await Promise.all([a, b].map(({ replica }) => replica.position()));
  for (const server of [a, b]) await server.capture();
  const after = await Promise.all([a, b].map(({ replica }) => replica.position()));
  assert.deepEqual(
    after.map(({ vector }) => [...vector]),
    before.map(({ vector }) => [...vector]),
  );
});

test('large files travel by chunks; an insert at the front moves little', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const bytes = Buffer.alloc(12 * 1024 * 1024);
  for (let at = 0, state = 7; at < bytes.length; at += 4) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes.writeUInt32LE((state ^ (state >>> 13)) >>> 0, at);
  }
  writeFileSync(a.path('large'), bytes);
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  const before = b.traffic.bytes;
  assert.ok(before >= bytes.length);
  writeFileSync(a.path('large'), Buffer.concat([Buffer.from('!'), bytes]));
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  assert.ok(b.traffic.bytes - before < 1024 * 1024, `${b.traffic.bytes - before} bytes travelled`);
  const moved = b.traffic.bytes;
  renameSync(a.path('large'), a.path('moved'));
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  assert.equal(b.traffic.bytes, moved);
});

test('a log that is appended to without pause is not left to starve', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a', { settleMs: 1000 });
  const b = await ground.add('b');
  writeFileSync(a.path('log'), 'begin\n');
  const appending = setInterval(() => appendFileSync(a.path('log'), `${'line '.repeat(20)}\n`), 2);
  context.after(() => clearInterval(appending));
  const lengths = new Set<number>();
  while (lengths.size < 2) {
    for (const server of [a, b]) await server.capture();
    await send(a, b);
    await b.side.settle();
    if (!existsSync(b.path('log'))) continue;
    const text = readFileSync(b.path('log'), 'utf8');
    assert.ok(readFileSync(a.path('log'), 'utf8').startsWith(text));
    lengths.add(text.length);
  }
  clearInterval(appending);
  // The last lines settle for a second before they are read.
  while (readFileSync(b.path('log'), 'utf8') !== readFileSync(a.path('log'), 'utf8')) await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
});

test('holes of a sparse file are neither sent nor filled', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const size = 48 * 1024 * 1024;
  const handle = openSync(a.path('sparse'), 'w');
  writeSync(handle, Buffer.alloc(10_000, 'begin'), 0, 10_000, 0);
  writeSync(handle, Buffer.alloc(10_000, 'middle'), 0, 10_000, size / 2);
  ftruncateSync(handle, size);
  closeSync(handle);
  await settleAll([a, b]);
  assert.ok(readFileSync(b.path('sparse')).equals(readFileSync(a.path('sparse'))));
  assert.ok(b.traffic.bytes < 2 * 1024 * 1024, `${b.traffic.bytes} bytes travelled`);
  const written = statSync(b.path('sparse')).blocks * 512;
  assert.ok(written < 4 * 1024 * 1024, `${written} bytes on disk`);
});

test('two folders that were filled apart become one; only different contents become conflicts', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  writeFileSync(a.path('same'), 'same');
  writeFileSync(a.path('only a'), 'a');
  writeFileSync(a.path('both.txt'), 'by a');
  await a.capture();
  const b = await ground.add('b');
  writeFileSync(b.path('same'), 'same');
  writeFileSync(b.path('only b'), 'b');
  writeFileSync(b.path('both.txt'), 'by b');
  await b.side.rescan();
  await new Promise((resolve) => setTimeout(resolve, 60));
  await b.side.rescan();
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  const tree = treeOf(a.root);
  const copies = Object.keys(tree).filter((path) => path.includes('(conflict'));
  assert.equal(copies.length, 1);
  assert.deepEqual([tree['both.txt'], tree[copies[0] ?? '']].toSorted(byText), ['644 by a', '644 by b']);
  assert.equal(tree['only a'], '644 a');
  assert.equal(tree['only b'], '644 b');
  for (const { replica } of [a, b]) assert.equal((await replica.proof()).held, 0);
});

test('a folder that is deleted and made anew at once is watched as the new one, and so are the folders in it', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const paths = ['folder/f', 'folder/deep/f'];
  const write = (text: string): void => {
    mkdirSync(a.path('folder/deep'), { recursive: true });
    for (const path of paths) writeFileSync(a.path(path), text);
  };
  write('first');
  await a.capture();
  const sizes = (): (number | undefined)[] => paths.map((path) => a.table.rows.at(path)[0]?.size);
  const untilSize = async (size: number): Promise<void> => {
    for (let tries = 0; tries < 400 && !sizes().every((each) => each === size); tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(sizes(), [size, size]);
  };
  for (const text of ['and a second', 'and a third time']) {
    rmSync(a.path('folder'), { recursive: true });
    write('on its way');
    // Nobody asks for a look from here on: only what is watched is seen.
    await untilSize('on its way'.length);
    for (const path of paths) writeFileSync(a.path(path), text);
    await untilSize(text.length);
  }
});

test('what was replaced or deleted by others is in the history', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  writeFileSync(a.path('edited'), 'first');
  writeFileSync(a.path('deleted'), 'gone');
  await settleAll([a, b]);
  writeFileSync(a.path('edited'), 'second');
  rmSync(a.path('deleted'));
  await settleAll([a, b]);
  const kept = b.side.history({ max: 10 });
  assert.deepEqual(kept.map(({ path, reason }) => `${path} ${reason}`).toSorted(byText), [
    'deleted deleted',
    'edited replaced',
  ]);
  assert.equal(readdirSync(b.path('.usync-folder/history')).length, 2);
});

test('files of one content keep the mode and time of each, placed in one batch', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  for (const [name, mode] of [
    ['plain', 0o644],
    ['script', 0o755],
    ['secret', 0o600],
  ] as const) {
    writeFileSync(a.path(name), 'the same content');
    chmodSync(a.path(name), mode);
    utimesSync(a.path(name), mode, mode);
  }
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  for (const name of ['plain', 'script', 'secret'])
    assert.equal(statSync(b.path(name)).mtimeMs, statSync(a.path(name)).mtimeMs);
});
