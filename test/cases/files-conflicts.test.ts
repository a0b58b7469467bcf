/** What two servers do to the same names while they do not see each other. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { byText, folderGround, settleAll, treeOf, type FolderServer } from './folder-servers.js';

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
