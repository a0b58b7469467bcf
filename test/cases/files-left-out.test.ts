/** What takes no part in a dataset: it is told of as long as it is there, and holds no folder longer than it stands. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createRealDisk } from '../../src/system/real-disk.js';
import { byText, folderGround, send, settleAll, treeOf, type FolderServer } from './folder-servers.js';

async function twoWithPhotos(context: TestContext): Promise<[FolderServer, FolderServer]> {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('photos/old'), { recursive: true });
  writeFileSync(a.path('else'), 'not all is gone at once');
  await settleAll([a, b]);
  writeFileSync(b.path('photos/old/x.tmp'), 'left out');
  return [a, b];
}

test('a folder that stood only for a file that is left out goes with that file', async (context) => {
  const [a, b] = await twoWithPhotos(context);
  rmSync(a.path('photos'), { recursive: true });
  await settleAll([a, b]);
  assert.equal(existsSync(b.path('photos/old/x.tmp')), true);
  rmSync(b.path('photos/old/x.tmp'));
  await settleAll([a, b]);
  assert.equal(existsSync(b.path('photos')), false);
});

test('a folder that stood only for what is left out goes when a folder in it is deleted', async (context) => {
  const [a, b] = await twoWithPhotos(context);
  rmSync(a.path('photos'), { recursive: true });
  await settleAll([a, b]);
  assert.equal(existsSync(b.path('photos/old/x.tmp')), true);
  rmSync(b.path('photos/old'), { recursive: true });
  await settleAll([a, b]);
  assert.equal(existsSync(b.path('photos')), false);
});

test('a file that waited for a folder with left-out files in folders in it is placed when they are gone', async (context) => {
  const [a, b] = await twoWithPhotos(context);
  rmSync(a.path('photos'), { recursive: true });
  writeFileSync(a.path('photos'), 'a file now');
  await a.capture();
  await assert.rejects(settleAll([a, b]), /take no part/);
  const { bytes } = b.traffic;
  await assert.rejects(settleAll([a, b]), /take no part/);
  assert.equal(b.traffic.bytes, bytes, 'what cannot be placed is not fetched again and again');
  rmSync(b.path('photos/old/x.tmp'));
  await settleAll([a, b]);
  assert.equal(readFileSync(b.path('photos'), 'utf8'), 'a file now');
});

test('what takes no part is told of as long as it is there', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('folder/deep'), { recursive: true });
  const paths = ['pipe', 'folder/pipe', 'folder/deep/pipe'];
  for (const path of paths) spawnSync('mkfifo', [a.path(path)]);
  symlinkSync('/etc/passwd', a.path('escape'));
  writeFileSync(a.path('else'), 'not all is gone at once');
  await settleAll([a, b]);
  const told = (): string[] =>
    a.side
      .leftOut(10)
      .map(({ path }) => path)
      .toSorted();
  assert.deepEqual(told(), ['escape', ...paths].toSorted());
  for (const path of ['pipe', 'escape']) rmSync(a.path(path));
  rmSync(a.path('folder'), { recursive: true });
  await settleAll([a, b]);
  assert.deepEqual(told(), []);
  assert.deepEqual(Object.keys(treeOf(b.root)), ['else']);
});

test('what the ignore rules leave out is told with the rule, as long as it is there, and after what nobody asked for', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  for (const folder of ['.git/objects', 'logs']) mkdirSync(a.path(folder), { recursive: true });
  for (const name of ['.env', 'x.tmp', 'logs/a.log', '.git/objects/1', 'else']) writeFileSync(a.path(name), name);
  writeFileSync(a.path('.usyncignore'), '*.log\n');
  symlinkSync('/etc/passwd', a.path('escape'));
  await a.capture();
  const told = (): Record<string, string> =>
    Object.fromEntries(a.side.leftOut(10).map(({ path, reason }) => [path, reason]));
  assert.equal(a.side.leftOut(1)[0]?.path, 'escape');
  assert.deepEqual(told(), {
    '.env': 'it is left out by default (.env); the line !.env in .usyncignore takes it in',
    '.git': 'it is left out by default (.git/); the line !.git/ in .usyncignore takes it in',
    escape: 'the link leads out of the folder',
    'logs/a.log': 'the rule *.log leaves it out',
    'x.tmp': 'it is left out by default (*.tmp); the line !x.tmp in .usyncignore takes it in',
  });
  assert.equal(a.side.status().leftOut, 1, 'what is left out on purpose is not counted');
  rmSync(a.path('x.tmp'));
  rmSync(a.path('logs'), { recursive: true });
  writeFileSync(a.path('.usyncignore'), '!.git/\n');
  await a.capture();
  await a.capture();
  assert.deepEqual(Object.keys(told()).toSorted(), ['.env', 'escape']);
});

test('what is new waits while the ignore file that may leave it out is being written', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a', { settleMs: 400 });
  const moment = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  for (const folder of ['logs', 'else']) mkdirSync(a.path(folder));
  for (const name of ['logs/a.log', 'else/kept']) writeFileSync(a.path(name), name);
  await moment(300);
  writeFileSync(a.path('.usyncignore'), '*.log\n');
  await moment(150);
  await a.side.rescan();
  const rowsAt = (path: string): number => a.table.rows.at(path).length;
  assert.equal(rowsAt('else/kept'), 0, 'a settled file beside an ignore file that is not');
  await moment(800);
  await a.side.rescan();
  while ((await a.replica.drain()).hasMore);
  assert.equal(rowsAt('logs/a.log'), 0);
  for (const path of ['else/kept', '.usyncignore']) assert.equal(rowsAt(path), 1, path);
});

test('an entry of others that this server leaves out is told of although nothing stands there', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  spawnSync('sqlite3', [b.path('data'), 'CREATE TABLE t (a)']);
  if (!existsSync(b.path('data'))) return context.skip('there is no sqlite3 shell');
  writeFileSync(a.path('data-wal'), 'a file of that name');
  await settleAll([a, b]);
  await b.capture();
  assert.deepEqual(
    b.side
      .leftOut(10)
      .map(({ path }) => path)
      .toSorted(),
    ['data', 'data-wal'],
  );
});

for (const isStopped of [false, true])
  test(`what others have comes back when what was left out in its place is gone${isStopped ? ', also while the engine stood still' : ''}`, async (context) => {
    const ground = folderGround(context);
    let a = await ground.add('a');
    const b = await ground.add('b');
    mkdirSync(a.path('folder/in it'), { recursive: true });
    writeFileSync(a.path('file'), 'of all');
    writeFileSync(a.path('else'), 'not all is gone at once');
    await settleAll([a, b]);
    const inTheWay = ['folder/in it', 'folder', 'file'];
    for (const path of inTheWay) {
      rmSync(a.path(path), { recursive: true });
      symlinkSync('/etc/passwd', a.path(path));
      await a.capture();
      await send(a, b);
    }
    assert.equal(a.side.leftOut(10).length, 2);
    assert.deepEqual(
      a.side
        .waiting(10)
        .map(({ path, reason }) => [path, reason])
        .toSorted(([p], [q]) => byText(p, q)),
      [
        ['file', 'at file stands what takes no part: the link leads out of the folder'],
        ['folder', 'at folder stands what takes no part: the link leads out of the folder'],
        ['folder/in it', 'at folder stands what takes no part: the link leads out of the folder'],
      ],
    );
    for (const path of inTheWay) assert.equal(existsSync(b.path(path)), true, 'who leaves out deletes nothing');
    const removeAll = (): void => {
      for (const path of ['folder', 'file']) rmSync(a.path(path));
    };
    if (!isStopped) removeAll();
    else {
      await a.close();
      removeAll();
      a = await ground.restart(a);
    }
    await settleAll([a, b]);
    assert.deepEqual(treeOf(a.root), treeOf(b.root));
    assert.equal(readFileSync(a.path('file'), 'utf8'), 'of all');
    assert.equal(a.side.leftOut(10).length, 0);
  });

test('an entry of others waits with its reason, and without haste, while a link that leads out stands in its way', async (context) => {
  const ground = folderGround(context);
  let looks = 0;
  const disk = createRealDisk();
  const a = await ground.add('a', {
    disk: { ...disk, look: (path) => (looks++, disk.look(path)) },
  });
  const b = await ground.add('b');
  for (const path of ['file', 'folder']) symlinkSync('/etc/passwd', a.path(path));
  await a.capture();
  mkdirSync(b.path('folder'));
  for (const path of ['file', 'folder/in it']) writeFileSync(b.path(path), 'of b');
  await assert.rejects(settleAll([a, b]));
  const waiting = a.side.waiting(10);
  for (const [path, at] of [['file'], ['folder'], ['folder/in it', 'folder']] as const)
    assert.equal(
      waiting.find((each) => each.path === path)?.reason,
      `at ${at ?? path} stands what takes no part: the link leads out of the folder`,
    );
  const before = looks;
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.ok(looks - before < 200, `${looks - before} looks in a second`);
  for (const path of ['file', 'folder']) rmSync(a.path(path));
  await settleAll([a, b]);
  assert.deepEqual(treeOf(a.root), treeOf(b.root));
});

test('an ignore file that takes no part itself is told of, and the folder is not looked at without end', async (context) => {
  const ground = folderGround(context);
  let looks = 0;
  const disk = createRealDisk();
  const a = await ground.add('a', { disk: { ...disk, look: (path) => (looks++, disk.look(path)) } });
  symlinkSync('/etc/passwd', a.path('.usyncignore'));
  writeFileSync(a.path('else'), 'goes on');
  await a.capture();
  assert.deepEqual(a.side.leftOut(10), [{ path: '.usyncignore', reason: 'the link leads out of the folder' }]);
  assert.equal(a.table.rows.at('else').length, 1);
  const before = looks;
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(looks - before < 50, `${looks - before} looks in half a second`);
});

test('a link that leads out and stands in the place of a folder deletes nothing of the folder elsewhere', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('photos/old'), { recursive: true });
  for (const path of ['photos/1.jpg', 'photos/old/2.jpg', 'else']) writeFileSync(a.path(path), path);
  await settleAll([a, b]);
  const before = treeOf(b.root);
  // As somebody does who needs more room.
  renameSync(a.path('photos'), join(ground.folder, 'elsewhere'));
  symlinkSync('../elsewhere', a.path('photos'));
  await a.capture();
  await send(a, b);
  await b.capture();
  assert.deepEqual(treeOf(b.root), before);
  const reason = 'at photos stands what takes no part: the link leads out of the folder';
  assert.deepEqual(
    a.side
      .waiting(10)
      .map((each) => [each.path, each.reason])
      .toSorted(([p], [q]) => byText(p, q)),
    ['photos', 'photos/1.jpg', 'photos/old', 'photos/old/2.jpg'].map((path) => [path, reason]),
  );
  rmSync(a.path('photos'));
  await settleAll([a, b]);
  assert.deepEqual(treeOf(a.root), before);
});

test('a link that leads out and stands in the place of a file for a moment changes nothing', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a', { settleMs: 1_000 });
  const b = await ground.add('b');
  writeFileSync(b.path('f'), 'of all');
  await settleAll([b]);
  await send(b, a);
  await a.side.settle();
  renameSync(a.path('f'), a.path('f.tmp'));
  symlinkSync('/etc/passwd', a.path('f'));
  await a.side.rescan();
  assert.notEqual(a.table.disk.at('f'), null);
  rmSync(a.path('f'));
  renameSync(a.path('f.tmp'), a.path('f'));
  await a.side.rescan();
  assert.equal(a.side.status().pending, 0);
  assert.equal(a.table.rows.at('f').length, 1);
});

for (const kind of ['pipe', 'database', 'link that leads out', 'name that is not UTF-8'])
  test(`a folder deleted elsewhere in which a ${kind} is left stays and is no entry any more`, async (context) => {
    const ground = folderGround(context);
    const a = await ground.add('a');
    const b = await ground.add('b');
    mkdirSync(a.path('d'));
    for (const name of ['d/x', 'other', 'other2']) writeFileSync(a.path(name), 'x');
    await settleAll([a, b]);
    if (kind === 'pipe') spawnSync('mkfifo', [b.path('d/p')]);
    if (kind === 'database') writeFileSync(b.path('d/local.db'), 'SQLite format 3\0 and more');
    if (kind === 'link that leads out') symlinkSync('/etc', b.path('d/l'));
    if (kind.startsWith('name'))
      writeFileSync(Buffer.concat([Buffer.from(`${b.root}/d/bad`), Buffer.from([0xff])]), 'x');
    await b.capture();
    rmSync(a.path('d'), { recursive: true });
    await settleAll([a, b]);
    assert.equal(b.side.status().pending, 0);
  });

test('a file waits with its reason while a folder of its name is there that a rule leaves out', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  writeFileSync(a.path('.usyncignore'), 'build/\n');
  mkdirSync(a.path('build'));
  writeFileSync(a.path('build/made'), 'left out');
  await settleAll([a, b]);
  writeFileSync(b.path('build'), 'a file');
  await assert.rejects(settleAll([a, b]), /come to rest/);
  assert.deepEqual(a.side.waiting(5), [
    { path: 'build', reason: 'at build stands what takes no part: the rule build/ leaves it out' },
  ]);
  rmSync(a.path('build'), { recursive: true });
  await settleAll([a, b]);
  assert.equal(readFileSync(a.path('build'), 'utf8'), 'a file');
  assert.deepEqual([a.side.waiting(5), a.side.leftOut(5)], [[], []]);
});

test('all that takes no part is counted, however much it is', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  for (let at = 0; at < 10_100; at++) symlinkSync('/etc/passwd', a.path(`link ${at}`));
  await a.capture();
  assert.equal(a.side.status().leftOut, 10_100);
  assert.equal(a.side.leftOut(5).length, 5);
});

test('ignore of one server: an edit elsewhere while it was left out is placed when it is taken in again', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  let b = await ground.add('b');
  writeFileSync(a.path('page.txt'), 'first');
  writeFileSync(a.path('other'), 'x');
  await settleAll([a, b]);
  b = await ground.restart(b, { ignore: ['page.txt'] });
  await settleAll([a, b]);
  writeFileSync(a.path('page.txt'), 'current');
  await settleAll([a, b]);
  b = await ground.restart(b);
  await settleAll([a, b]);
  assert.equal(readFileSync(b.path('page.txt'), 'utf8'), 'current');
});

test('ignore of one server: a deletion elsewhere while it was left out is done when it is taken in again', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  let b = await ground.add('b');
  for (const name of ['page.txt', 'other', 'third']) writeFileSync(a.path(name), 'first');
  await settleAll([a, b]);
  b = await ground.restart(b, { ignore: ['page.txt'] });
  await settleAll([a, b]);
  rmSync(a.path('page.txt'));
  await settleAll([a, b]);
  assert.ok(existsSync(b.path('page.txt')));
  b = await ground.restart(b);
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
});

test('ignore of one server: a deletion of what is left out here is not done elsewhere', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  let b = await ground.add('b');
  for (const name of ['page.txt', 'other', 'third']) writeFileSync(a.path(name), 'first');
  await settleAll([a, b]);
  b = await ground.restart(b, { ignore: ['page.txt'] });
  await settleAll([a, b]);
  rmSync(b.path('page.txt'));
  await settleAll([a, b]);
  assert.ok(existsSync(a.path('page.txt')));
});

test('the ignore file goes: the servers show the same again, whatever was edited or deleted meanwhile', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  for (const name of ['a.log', 'b.log', 'c']) writeFileSync(a.path(name), name);
  await settleAll([a, b]);
  writeFileSync(a.path('.usyncignore'), '*.log\n');
  await settleAll([a, b]);
  rmSync(b.path('b.log'));
  await settleAll([a, b]);
  rmSync(a.path('.usyncignore'));
  await settleAll([a, b]);
  assert.deepEqual(treeOf(a.root), treeOf(b.root));
});

test('the ignore file goes: an edit made meanwhile comes', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  for (const name of ['a.log', 'c']) writeFileSync(a.path(name), name);
  await settleAll([a, b]);
  writeFileSync(a.path('.usyncignore'), '*.log\n');
  await settleAll([a, b]);
  writeFileSync(a.path('a.log'), 'edited by a');
  await settleAll([a, b]);
  rmSync(a.path('.usyncignore'));
  await settleAll([a, b]);
  assert.deepEqual(treeOf(a.root), treeOf(b.root));
});
