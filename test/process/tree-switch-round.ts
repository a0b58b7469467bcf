import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createWorkplace, formGroup, waitUntil, type ServerProcess } from './server-process.js';
import { createSourceTree, type SourceTree, type TreeState } from './source-tree.js';

export interface TreeSwitchOptions {
  readonly files: number;
  readonly switches: number;
  readonly tell: (line: string) => void;
}

interface Round {
  readonly servers: readonly [ServerProcess, ServerProcess];
  readonly tree: SourceTree;
  /** By path, what the application of the second server wrote last. */
  readonly edited: Map<string, string>;
  edits: number;
}

const restMs = 540_000;

/**
 * A source tree is switched between two states on one server, while an application edits elsewhere in it on the other one.
 * After each switch, when both call themselves in sync, both trees are what was written, file by file.
 */
export async function treeSwitchRound({ files, switches, tell }: TreeSwitchOptions): Promise<void> {
  const tree = createSourceTree(files);
  const workplace = createWorkplace();
  try {
    const datasets = [{ name: 'files', folder: 'files' }];
    const servers = [await workplace.addServer('a', datasets), await workplace.addServer('b', datasets)] as const;
    for (const { folder } of servers) mkdirSync(join(folder, 'files'));
    await formGroup(servers);
    const round: Round = { servers, tree, edited: new Map(), edits: 0 };
    let state: TreeState = 'old';
    for (let number = 0; number <= switches; number++) {
      const startMs = performance.now();
      await switchWhileEditing(round, state, number === 0 ? 'nothing' : 'other');
      await untilAtRest(round);
      check(round, state);
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      tell(
        `${number === 0 ? 'first tree' : `switch ${number}`}: ${tree.files} files, ${round.edits} edits, ${seconds} s`,
      );
      state = state === 'old' ? 'new' : 'old';
    }
  } finally {
    await workplace.clear();
  }
}

const rootOf = ({ folder }: ServerProcess): string => join(folder, 'files');

/** The switch runs in pieces of this thread, so edits fall between them and after them. */
async function switchWhileEditing(round: Round, state: TreeState, from: 'nothing' | 'other'): Promise<void> {
  const [first, second] = round.servers;
  // While the first server has written and the second has not got it yet, and the other way round.
  for (let edit = 0; edit < 5; edit++) await editOnce(round, rootOf(second));
  round.tree.switchTo(rootOf(first), state, from);
  for (let edit = 0; edit < 60; edit++) {
    await editOnce(round, rootOf(second));
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

async function editOnce(round: Round, root: string): Promise<void> {
  const number = round.edits++;
  const { untouched } = round.tree;
  const folder = number % 4 === 0 ? 'own' : (untouched[(number * 7) % untouched.length] ?? 'own');
  const path = `${folder}/edited ${number % 20}.txt`;
  const content = `edit ${number}\n`;
  mkdirSync(dirname(join(root, path)), { recursive: true });
  if (number % 3 === 0) writeFileSync(join(root, path), content);
  else {
    writeFileSync(join(root, `${path}.tmp`), content);
    await new Promise((resolve) => setTimeout(resolve, 2));
    renameSync(join(root, `${path}.tmp`), join(root, path));
  }
  round.edited.set(path, content);
  const gone = `own/edited ${(number + 10) % 20}.txt`;
  if (number % 8 !== 5 || !round.edited.delete(gone)) return;
  rmSync(join(root, gone));
}

async function untilAtRest({ servers }: Round): Promise<void> {
  let last = '';
  // In sync twice, with a look of a server at its folder between.
  for (let time = 0; time < 2; time++) {
    await waitUntil(
      'the servers are in sync',
      restMs,
      async () => {
        const states = await Promise.all(servers.map((server) => server.status()));
        last = JSON.stringify(states.map(({ headline, problems, peers }) => ({ headline, problems, peers })));
        return states.every(({ isInSync }) => isInSync);
      },
      () => last,
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
}

function check({ servers, tree, edited }: Round, state: TreeState): void {
  const wanted = new Map([...tree.contents(state)].map(([path, bytes]) => [path, hashOf(bytes)]));
  for (const [path, content] of edited) wanted.set(path, hashOf(Buffer.from(content)));
  for (const server of servers) {
    const found = contentsBelow(rootOf(server));
    const wrong = [
      ...[...wanted].filter(([path, hash]) => found.get(path) !== hash).map(([path]) => `${path} is not as written`),
      ...[...found.keys()].filter((path) => !wanted.has(path)).map((path) => `${path} should not be there`),
    ];
    assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} differences at ${server.name} in the ${state} state`);
  }
}

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function contentsBelow(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const name of readdirSync(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (path === '.usync-folder') continue;
      if (lstatSync(join(root, path)).isDirectory()) walk(path);
      else found.set(path, hashOf(readFileSync(join(root, path))));
    }
  };
  walk('');
  return found;
}
