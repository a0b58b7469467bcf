/** What must not happen to a folder, whoever asks for it: outside of the root, over a newer edit, or all at once. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { folderVersion, linkVersion, type Entry, type EntryVersion } from '../../src/core/entry.js';
import type { FolderNews } from '../../src/files/folder-news.js';
import { createRealDisk } from '../../src/system/real-disk.js';
import {
  byText,
  folderGround,
  send,
  settleAll,
  treeOf,
  type FolderGround,
  type FolderServer,
} from './folder-servers.js';

const entryOf = (values: Partial<Entry>): Entry => ({
  path: 'x',
  version: 'd' as EntryVersion,
  size: 0,
  mode: 0o755,
  mtime: 0,
  base: null,
  author: 'a',
  time: 1,
  copyOf: null,
  modeAge: 0,
  ...values,
});

test('rows with hostile paths or links place nothing', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  mkdirSync(a.path('inside'));
  await a.capture();
  const hostile = [
    '../out',
    '/tmp/usync-out',
    'inside/../../out',
    'a//b',
    './x',
    '.',
    '..',
    '',
    'x\u0000y',
    '.usync-folder/id',
    '.USYNC/x',
    'a\nb',
  ];
  for (const path of hostile) a.table.rows.insert(entryOf({ path }));
  for (const target of ['/etc', '../..', 'inside/../../..'])
    a.table.rows.insert(entryOf({ path: `link ${target.length}`, version: linkVersion(target) }));
  a.table.rows.insert(entryOf({ path: 'bad version', version: 'f:short' as EntryVersion }));
  a.table.rows.insert(entryOf({ path: 'bad size', version: `f:${'A'.repeat(43)}` as EntryVersion, size: -5 }));
  await a.side.settle();
  assert.deepEqual(Object.keys(treeOf(a.root)), ['inside/']);
  assert.deepEqual(
    readdirSync(ground.folder).filter((name) => !name.startsWith('a')),
    [],
  );
});

test('bits of a row beyond the permissions are not set on a folder', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  a.table.rows.insert(entryOf({ path: 'folder', mode: 0o7755 }));
  await a.side.settle();
  assert.equal(statSync(a.path('folder')).mode & 0o7777, 0o755);
});

test('a mode that an application gives a folder while it is placed is an edit', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const disk = createRealDisk();
  const setModeAt = (path: string, mode: number): void => {
    disk.setModeAt(path, mode);
    if (path.endsWith('/folder')) chmodSync(b.path('folder'), 0o700);
  };
  const b = await ground.add('b', { disk: { ...disk, setModeAt } });
  mkdirSync(a.path('folder'), 0o755);
  await settleAll([a, b]);
  assert.equal(treeOf(b.root)['folder/'], '700');
  assert.deepEqual(treeOf(a.root), treeOf(b.root));
});

test('nothing is written through a folder that was swapped for a link', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('folder'));
  writeFileSync(a.path('folder/first'), '1');
  await settleAll([a, b]);
  const outside = join(ground.folder, 'outside');
  mkdirSync(outside);
  renameSync(b.path('folder'), b.path('moved'));
  symlinkSync(outside, b.path('folder'));
  writeFileSync(a.path('folder/second'), '2');
  await a.capture();
  await send(a, b);
  for (let round = 0; round < 3; round++) await b.side.settle();
  assert.deepEqual(readdirSync(outside), []);
});

test('links that lead outside, pipes and names that are not UTF-8 stay at home and are told of', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  symlinkSync('/etc/passwd', a.path('escape'));
  spawnSync('mkfifo', [a.path('pipe')]);
  writeFileSync(Buffer.concat([Buffer.from(`${a.root}/bad`), Buffer.from([0xff, 0xfe])]), 'x');
  writeFileSync(a.path('good'), 'x');
  await settleAll([a, b]);
  assert.deepEqual(Object.keys(treeOf(b.root)), ['good']);
  assert.equal(a.side.leftOut(10).length, 3);
});

test('two links that each stay inside by their text do not lead outside together', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  writeFileSync(join(ground.folder, 'secret'), 'secret');
  mkdirSync(a.path('x/y'), { recursive: true });
  symlinkSync('../..', a.path('x/y/root'));
  symlinkSync('x/y/root/../secret', a.path('leak'));
  symlinkSync('x/y/root/x', a.path('inside'));
  await settleAll([a, b]);
  assert.throws(() => readFileSync(b.path('leak')), { code: 'ENOENT' });
  assert.deepEqual(Object.keys(treeOf(b.root)), ['inside', 'x/', 'x/y/', 'x/y/root']);
  b.table.rows.insert(entryOf({ path: 'leak', version: linkVersion('x/y/root/../secret') }));
  await b.side.settle();
  assert.match(b.side.waiting(1)[0]?.reason ?? '', /is not placed: the target of the link goes up behind a name/);
  assert.throws(() => readFileSync(b.path('leak')), { code: 'ENOENT' });
});

test('a link that stays at home is told of with the true reason', async (context) => {
  const a = await folderGround(context).add('a');
  const targets = { out: '/etc/passwd', above: '../x', again: 'x/../y', drive: 'c:\\x', control: 'x\ny' };
  for (const [name, target] of Object.entries(targets)) symlinkSync(target, a.path(name));
  await a.capture();
  assert.deepEqual(Object.fromEntries(a.side.leftOut(9).map(({ path, reason }) => [path, reason])), {
    out: 'the link leads out of the folder',
    above: 'the link leads out of the folder',
    again: 'the target of the link goes up behind a name, which may be a link: it may lead out',
    drive: 'the target of the link holds ":" or "\\", by which other systems write paths that lead out',
    control: 'the target of the link holds control characters',
  });
});

test('a local edit that nobody has seen yet is never overwritten', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  writeFileSync(a.path('f'), '1');
  await settleAll([a, b]);
  writeFileSync(a.path('f'), 'edit of a');
  await a.capture();
  await send(a, b);
  // Written between the merge and the placing.
  writeFileSync(b.path('f'), 'unseen edit of b');
  await b.side.settle();
  assert.equal(readFileSync(b.path('f'), 'utf8'), 'unseen edit of b');
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  assert.deepEqual(Object.values(treeOf(a.root)).toSorted(byText), ['644 edit of a', '644 unseen edit of b']);
});

test('an emptied folder deletes nothing elsewhere until a person accepts it', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  for (let index = 0; index < 10; index++) writeFileSync(a.path(`f${index}`), String(index));
  await settleAll([a, b]);
  assert.equal(await a.side.accept(), false, 'an answer before the question lets no loss pass');
  for (let index = 0; index < 10; index++) rmSync(a.path(`f${index}`));
  await a.capture();
  assert.equal(a.side.status().problem?.code, 'USYNC-1702');
  await send(a, b);
  await b.side.settle();
  assert.equal(Object.keys(treeOf(b.root)).length, 10);
  assert.equal(await a.side.accept(), true);
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), {});
});

test('what is held as missing is put back when a person says so; contents come from peers', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('deep'));
  for (let index = 0; index < 10; index++) writeFileSync(a.path(`deep/f${index}`), String(index));
  await settleAll([a, b]);
  const tree = treeOf(a.root);
  assert.equal(await a.side.putBack(), 0);
  rmSync(a.path('deep'), { recursive: true });
  await a.capture();
  assert.equal(a.side.status().problem?.code, 'USYNC-1702');
  assert.deepEqual(a.side.missing(3), ['deep', 'deep/f0', 'deep/f1']);
  assert.equal(await a.side.putBack(), 11);
  await settleAll([a, b]);
  assert.deepEqual(treeOf(a.root), tree);
  assert.deepEqual(treeOf(b.root), tree);
  assert.equal(a.side.status().problem, null);
  assert.deepEqual(a.side.missing(3), []);
});

test('what stops a folder, its end, and each conflict are told once, as they happen', async (context) => {
  const ground = folderGround(context);
  const news: FolderNews[] = [];
  const a = await ground.add('a', { onNews: (told) => void news.push(told) });
  const b = await ground.add('b');
  for (const name of ['x', 'y']) for (const server of [a, b]) writeFileSync(server.path(name), `by ${server.name}`);
  await settleAll([a, b]);
  await settleAll([a, b]);
  assert.equal(
    news.reduce((sum, told) => sum + (told.kind === 'conflicts' ? told.count : 0), 0),
    2,
  );
  news.length = 0;
  for (const name of readdirSync(a.root)) if (name !== '.usync-folder') rmSync(a.path(name));
  await a.capture();
  await a.capture();
  assert.deepEqual(
    news.map((told) => (told.kind === 'stopped' ? told.code : told.kind)),
    ['USYNC-1702'],
  );
  await a.side.putBack();
  await settleAll([a, b]);
  assert.deepEqual(news.slice(1), [{ kind: 'goes-on' }]);
});

test('deletions after others were put back are counted anew, of all that stands by then', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const remove = (count: number): void => {
    for (let index = 0; index < count; index++) rmSync(a.path(`f${index}`));
  };
  for (let index = 0; index < 120; index++) writeFileSync(a.path(`f${index}`), `content ${index}`);
  await settleAll([a, b]);
  remove(120);
  await a.capture();
  assert.equal(await a.side.putBack(), 120);
  for (let index = 120; index < 150; index++) writeFileSync(a.path(`f${index}`), `content ${index}`);
  await settleAll([a, b]);
  remove(150);
  await a.capture();
  assert.match(a.side.status().problem?.text ?? '', /150 of 150 entries/);
  assert.equal(a.side.missing(1000).length, 150);
});

test('most of a large folder gone at once is held; what comes back ends it', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  for (let index = 0; index < 300; index++) writeFileSync(a.path(`f${index}`), 'same');
  await a.capture();
  for (let index = 0; index < 200; index++) rmSync(a.path(`f${index}`));
  await a.capture();
  assert.equal(a.side.status().problem?.code, 'USYNC-1702');
  assert.equal(a.table.rows.counts().entries, 300);
  for (let index = 0; index < 200; index++) writeFileSync(a.path(`f${index}`), 'same');
  await a.capture();
  assert.equal(a.side.status().problem, null);
  assert.equal(a.table.rows.counts().entries, 300);
});

test('a folder that is moved with most of the files is a rename, not a deletion', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('old/x/inner'), { recursive: true });
  for (let index = 0; index < 150; index++) writeFileSync(a.path(`old/x/inner/f${index}`), `content ${index}`);
  writeFileSync(a.path('stays'), 'x');
  await settleAll([a, b]);
  renameSync(a.path('old/x/inner'), a.path('moved'));
  rmSync(a.path('old'), { recursive: true });
  await settleAll([a, b]);
  assert.equal(a.side.status().problem, null);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  assert.equal(Object.keys(treeOf(b.root)).length, 152);
});

test('deletions that are held stay held while files are added elsewhere', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  for (let index = 0; index < 200; index++) writeFileSync(a.path(`f${index}`), `content ${index}`);
  await a.capture();
  for (let index = 0; index < 110; index++) rmSync(a.path(`f${index}`));
  await a.capture();
  assert.equal(a.side.status().problem?.code, 'USYNC-1702');
  for (let index = 0; index < 200; index++) writeFileSync(a.path(`new ${index}`), `new ${index}`);
  await a.capture();
  assert.equal(a.side.status().problem?.code, 'USYNC-1702');
  assert.equal(a.table.rows.counts().entries, 400);
  for (let index = 0; index < 60; index++) writeFileSync(a.path(`f${index}`), `content ${index}`);
  await a.capture();
  await a.capture();
  assert.equal(a.side.status().problem, null);
  assert.equal(a.table.rows.counts().entries, 350);
});

test('another folder at the root, as after an unmount, stops everything and deletes nothing', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  writeFileSync(a.path('f'), '1');
  writeFileSync(a.path('g'), '2');
  await settleAll([a, b]);
  renameSync(a.root, `${a.root}-unmounted`);
  mkdirSync(a.root);
  await assert.rejects(a.side.rescan(), { code: 'USYNC-1701' });
  assert.equal(a.side.status().problem?.code, 'USYNC-1701');
  assert.equal(a.table.rows.counts().entries, 2);
  assert.deepEqual(readdirSync(a.root), []);
  rmSync(a.root, { recursive: true });
  renameSync(`${a.root}-unmounted`, a.root);
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), { f: '644 1', g: '644 2' });
});

test(
  'a folder that cannot be read is unknown, not empty',
  { skip: process.getuid?.() === 0 && 'root reads everything' },
  async (context) => {
    const ground = folderGround(context);
    const a = await ground.add('a');
    mkdirSync(a.path('closed'));
    writeFileSync(a.path('closed/f'), '1');
    writeFileSync(a.path('open'), '2');
    await a.capture();
    chmodSync(a.path('closed'), 0);
    await a.capture();
    chmodSync(a.path('closed'), 0o755);
    assert.equal(a.table.rows.counts().entries, 3);
  },
);

test('a folder stays where something is in it that takes no part, and is no entry any more', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('folder'));
  writeFileSync(a.path('folder/f'), '1');
  writeFileSync(a.path('other'), '1');
  await settleAll([a, b]);
  writeFileSync(b.path('folder/own.tmp'), 'of b');
  rmSync(a.path('folder'), { recursive: true });
  await settleAll([a, b]);
  await settleAll([a, b]);
  assert.deepEqual(Object.keys(treeOf(a.root)), ['other']);
  assert.deepEqual(Object.keys(treeOf(b.root)), ['folder/', 'folder/own.tmp', 'other']);
});

test('what a crash left placed and not recorded is no edit: a file deleted elsewhere meanwhile does not come back', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  writeFileSync(a.path('f'), 'content');
  writeFileSync(a.path('g'), 'content');
  await settleAll([a, b]);
  const record = b.table.disk.at('f');
  assert.ok(record);
  rmSync(a.path('f'));
  await a.capture();
  // As if b had died between the rename and its record: placed, intended, not recorded.
  await b.side.close();
  b.table.disk.remove('f');
  b.table.disk.intend([{ path: 'f', version: record.version }]);
  await send(a, b);
  await b.side.open();
  await settleAll([a, b]);
  assert.deepEqual(Object.keys(treeOf(a.root)), ['g']);
  assert.deepEqual(Object.keys(treeOf(b.root)), ['g']);
});

test('what a person accepted counts no more: the next single deletion and a rename go on, and put-back ends what it held', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const fill = (folder: string, count: number): void => {
    mkdirSync(a.path(folder));
    for (let number = 0; number < count; number++) writeFileSync(a.path(`${folder}/${number}`), `${folder} ${number}`);
  };
  fill('gone', 200);
  fill('moved', 150);
  for (const name of ['one', 'two', 'three']) writeFileSync(a.path(name), name);
  await settleAll([a, b]);
  rmSync(a.path('gone'), { recursive: true });
  rmSync(a.path('moved/0'));
  await a.capture();
  assert.equal(a.side.status().problem?.code, 'USYNC-1702');
  assert.equal(await a.side.accept(), true);
  await settleAll([a, b]);
  rmSync(a.path('one'));
  renameSync(a.path('moved'), a.path('elsewhere'));
  await settleAll([a, b]);
  assert.equal(a.side.status().problem, null);
  assert.deepEqual(
    Object.keys(treeOf(b.root)).filter((name) => !name.startsWith('elsewhere')),
    ['three', 'two'],
  );
  rmSync(a.path('elsewhere'), { recursive: true });
  await a.capture();
  assert.equal(a.side.status().problem?.code, 'USYNC-1702');
  assert.ok((await a.side.putBack()) > 0);
  await settleAll([a, b]);
  assert.equal(a.side.status().problem, null);
  assert.deepEqual(treeOf(a.root), treeOf(b.root));
});

test('what another program puts into the state folder stops nothing', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  writeFileSync(a.path('x'), 'x');
  await a.capture();
  for (const folder of ['history', 'temporary']) mkdirSync(a.path(`.usync-folder/${folder}/@eaDir`));
  const b = await ground.add('b');
  await settleAll([await ground.restart(a), b]);
  assert.deepEqual(treeOf(b.root), { x: '644 x' });
});

test('what a clean-up removes from the state folder while the engine runs is made again, and everything goes on', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  for (const name of ['edited', 'deleted', 'written']) writeFileSync(a.path(name), name);
  await settleAll([a, b]);
  const clean = (): void => {
    for (const folder of ['temporary', 'history']) rmSync(b.path(`.usync-folder/${folder}`), { recursive: true });
  };
  clean();
  writeFileSync(a.path('edited'), 'again');
  writeFileSync(a.path('large'), Buffer.alloc(2_000_000, 'x'));
  rmSync(a.path('deleted'));
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  assert.deepEqual(
    b.side
      .history({ max: 5 })
      .map(({ path }) => path)
      .toSorted(byText),
    ['deleted', 'edited'],
  );
  clean();
  await b.side.write('written', Buffer.from('by the API'));
  assert.equal(readFileSync(b.path('written'), 'utf8'), 'by the API');
});

test('a large folder that became a file is held as a whole until a person accepts it', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('e'));
  for (let number = 0; number < 120; number++) writeFileSync(a.path(`e/${number}`), `${number}`);
  writeFileSync(a.path('else'), 'else');
  await settleAll([a, b]);
  const before = treeOf(b.root);
  rmSync(a.path('e'), { recursive: true });
  writeFileSync(a.path('e'), 'a file now');
  await a.capture();
  assert.equal(a.side.status().problem?.code, 'USYNC-1702');
  assert.deepEqual(
    a.table.rows.at('e').map(({ version }) => version),
    ['d'],
    'the file would stand beside the folder elsewhere',
  );
  await send(a, b);
  await b.side.settle();
  assert.deepEqual(treeOf(b.root), before);
  assert.equal(await a.side.accept(), true);
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), { e: '644 a file now', else: '644 else' });
});

test('what is recorded in a folder that is not recorded itself is found to be gone', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('e/deep'), { recursive: true });
  for (const path of ['e/x', 'e/deep/y', 'else']) writeFileSync(a.path(path), path);
  await settleAll([a, b]);
  rmSync(a.path('e'), { recursive: true });
  a.table.rows.unmarked(() => a.table.rows.end('e', folderVersion));
  a.table.disk.remove('e');
  await settleAll([await ground.restart(a), b]);
  for (const server of [a, b]) assert.deepEqual(treeOf(server.root), { else: '644 else' });
});

test('deletions that are held stay held over a restart, whatever was added meanwhile', async (context) => {
  const ground = folderGround(context);
  let a = await ground.add('a');
  const b = await ground.add('b');
  for (let i = 0; i < 200; i++) writeFileSync(a.path(`f${i}`), `x${i}`);
  await settleAll([a, b]);
  for (let i = 0; i < 150; i++) rmSync(a.path(`f${i}`));
  await a.capture();
  assert.equal(a.side.status().problem?.code, 'USYNC-1702');
  for (let i = 0; i < 200; i++) writeFileSync(a.path(`n${i}`), `n${i}`);
  await a.capture();
  assert.equal(a.side.status().problem?.code, 'USYNC-1702');
  a = await ground.restart(a);
  await a.capture();
  await send(a, b);
  await b.side.settle();
  assert.equal(Object.keys(treeOf(b.root)).filter((name) => name.startsWith('f')).length, 200);
});

test('deletions of an application that always deletes something do not wait for the last of them', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a', { settleMs: 25 });
  for (let index = 0; index < 1500; index++) writeFileSync(a.path(`f${index}`), `content ${index}`);
  await a.capture();
  await sleep(500);
  await a.capture();
  for (let index = 0; index < 600 && a.table.rows.counts().entries === 1500; index++) {
    rmSync(a.path(`f${index}`));
    await sleep(10);
  }
  assert.ok(a.table.rows.counts().entries < 1500);
  assert.equal(a.side.status().problem, null);
});

test('of a stroke of deletions that pauses for a moment nothing is deleted elsewhere before all of it is judged', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a', { settleMs: 25 });
  const b = await ground.add('b');
  for (let index = 0; index < 150; index++) writeFileSync(a.path(`f${index}`), `content ${index}`);
  await settleAll([a, b]);
  for (let index = 0; index < 30; index++) rmSync(a.path(`f${index}`));
  // As long as the end of a large file takes.
  await sleep(150);
  for (let index = 30; index < 150; index++) rmSync(a.path(`f${index}`));
  await a.capture();
  assert.match(a.side.status().problem?.text ?? '', /150 of 150 entries/);
  assert.equal(a.table.rows.counts().entries, 150);
});

for (const isRestarted of [false, true])
  test(`a new, empty folder is filled when a person says so${isRestarted ? ', also when it was found at the start' : ''}`, async (context) => {
    const ground = folderGround(context);
    let a = await ground.add('a');
    const b = await ground.add('b');
    for (const name of ['f', 'g']) writeFileSync(a.path(name), name);
    mkdirSync(a.path('h'));
    await settleAll([a, b]);
    if (isRestarted) await a.close();
    rmSync(a.root, { recursive: true });
    mkdirSync(a.root);
    writeFileSync(a.path('new'), 'new');
    if (isRestarted) a = await ground.add('a');
    await a.side.settle().catch(() => undefined);
    assert.equal(a.side.status().problem?.code, 'USYNC-1701');
    assert.equal(await a.side.putBack(), 3);
    await settleAll([a, b]);
    assert.deepEqual(Object.keys(treeOf(a.root)).toSorted(byText), ['f', 'g', 'h/', 'new']);
    assert.deepEqual(treeOf(b.root), treeOf(a.root));
    assert.equal(a.side.status().problem, null);
  });

test('a folder that was missing at the start is taken up when it is there again', async (context) => {
  const ground = folderGround(context);
  let a = await ground.add('a');
  const b = await ground.add('b');
  writeFileSync(a.path('f'), 'f');
  await settleAll([a, b]);
  await a.close();
  renameSync(a.root, `${a.root}-away`);
  a = await openMissing(ground, a.root);
  assert.equal(a.side.status().problem?.code, 'USYNC-1700');
  rmSync(a.root, { recursive: true, force: true });
  renameSync(`${a.root}-away`, a.root);
  await settleAll([a, b]);
  assert.equal(a.side.status().problem, null);
  assert.equal(readFileSync(b.path('f'), 'utf8'), 'f');
});

/** The ground makes the folder of each server: it is taken away in the moment before the engine looks. */
async function openMissing(ground: FolderGround, root: string): Promise<FolderServer> {
  const disk = createRealDisk();
  let isGone = false;
  const realPath = (path: string): string => {
    if (!isGone) rmSync(root, { recursive: true, force: true });
    isGone = true;
    return disk.realPath(path);
  };
  return ground.add('a', { disk: { ...disk, realPath } });
}
