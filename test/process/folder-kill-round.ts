import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { treeOf } from '../cases/folder-servers.js';
import { createWorkplace, formGroup, waitUntil, type ServerProcess } from './server-process.js';

export interface FolderKillOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly tell: (line: string) => void;
}

interface Round {
  readonly servers: readonly ServerProcess[];
  readonly random: (limit: number) => number;
  /** Contents that nobody who saw them has overwritten or deleted, with how they were written. */
  readonly alive: Map<string, 'placed' | 'in-place'>;
  /** Path and content that somebody overwrote, moved or deleted there. */
  readonly gone: Set<string>;
  written: number;
  moved: number;
}

const settleMs = 90_000;

/**
 * Two servers whose applications edit their folders at random, each of them killed with SIGKILL again and again. At the
 * end the trees are equal; every content that nobody overwrote stands in them; what was overwritten, moved or deleted did
 * not come back. A content that was written into an open file may be in the history instead: its file can lose the name
 * between two writes.
 *
 * The applications take away what they replace before they write, so that they know what they have overwritten. While both
 * servers run each application keeps to names of its own: nothing can hold off a writer in the moment in which a file is
 * put in its place.
 */
export async function folderKillRound({ seconds, seed, tell }: FolderKillOptions): Promise<void> {
  const workplace = createWorkplace();
  tell(`folder kill round: ${seconds} s, seed ${seed}`);
  try {
    const datasets = [{ name: 'files', folder: 'files' }];
    const servers = [await workplace.addServer('a', datasets), await workplace.addServer('b', datasets)];
    for (const server of servers) for (const folder of ['files', 'apart']) mkdirSync(join(server.folder, folder));
    for (let at = 0; at < 5; at++) writeFileSync(join(rootOf(servers[0]), `anchor ${at}`), `anchor ${at}`);
    await formGroup(servers);
    const round: Round = {
      servers,
      random: createRandom(seed),
      alive: new Map(),
      gone: new Set(),
      written: 0,
      moved: 0,
    };
    let kills = 0;
    for (const startedMs = Date.now(); Date.now() - startedMs < seconds * 1000; kills++) await killOnce(round);
    await untilEqual(round);
    check(round);
    tell(`${kills} kills, ${round.written} contents written, ${round.alive.size} of them stand, trees are equal`);
  } finally {
    await workplace.clear();
  }
}

const rootOf = (server: ServerProcess | undefined): string => join(server?.folder ?? assert.fail(), 'files');

async function killOnce(round: Round): Promise<void> {
  const { servers, random } = round;
  for (let step = random(8); step > 0; step--) {
    act(round, random(2), true);
    await new Promise((resolve) => setTimeout(resolve, 20 + random(200)));
  }
  const at = random(2);
  act(round, at, true);
  await new Promise((resolve) => setTimeout(resolve, random(120)));
  await servers[at]?.end('SIGKILL');
  for (let step = random(12); step > 0; step--) act(round, random(2), false);
  await servers[at]?.start();
}

const names = ['one', 'two', 'three', 'folder/one', 'folder/two', 'folder/deep/one', 'other/one', 'other/two'];

function act(round: Round, at: number, isOwn: boolean): void {
  const { random, servers } = round;
  const name = names[random(names.length)] ?? 'one';
  const root = rootOf(servers[at]);
  const path = isOwn ? `own ${at}/${name}` : `own ${random(2)}/${name}`;
  const server = { root, apart: join(dirname(root), 'apart') };
  const choice = random(10);
  if (choice < 4) replace(round, server, path);
  else if (choice < 7) writeInPlace(round, server, path);
  else if (choice < 9) takeAway(round, server, path);
  else move(round, server, path);
}

interface Application {
  readonly root: string;
  readonly apart: string;
}

const newContent = (round: Round): string =>
  `content ${++round.written} ${'x'.repeat(round.random(4) === 0 ? 300_000 : round.random(5000))}`;

function replace(round: Round, server: Application, path: string): void {
  const content = newContent(round);
  const fresh = join(server.apart, `fresh ${round.written}`);
  writeFileSync(fresh, content);
  takeAway(round, server, path);
  mkdirSync(dirname(join(server.root, path)), { recursive: true });
  try {
    linkSync(fresh, join(server.root, path));
    round.alive.set(content, 'placed');
  } catch {
    // Something else was put there meanwhile: this application leaves it.
  }
  rmSync(fresh);
}

function writeInPlace(round: Round, server: Application, path: string): void {
  const place = join(server.root, path);
  if (!existsSync(place)) return replace(round, server, path);
  const handle = openSync(place, 'r+');
  forget(round, path, readFileSync(handle, 'utf8'));
  const content = newContent(round);
  ftruncateSync(handle, 0);
  writeSync(handle, content, 0);
  closeSync(handle);
  round.alive.set(content, 'in-place');
}

function takeAway(round: Round, server: Application, path: string): void {
  const taken = join(server.apart, 'taken');
  if (!existsSync(join(server.root, path))) return;
  renameSync(join(server.root, path), taken);
  forget(round, path, readFileSync(taken, 'utf8'));
  rmSync(taken);
}

function move(round: Round, server: Application, path: string): void {
  if (!existsSync(join(server.root, path))) return;
  const to = join(server.root, `moved ${++round.moved}`);
  renameSync(join(server.root, path), to);
  round.gone.add(`${path}\n${readFileSync(to, 'utf8')}`);
}

function forget(round: Round, path: string, content: string): void {
  round.alive.delete(content);
  round.gone.add(`${path}\n${content}`);
}

async function untilEqual({ servers }: Round): Promise<void> {
  let last = '';
  const isAtRest = async (): Promise<boolean> => {
    const states = await Promise.all(servers.map((server) => server.status()));
    last = JSON.stringify(states.map(({ headline, problems, peers }) => ({ headline, problems, peers })));
    return states.every(({ isInSync }) => isInSync);
  };
  await waitUntil(
    'the servers are in sync',
    settleMs,
    isAtRest,
    () =>
      `${last}\n${servers.map((server) => `${server.name}:\n${server.usync('files', 'show', 'files').stdout}`).join('\n')}`,
  );
}

function check({ servers, alive, gone }: Round): void {
  const [first, second] = servers.map((server) => treeOf(rootOf(server)));
  assert.deepEqual(Object.keys(second ?? {}), Object.keys(first ?? {}), 'the trees have other names');
  assert.deepEqual(second, first, 'the trees differ');
  const standing = new Map(
    Object.entries(first ?? {}).map(([path, text]) => [path, text.slice(text.indexOf(' ') + 1)]),
  );
  const contents = new Set(standing.values());
  const kept = new Set(servers.flatMap((server) => historyOf(rootOf(server))));
  for (const [content, how] of alive) {
    const isThere = contents.has(content) || (how === 'in-place' && kept.has(content));
    assert.ok(isThere, `"${content.slice(0, 20)}" (${how}) is lost`);
  }
  for (const [path, content] of standing)
    if (gone.has(`${path}\n${content}`))
      assert.fail(
        `"${content.slice(0, 20)}" came back at ${path}\n${servers.map((each) => toldOf(each, path)).join('\n')}`,
      );
}

/** The servers are gone after a failure, and with them what would explain it. */
function toldOf(server: ServerProcess, path: string): string {
  const asked = [
    ['history', 'files', path],
    ['files', 'history', 'files', path],
    ['conflicts', 'list', '--all'],
  ];
  return [server.name, ...asked.map((question) => server.usync(...question).stdout.slice(0, 4_000))].join('\n');
}

function historyOf(root: string): string[] {
  const folder = join(root, '.usync-folder/history');
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'));
}

/** Small and seeded: the same work at every run of a seed, as far as a real machine allows. */
function createRandom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
