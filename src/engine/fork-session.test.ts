// Goal: over real sessions, servers that hold two histories of one name come to one state, and nothing is lost.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ServerId } from '../core/origin.js';
import { createForkScene, isSame, type ForkScene, type ForkServer } from '../databases/sqlite/testing/fork-scene.js';
import { createRealSystem } from '../system/real-system.js';
import { createMemoryLink } from '../transports/memory/memory-link.js';
import { createDatasetTurns, type DatasetTurns } from './dataset-turns.js';
import { runSession, type RunningSession } from './session-runner.js';

const system = createRealSystem();
const waitMs = 20_000;

const schema = `
  CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price INTEGER);
  CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item (id) ON DELETE CASCADE, name TEXT);`;

interface Linked {
  readonly server: ForkServer;
  readonly id: ServerId;
  readonly name: string;
  readonly turns: DatasetTurns;
  readonly sessions: Set<RunningSession>;
}

const linked = (server: ForkServer, letter: string): Linked => ({
  server,
  id: letter.repeat(16) as ServerId,
  name: letter,
  turns: createDatasetTurns(),
  sessions: new Set(),
});

function connect(a: Linked, b: Linked): void {
  const link = createMemoryLink({ system });
  for (const [i, one] of [a, b].entries()) {
    const channel = link.channels[i];
    if (!channel) continue;
    const session = runSession({
      channel,
      replicas: new Map([['shop', one.server.replica]]),
      system,
      observe: () => undefined,
      identity: { server: one.id, name: one.name, bootNonce: one.name.charCodeAt(0).toString(16).repeat(16) },
      turns: one.turns,
      hooks: {
        decide: () => ({ kind: 'accepted' }),
        onMoved: (dataset) => {
          for (const other of one.sessions) other.changed(dataset);
        },
      },
    });
    one.sessions.add(session);
    void session.closed.then(() => one.sessions.delete(session));
  }
}

async function write(one: Linked, sql: string): Promise<void> {
  await one.server.write(sql);
  for (const session of one.sessions) session.changed('shop');
}

async function untilSame(all: readonly Linked[]): Promise<void> {
  const startMs = system.monotonicMs();
  for (;;) {
    const [first] = all;
    const same = first ? await Promise.all(all.map((one) => isSame(first.server, one.server))) : [];
    if (same.every(Boolean)) return;
    if (system.monotonicMs() - startMs > waitMs) {
      const states = all.map((one) => [...one.sessions].flatMap((session) => session.status().datasets));
      throw new Error(`the servers do not come to the same: ${JSON.stringify(states)}`);
    }
    await new Promise<void>((resolve) => system.after(20, resolve));
  }
}

async function assertSame(all: readonly Linked[], names: readonly string[]): Promise<void> {
  const dumps = await Promise.all(all.map(({ server }) => server.dump()));
  const digests = await Promise.all(all.map(async ({ server }) => (await server.replica.proof()).digest));
  for (const dump of dumps) assert.equal(dump, dumps[0]);
  for (const digest of digests) assert.deepEqual(digest, digests[0]);
  for (const name of names) assert.match(dumps[0] ?? '', new RegExp(`'${name}'`), `${name} is lost`);
}

describe('a fork over sessions', () => {
  let scene: ForkScene;
  const opened: Linked[] = [];
  beforeEach(() => {
    scene = createForkScene(schema);
  });
  afterEach(async () => {
    for (const { sessions } of opened.splice(0)) {
      for (const session of sessions) {
        session.close('', 'the test is over');
        await session.closed;
      }
    }
    await scene.clear();
  });

  async function add(letter: string, copyOf?: Linked): Promise<Linked> {
    const one = linked(await scene.add(letter, copyOf?.server), letter);
    opened.push(one);
    return one;
  }

  /** b has what a wrote; a's copy from before has written on; c has that from the copy, and wrote on top. */
  async function forked(): Promise<{ copy: Linked; b: Linked; c: Linked }> {
    const [first, b, c] = [await add('a'), await add('b'), await add('c')];
    await write(first, `INSERT INTO item VALUES (1, 'common', 1)`);
    connect(first, b);
    await untilSame([first, b]);
    await scene.backup(first.server);
    await write(first, `INSERT INTO item VALUES (2, 'one', 1); INSERT INTO part VALUES (1, 2, 'of one')`);
    await untilSame([first, b]);
    for (const session of first.sessions) session.close('', 'the machine is gone');
    const copy = await add('a', first);
    await write(copy, `INSERT INTO item VALUES (2, 'two', 2); INSERT INTO part VALUES (1, 2, 'of two')`);
    connect(copy, c);
    await untilSame([copy, c]);
    await write(c, `INSERT INTO part VALUES (9, 2, 'on top by c')`);
    return { copy, b, c };
  }
  const names = ['common', 'one', 'two', 'of one', 'of two', 'on top by c'];

  test('the restored server meets who has its lost tail', async () => {
    const { copy, b, c } = await forked();
    connect(copy, b);
    await untilSame([copy, b, c]);
    await write(copy, `INSERT INTO item VALUES (7, 'later', 1)`);
    await untilSame([copy, b, c]);
    await assertSame([copy, b, c], [...names, 'later']);
  });

  test('two others meet while the restored server is away', async () => {
    const { copy, b, c } = await forked();
    for (const session of copy.sessions) session.close('', 'it is switched off');
    connect(b, c);
    await untilSame([b, c]);
    connect(copy, b);
    await untilSame([copy, b, c]);
    await assertSame([copy, b, c], names);
  });

  test('all meet at once, and go on writing', async () => {
    const { copy, b, c } = await forked();
    connect(copy, b);
    connect(b, c);
    for (let round = 0; round < 5; round++) {
      for (const one of [copy, b, c]) {
        await write(one, `INSERT INTO item (name) VALUES ('${one.name} in round ${round}')`);
      }
    }
    await untilSame([copy, b, c]);
    const rounds = [0, 1, 2, 3, 4].flatMap((round) => ['a', 'b', 'c'].map((name) => `${name} in round ${round}`));
    await assertSame([copy, b, c], [...names, ...rounds]);
  });
});
