/** What two servers do to the same names while they do not see each other. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { test, type TestContext } from 'node:test';
import { createRealDisk } from '../../src/system/real-disk.js';
import { byText, folderGround, send, settleAll, treeOf, type FolderServer } from './folder-servers.js';

/** Both begin with the same tree; then each does its part; then all is exchanged. */
async function apart(
  context: TestContext,
  prepare: (a: FolderServer) => void,
  acts: readonly [(a: FolderServer) => void, (b: FolderServer) => void],
): Promise<Record<string, string>> {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const c = await ground.add('c');
  prepare(a);
  await settleAll([a, b, c]);
  acts[0](a);
  acts[1](b);
  await settleAll([a, b, c]);
  await settleAll([c, b, a]);
  const tree = treeOf(a.root);
  assert.deepEqual(treeOf(b.root), tree);
  assert.deepEqual(treeOf(c.root), tree);
  return tree;
}

test('an edit outlives a delete that did not see it', async (context) => {
  const tree = await apart(context, (a) => writeFileSync(a.path('f'), '1'), [
    (a) => writeFileSync(a.path('f'), '2'),
    (b) => rmSync(b.path('f')),
  ]);
  assert.deepEqual(tree, { f: '644 2' });
});

test('a file that both delete is gone', async (context) => {
  const tree = await apart(context, (a) => writeFileSync(a.path('f'), '1'), [
    (a) => rmSync(a.path('f')),
    (b) => rmSync(b.path('f')),
  ]);
  assert.deepEqual(tree, {});
});

test('the same edit on both sides is no conflict', async (context) => {
  const tree = await apart(context, (a) => writeFileSync(a.path('f'), '1'), [
    (a) => writeFileSync(a.path('f'), 'same'),
    (b) => writeFileSync(b.path('f'), 'same'),
  ]);
  assert.deepEqual(tree, { f: '644 same' });
});

test('a folder takes the name; the file that wanted it stands beside it', async (context) => {
  const tree = await apart(context, () => undefined, [
    (a) => {
      mkdirSync(a.path('name'));
      writeFileSync(a.path('name/inside'), 'x');
    },
    (b) => writeFileSync(b.path('name'), 'file'),
  ]);
  const copy = Object.keys(tree).find((path) => path.includes('(conflict'));
  assert.equal(tree[copy ?? ''], '644 file');
  assert.deepEqual(Object.keys(tree).toSorted(byText), [copy ?? '', 'name/', 'name/inside'].toSorted(byText));
});

test('a file written into a folder that is deleted elsewhere keeps its folder', async (context) => {
  const prepare = (a: FolderServer): void => {
    mkdirSync(a.path('folder/inner'), { recursive: true });
    writeFileSync(a.path('folder/inner/old'), 'old');
    writeFileSync(a.path('other'), '');
  };
  const tree = await apart(context, prepare, [
    (a) => rmSync(a.path('folder'), { recursive: true }),
    (b) => writeFileSync(b.path('folder/inner/new'), 'new'),
  ]);
  assert.deepEqual(tree, { 'folder/': '755', 'folder/inner/': '755', 'folder/inner/new': '644 new', other: '644 ' });
});

test('a new mode here and an edit there both stand, whoever exchanges first', async (context) => {
  const prepare = (a: FolderServer): void => writeFileSync(a.path('run'), 'one');
  const chmod = (server: FolderServer): void => chmodSync(server.path('run'), 0o755);
  const edit = (server: FolderServer): void => writeFileSync(server.path('run'), 'two');
  assert.deepEqual(await apart(context, prepare, [chmod, edit]), { run: '755 two' });
  assert.deepEqual(await apart(context, prepare, [edit, chmod]), { run: '755 two' });
});

test('a file that became a folder here and was edited there: the folder stands, the edit beside it', async (context) => {
  const becomeFolder = (server: FolderServer): void => {
    rmSync(server.path('name'));
    mkdirSync(server.path('name'));
    writeFileSync(server.path('name/inside'), 'inside');
  };
  const tree = await apart(context, (a) => writeFileSync(a.path('name'), 'file'), [
    becomeFolder,
    (b) => writeFileSync(b.path('name'), 'edited'),
  ]);
  const copy = Object.keys(tree).find((path) => path.includes('(conflict')) ?? '';
  assert.deepEqual(tree, { 'name/': '755', 'name/inside': '644 inside', [copy]: '644 edited' });
});

test('a folder that became a file here, with an edit in it there: the folder stands, the file beside it', async (context) => {
  const prepare = (a: FolderServer): void => {
    mkdirSync(a.path('name'));
    writeFileSync(a.path('name/inside'), 'inside');
    writeFileSync(a.path('name/other'), 'other');
  };
  const becomeFile = (server: FolderServer): void => {
    rmSync(server.path('name'), { recursive: true });
    writeFileSync(server.path('name'), 'file');
  };
  const tree = await apart(context, prepare, [becomeFile, (b) => writeFileSync(b.path('name/inside'), 'edited')]);
  const copy = Object.keys(tree).find((path) => path.includes('(conflict')) ?? '';
  assert.deepEqual(tree, { 'name/': '755', 'name/inside': '644 edited', [copy]: '644 file' });
});

test('an edit that lost is kept although its writer goes on writing into the same file', async (context) => {
  const ground = folderGround(context);
  let isCut = true;
  const a = await ground.add('a');
  const b = await ground.add('b', {
    peers: {
      isNowhere: () => Promise.resolve(false),
      fetch: async (requests) => (isCut ? requests.map(() => null) : a.side.read(requests)),
    },
  });
  writeFileSync(b.path('notes'), 'by b, lost');
  await b.capture();
  await new Promise((resolve) => setTimeout(resolve, 5));
  writeFileSync(a.path('notes'), 'by a');
  await a.capture();
  await send(a, b);
  await b.side.settle();
  assert.equal(b.side.copies(5).length, 1);
  writeFileSync(b.path('notes'), 'by b, written later');
  isCut = false;
  await settleAll([a, b]);
  const tree = treeOf(a.root);
  assert.deepEqual(treeOf(b.root), tree);
  assert.ok(Object.values(tree).includes('644 by b, lost'), JSON.stringify(tree));
  assert.ok(Object.values(tree).includes('644 by b, written later'), JSON.stringify(tree));
});

test('restored, a conflict copy has its name again and the other edit is in the history', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  writeFileSync(a.path('plan.txt'), 'by a');
  writeFileSync(b.path('plan.txt'), 'by b');
  await settleAll([a, b]);
  const kept = readFileSync(a.path('plan.txt'), 'utf8');
  const [conflict] = await a.replica.conflicts({ max: 5 });
  assert.ok(conflict?.canRestore);
  assert.deepEqual(await a.replica.restoreConflict(conflict.id), { kind: 'restored', rows: 1 });
  await settleAll([a, b]);
  const tree = treeOf(b.root);
  assert.deepEqual(treeOf(a.root), tree);
  assert.deepEqual(tree, { 'plan.txt': kept === 'by a' ? '644 by b' : '644 by a' });
  for (const server of [a, b]) {
    const [settled, ...others] = await server.replica.conflicts({ max: 5 });
    assert.deepEqual([settled?.id, settled?.canRestore, others], [conflict.id, false, []]);
    assert.ok((settled?.settledMs ?? 0) > 0, 'no longer open, and in the log');
    const folder = server.path('.usync-folder/history');
    const history = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
    assert.ok(history.includes(kept), `the history of ${server.name} has not "${kept}"`);
  }
  await assert.rejects(a.replica.restoreConflict(conflict.id), { code: 'USYNC-1801', message: /stands no more/ });
  assert.ok(existsSync(a.path('plan.txt')));
  assert.equal(await b.replica.forgetConflicts(Date.now() + 1000), 1);
  assert.deepEqual([await b.replica.conflicts({ max: 5 }), await b.replica.conflictsForgotten()], [[], 1]);
});

test('a conflict whose copy a person renamed or deleted is settled in the log of every server, one that stands is not forgotten', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  for (const [server, text] of [
    [a, 'of a'],
    [b, 'of b'],
  ] as const)
    for (const name of ['renamed', 'deleted', 'left']) writeFileSync(server.path(name), text);
  await settleAll([a, b]);
  const copies = Object.fromEntries(a.side.copies(5).map(({ path, copyOf }) => [copyOf, path]));
  renameSync(a.path(copies['renamed'] ?? ''), a.path('mine'));
  rmSync(a.path(copies['deleted'] ?? ''));
  await settleAll([a, b]);
  for (const { replica } of [a, b]) {
    const log = await replica.conflicts({ max: 5 });
    assert.deepEqual(Object.fromEntries(log.map(({ key, settledMs }) => [key, settledMs !== null])), {
      deleted: true,
      left: false,
      renamed: true,
    });
    assert.equal(await replica.forgetConflicts(Date.now() + 1000), 2);
    assert.deepEqual(
      (await replica.conflicts({ max: 5 })).map(({ key }) => key),
      ['left'],
    );
  }
});

test('the conflict copy of a file whose path is nearly too long stands on both servers', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const folder = Array.from({ length: 15 }, () => 'd'.repeat(199)).join('/');
  for (const server of [a, b]) {
    mkdirSync(server.path(folder), { recursive: true });
    writeFileSync(server.path(`${folder}/${'f'.repeat(60)}`), `of ${server.name}`);
  }
  await settleAll([a, b]);
  const tree = treeOf(a.root);
  assert.deepEqual(treeOf(b.root), tree);
  const contents = Object.values(tree).filter((text) => text.startsWith('644'));
  assert.deepEqual(contents.toSorted(byText), ['644 of a', '644 of b']);
  assert.deepEqual([a.side.leftOut(5), b.side.leftOut(5)], [[], []]);
});

test('a file that lost and was replaced is told of once in the history, and one content of it is kept', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  let b = await ground.add('b');
  writeFileSync(b.path('plan.txt'), 'of b, first');
  await b.capture();
  await new Promise((resolve) => setTimeout(resolve, 5));
  writeFileSync(a.path('plan.txt'), 'of a, later');
  await settleAll([a, b]);
  assert.deepEqual(
    b.side.history({ path: 'plan.txt', max: 5 }).map(({ reason }) => reason),
    ['replaced'],
  );
  b = await ground.restart(b);
  await settleAll([a, b]);
  assert.equal(readdirSync(b.path('.usync-folder/history')).length, 1);
  assert.equal(b.side.history({ max: 5 }).length, 1);
});

test('a conflict copy whose name is a folder by now is not put back, and the error says what to do', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('thing'));
  writeFileSync(a.path('thing/inside'), 'x');
  writeFileSync(b.path('thing'), 'file');
  await settleAll([a, b]);
  const [conflict] = await b.replica.conflicts({ max: 5 });
  await assert.rejects(b.replica.restoreConflict(conflict?.id ?? ''), {
    code: 'USYNC-1801',
    nextStep: /Rename the folder/,
  });
});

test('restored from the history, a link is that link again, and no other file is read through it', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('docs'));
  writeFileSync(a.path('docs/plan'), 'plan');
  symlinkSync('docs/plan', a.path('link'));
  await settleAll([a, b]);
  rmSync(a.path('link'));
  await settleAll([a, b]);
  const [kept] = b.side.history({ path: 'link', max: 5 });
  assert.ok(kept);
  await b.side.restore(kept.id);
  await settleAll([a, b]);
  for (const server of [a, b]) assert.equal(readlinkSync(server.path('link')), 'docs/plan');
});

test('what a history has lost from its disk is said by the path it had, and nothing is changed', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  writeFileSync(a.path('plan'), 'first');
  await settleAll([a, b]);
  writeFileSync(a.path('plan'), 'second');
  await settleAll([a, b]);
  const folder = b.path('.usync-folder/history');
  for (const name of readdirSync(folder)) rmSync(`${folder}/${name}`);
  const [kept] = b.side.history({ path: 'plan', max: 5 });
  assert.ok(kept);
  await assert.rejects(b.side.restore(kept.id), { code: 'USYNC-1704', message: /plan/ });
  assert.equal(readFileSync(b.path('plan'), 'utf8'), 'second');
});

test('what the ignore rules leave out by now is not restored: it would stand on one server alone', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  for (const name of ['x.log', 'else']) writeFileSync(a.path(name), name);
  await settleAll([a, b]);
  rmSync(a.path('x.log'));
  await settleAll([a, b]);
  writeFileSync(a.path('.usyncignore'), '*.log\n');
  await settleAll([a, b]);
  const [kept] = b.side.history({ path: 'x.log', max: 5 });
  assert.ok(kept);
  await assert.rejects(b.side.restore(kept.id), { code: 'USYNC-1907' });
  assert.ok(!existsSync(b.path('x.log')));
});

test('a conflict whose copy the disk refuses waits with that reason, and the other entries go on', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const real = createRealDisk();
  let isFull = true;
  const b = await ground.add('b', {
    disk: {
      ...real,
      copyFile(from, to) {
        if (!isFull) return real.copyFile(from, to);
        writeFileSync(to, 'half');
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      },
    },
  });
  writeFileSync(b.path('x'), 'of b');
  await b.capture();
  await new Promise((resolve) => setTimeout(resolve, 5));
  writeFileSync(a.path('x'), 'of a, later');
  writeFileSync(a.path('other'), 'other');
  await a.capture();
  await send(b, a);
  await send(a, b);
  await b.side.settle();
  assert.equal(readFileSync(b.path('other'), 'utf8'), 'other');
  assert.match(b.side.waiting(5).find(({ path }) => path === 'x')?.reason ?? '', /ENOSPC/);
  assert.deepEqual(readdirSync(b.path('.usync-folder/temporary')), []);
  isFull = false;
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  assert.equal(Object.keys(treeOf(b.root)).length, 3);
});

test('renamed to two names on two sides, the file stands under both', async (context) => {
  const tree = await apart(context, (a) => writeFileSync(a.path('old'), 'content'), [
    (a) => renameSync(a.path('old'), a.path('name of a')),
    (b) => renameSync(b.path('old'), b.path('name of b')),
  ]);
  assert.deepEqual(tree, { 'name of a': '644 content', 'name of b': '644 content' });
});

test('renamed here and edited there, both the new name and the edit stand', async (context) => {
  const tree = await apart(context, (a) => writeFileSync(a.path('old'), 'content'), [
    (a) => renameSync(a.path('old'), a.path('new')),
    (b) => writeFileSync(b.path('old'), 'edited'),
  ]);
  assert.deepEqual(tree, { new: '644 content', old: '644 edited' });
});

test('names that differ only by case or Unicode form are two files where the disk holds both', async (context) => {
  const tree = await apart(context, () => undefined, [
    (a) => {
      writeFileSync(a.path('Name'), 'upper');
      writeFileSync(a.path('\u00e9'), 'composed');
    },
    (b) => {
      writeFileSync(b.path('name'), 'lower');
      writeFileSync(b.path('e\u0301'), 'decomposed');
    },
  ]);
  assert.equal(Object.keys(tree).length, 4);
});

test('a folder that one server deleted, and that stood on for what another had put into it, goes when that is deleted', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('photos/old'), { recursive: true });
  writeFileSync(a.path('else'), 'not all is gone at once');
  await settleAll([a, b]);
  rmSync(a.path('photos'), { recursive: true });
  await a.capture();
  writeFileSync(b.path('photos/old/new.jpg'), 'taken meanwhile');
  await settleAll([a, b]);
  assert.equal(readFileSync(a.path('photos/old/new.jpg'), 'utf8'), 'taken meanwhile');
  rmSync(b.path('photos/old'), { recursive: true });
  await settleAll([a, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  assert.equal(existsSync(b.path('photos')), false);
});

test('a folder that stood on for what another server had put into it goes when that is deleted before it came', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b', {
    peers: {
      isNowhere: () => Promise.resolve(false),
      fetch: (requests) => Promise.resolve(requests.map(() => null)),
    },
  });
  const c = await ground.add('c');
  for (const folder of ['photos/old', 'else']) mkdirSync(a.path(folder), { recursive: true });
  await settleAll([a, b, c]);
  rmSync(a.path('photos'), { recursive: true });
  await a.capture();
  writeFileSync(c.path('photos/old/new.jpg'), 'taken meanwhile');
  await c.capture();
  for (const from of [a, c]) await send(from, b);
  await b.side.settle();
  assert.equal(existsSync(b.path('photos/old')), true, 'something is to stand in it');
  rmSync(c.path('photos'), { recursive: true });
  await c.capture();
  await send(c, b);
  await b.capture();
  await b.capture();
  assert.deepEqual(Object.keys(treeOf(b.root)), ['else/']);
});

test('what is kept of an edit that lost has its name for good before it is recorded', async (context) => {
  const ground = folderGround(context);
  const disk = createRealDisk();
  let isNamed = true;
  const seen: boolean[] = [];
  const b = await ground.add('b', {
    disk: {
      ...disk,
      rename(from, to) {
        disk.rename(from, to);
        if (/\/\d+-[0-9a-f]{8}-f$/.test(to)) isNamed = false;
      },
      sync(handle) {
        disk.sync(handle);
        if (readlinkSync(`/proc/self/fd/${handle}`).endsWith('/history')) isNamed = true;
      },
    },
    // Between the record and the placing.
    peers: {
      isNowhere: () => Promise.resolve(false),
      fetch(requests) {
        seen.push(isNamed);
        return Promise.resolve(requests.map(() => Buffer.from('later')));
      },
    },
  });
  const a = await ground.add('a');
  await settleAll([a, b]);
  writeFileSync(b.path('f'), 'by b');
  await b.capture();
  writeFileSync(a.path('f'), 'later');
  await a.capture();
  await send(a, b);
  await b.side.settle();
  assert.equal(readFileSync(b.path('f'), 'utf8'), 'later');
  assert.equal(b.table.history.files().size, 2, 'one kept for the copy, one replaced');
  assert.deepEqual(seen, [true], 'a power loss would take what is recorded');
});

test('a file that an application puts in place while the new content gets its attributes is an edit', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const disk = createRealDisk();
  let isArmed = false;
  const setTimes = (handle: number, seconds: number): void => {
    disk.setTimes(handle, seconds);
    if (!isArmed) return;
    isArmed = false;
    writeFileSync(b.path('x.tmp'), 'EDIT OF B');
    renameSync(b.path('x.tmp'), b.path('big'));
  };
  const b = await ground.add('b', { disk: { ...disk, setTimes } });
  writeFileSync(a.path('big'), randomBytes(3_000_000));
  await settleAll([a, b]);
  writeFileSync(a.path('big'), randomBytes(3_000_000));
  await a.capture();
  await send(a, b);
  isArmed = true;
  await settleAll([a, b]);
  const standing = readdirSync(b.root).filter((name) => name.startsWith('big'));
  assert.ok(
    standing.some((name) => readFileSync(b.path(name)).toString() === 'EDIT OF B'),
    standing.join(),
  );
});
