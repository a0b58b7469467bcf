/**
 * Goal: whatever applications do to their folders while servers exchange, are apart or start again, the trees end equal and
 * no edit is lost that nobody overwrote or deleted. Method: random work on three real folders, every content written once;
 * who writes or deletes a file has seen what stands there, so that alone counts as overwritten.
 */
import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { folderGround, send, settleAll, treeOf, type FolderGround, type FolderServer } from './folder-servers.js';

/** Four in every run; `USYNC_FILES_SEEDS` and `USYNC_FILES_FROM` choose more. */
const seeds = Number(process.env['USYNC_FILES_SEEDS'] ?? 4);
const firstSeed = Number(process.env['USYNC_FILES_FROM'] ?? 1);

for (let seed = firstSeed; seed < firstSeed + seeds; seed++)
  test(`random work on three folders ends equal and loses nothing (seed ${seed})`, async (context) => {
    await runSeed(context, seed);
  });

test('a large tree that is switched between two states here while it is edited elsewhere in it there ends equal', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const packages = Array.from({ length: 15 }, (_, index) => `modules/package ${index}`);
  const switchTo = (state: 'old' | 'new'): void => {
    for (const [index, folder] of packages.entries()) {
      // As a package manager does: the folder goes, another one comes, some only in one of the states.
      rmSync(join(a.root, folder), { recursive: true, force: true });
      if (index % 5 === (state === 'old' ? 0 : 1)) continue;
      mkdirSync(join(a.root, folder, 'lib'), { recursive: true });
      for (let file = 0; file < 6; file++)
        writeFileSync(
          join(a.root, folder, `lib/${file}.js`),
          file % 3 === 0 ? 'the same' : `${state} ${index} ${file}`,
        );
    }
  };
  const edited = new Map<string, string>();
  switchTo('old');
  await settleAll([a, b]);
  for (let round = 0; round < 2; round++) {
    switchTo(round % 2 === 0 ? 'new' : 'old');
    for (const folder of ['modules/own', 'modules/package 7', 'modules/package 13']) {
      mkdirSync(join(b.root, folder), { recursive: true });
      writeFileSync(join(b.root, folder, 'edited here'), `round ${round}`);
      edited.set(`${folder}/edited here`, `round ${round}`);
    }
    await a.capture();
    await send(a, b);
    await b.capture();
    await send(b, a);
  }
  await settleAll([a, b]);
  const tree = treeOf(a.root);
  assert.deepEqual(treeOf(b.root), tree);
  for (const [path, content] of edited) assert.equal(tree[path], `644 ${content}`, path);
  assert.equal(tree['modules/package 2/lib/1.js'], '644 old 2 1');
  assert.ok(!Object.keys(tree).some((path) => path.startsWith('modules/package 5/')));
});

interface Run {
  readonly ground: FolderGround;
  servers: FolderServer[];
  /** Contents that nobody has overwritten or deleted. */
  readonly alive: Set<string>;
  readonly random: (below: number) => number;
  written: number;
}

async function runSeed(context: TestContext, seed: number): Promise<void> {
  const ground = folderGround(context);
  const run: Run = { ground, servers: [], alive: new Set(), random: randomOf(seed), written: 0 };
  for (const name of ['a', 'b', 'c']) run.servers.push(await ground.add(name));
  await settleAll(run.servers);
  for (let step = 0; step < 60; step++) await takeStep(run);
  await settleAll(run.servers);
  await settleAll(run.servers);
  const [first, ...others] = run.servers.map(({ root }) => treeOf(root));
  for (const other of others) assert.deepEqual(other, first, `seed ${seed}: the trees differ`);
  const contents = new Set(Object.values(first ?? {}).map((text) => text.split(' ').slice(1).join(' ')));
  for (const content of run.alive) assert.ok(contents.has(content), `seed ${seed}: "${content}" is lost`);
}

async function takeStep(run: Run): Promise<void> {
  const { random, servers, ground } = run;
  const at = random(servers.length);
  const server = servers[at];
  const other = servers[(at + 1 + random(servers.length - 1)) % servers.length];
  assert.ok(server && other);
  const choice = random(20);
  if (choice < 9) writeSome(run, server);
  else if (choice < 11) deleteSome(run, server);
  else if (choice < 13) renameSome(run, server);
  else if (choice < 15) await server.capture();
  else if (choice < 17) {
    await server.capture();
    await send(server, other);
  } else if (choice < 18) await server.side.settle();
  else if (choice < 19) {
    servers[at] = await ground.restart(server);
  } else await new Promise((resolve) => setTimeout(resolve, 30));
}

const names = ['one', 'two', 'three', 'folder', 'folder/one', 'folder/two', 'folder/deep/one', 'other/one'];

function writeSome(run: Run, server: FolderServer): void {
  const path = names[run.random(names.length)] ?? 'one';
  const place = join(server.root, path);
  if (kindAt(place) === 'folder' || !isFolderFree(server.root, path)) return;
  forget(run, place);
  mkdirSync(dirname(place), { recursive: true });
  const content = `content ${++run.written} of ${server.name}${'.'.repeat(run.random(3) * 1000)}`;
  writeFileSync(place, content);
  run.alive.add(content);
}

function deleteSome(run: Run, server: FolderServer): void {
  const place = join(server.root, names[run.random(names.length)] ?? 'one');
  if (kindAt(place) === null) return;
  forget(run, place);
  rmSync(place, { recursive: true });
}

function renameSome(run: Run, server: FolderServer): void {
  const from = join(server.root, names[run.random(names.length)] ?? 'one');
  const to = join(server.root, `moved ${run.random(4)}`);
  if (kindAt(from) === null || kindAt(to) !== null) return;
  renameSync(from, to);
}

/** Whoever acts on a path sees what stands there, and below it. */
function forget(run: Run, place: string): void {
  const kind = kindAt(place);
  if (kind === 'file') run.alive.delete(readFileSync(place, 'utf8'));
  if (kind === 'folder') for (const name of readdirSync(place)) forget(run, join(place, name));
}

function isFolderFree(root: string, path: string): boolean {
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder))
    if (kindAt(join(root, folder)) === 'file') return false;
  return true;
}

function kindAt(place: string): 'file' | 'folder' | null {
  try {
    return lstatSync(place).isDirectory() ? 'folder' : 'file';
  } catch {
    // Nothing is there, or something on the way is a file.
    return null;
  }
}

function randomOf(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
