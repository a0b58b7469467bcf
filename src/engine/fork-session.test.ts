// Goal: over real sessions, servers that hold two histories of one name come to one state, and nothing is lost.
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createForkScene, type ForkScene } from '../databases/sqlite/testing/fork-scene.js';
import {
  assertSame,
  connect,
  disconnect,
  linked,
  untilSame,
  write,
  type Linked,
} from '../../test/engine/linked-servers.js';

const schema = `
  CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price INTEGER);
  CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item (id) ON DELETE CASCADE, name TEXT);`;

describe('a fork over sessions', () => {
  let scene: ForkScene;
  const opened: Linked[] = [];
  beforeEach(() => {
    scene = createForkScene(schema);
  });
  afterEach(async () => {
    await disconnect(opened.splice(0));
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
