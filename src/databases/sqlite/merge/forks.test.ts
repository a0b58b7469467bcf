// Goal: two histories under one name end in one state, on every server, whoever meets whom first, and nothing is lost.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  createForkScene,
  isSame,
  meet,
  sendSnapshot,
  takeSnapshot,
  type ForkScene,
  type ForkServer,
} from '../testing/fork-scene.js';

const schema = `
  CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price INTEGER);
  CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item (id) ON DELETE CASCADE, name TEXT);
  CREATE TABLE tag (tag TEXT PRIMARY KEY, colour TEXT);`;

/** One way only: the sender confirms nothing of what clashes at the receiver. */
async function streamOnly(from: ForkServer, to: ForkServer): Promise<void> {
  const { vector } = await to.replica.position();
  const { parts } = await from.replica.readJournal({ vector, after: 0, bytesMax: 1e9 });
  assert.ok((await to.replica.merge(parts)).merged > 0);
}

/** What is written before the fork, on the one branch, and on the other. Keys and tags clash on purpose. */
const before = `INSERT INTO item VALUES (1, 'common', 1); INSERT INTO tag VALUES ('x', 'red')`;
const one = `INSERT INTO item VALUES (2, 'one', 1); INSERT INTO part VALUES (1, 2, 'of one');
  INSERT INTO tag VALUES ('y', 'by one'); UPDATE item SET price = 11 WHERE id = 1`;
const two = `INSERT INTO item VALUES (2, 'two', 2); INSERT INTO part VALUES (1, 2, 'of two');
  INSERT INTO tag VALUES ('y', 'by two'); UPDATE tag SET colour = 'blue' WHERE tag = 'x'`;
const onTop = (name: string): string =>
  `INSERT INTO part VALUES (50 + random() % 40, 2, 'on top by ${name}'); INSERT INTO tag VALUES ('${name}', '')`;

/** Everybody meets everybody in this order, again and again until nothing moves. */
async function untilRest(pairs: readonly (readonly [ForkServer, ForkServer])[]): Promise<void> {
  for (let round = 0; round < 6; round++) {
    for (const [a, b] of pairs) await meet(a, b);
    const equal = await Promise.all(pairs.map(([a, b]) => isSame(a, b)));
    if (equal.every(Boolean)) return;
  }
  throw new Error('no rest');
}

async function assertSame(servers: readonly ForkServer[], names: readonly string[]): Promise<void> {
  const dumps = await Promise.all(servers.map((server) => server.dump()));
  const proofs = await Promise.all(servers.map(({ replica }) => replica.proof()));
  for (const [i, dump] of dumps.entries()) {
    assert.equal(dump, dumps[0]);
    assert.deepEqual(proofs[i]?.digest, proofs[0]?.digest);
    assert.equal(proofs[i]?.held, proofs[0]?.held);
  }
  for (const name of names) assert.match(dumps[0] ?? '', new RegExp(`'${name}'`), `${name} is lost`);
  for (const { replica } of servers) {
    for (const { table, differing } of (await replica.audit()).tables) assert.equal(differing, 0, table);
  }
}

const ordersOf = <T>(list: readonly T[]): T[][] =>
  list.length <= 1
    ? [[...list]]
    : list.flatMap((first, i) => ordersOf(list.filter((_, j) => j !== i)).map((rest) => [first, ...rest]));

const both = ['common', 'one', 'two', 'of one', 'of two'];

describe('a fork', () => {
  let scene: ForkScene;
  beforeEach(() => {
    scene = createForkScene(schema);
  });
  afterEach(() => scene.clear());

  /** a and its copy from before `one`; b holds what a wrote. */
  async function restored(): Promise<{ first: ForkServer; copy: ForkServer; b: ForkServer }> {
    const first = await scene.add('a');
    const b = await scene.add('b');
    await first.write(before);
    await meet(first, b);
    await scene.backup(first);
    const copy = await scene.add('a', first);
    await first.write(one);
    await meet(first, b);
    await copy.write(two);
    return { first, copy, b };
  }

  test('a restored database that did not notice gets its lost tail back and goes on under the name of its branch', async () => {
    const { copy, b } = await restored();
    const { origin } = await copy.replica.position();
    await b.write(onTop('b'));
    await meet(copy, b);
    const after = await copy.replica.position();
    assert.notEqual(after.origin, origin);
    assert.ok(after.vector.has(origin) && after.vector.has(after.origin));
    await copy.write(`INSERT INTO tag VALUES ('later', ''); UPDATE item SET name = 'two!' WHERE name = 'two'`);
    await meet(copy, b);
    await assertSame([copy, b], ['common', 'one', 'two!', 'of one', 'of two', 'on top by b', 'later']);
  });

  test('a clone that runs beside its origin keeps its own name for what it writes', async () => {
    const { first, copy, b } = await restored();
    for (let round = 0; round < 3; round++) {
      await first.write(`INSERT INTO tag VALUES ('first ${round}', '')`);
      await copy.write(`INSERT INTO tag VALUES ('copy ${round}', '')`);
      await untilRest([
        [first, b],
        [copy, b],
        [first, copy],
      ]);
    }
    const rounds = [0, 1, 2].flatMap((round) => [`first ${round}`, `copy ${round}`]);
    await assertSame([first, copy, b], [...both, ...rounds]);
    assert.notEqual((await first.replica.position()).origin, (await copy.replica.position()).origin);
  });

  test('what was written and not drained when the copy was taken stands once, with its children', async () => {
    for (const isNoticed of [true, false]) {
      const first = await scene.add('a');
      const b = await scene.add('b');
      await first.write(before);
      await meet(first, b);
      first.app.exec(`${one}; INSERT INTO part VALUES (2, 1, 'of common')`);
      await scene.copyUndrained(first);
      const copy = await scene.add('a', first);
      if (isNoticed) await copy.replica.newEpoch('the witness remembers more');
      await first.replica.drain();
      await copy.replica.drain();
      await copy.write(`UPDATE item SET price = 12 WHERE name = 'one'`);
      await copy.write(`INSERT INTO part VALUES (3, 2, 'of one, by the copy')`);
      await meet(first, b);
      await b.write(`UPDATE tag SET colour = 'seen by b' WHERE tag = 'y'`);
      await untilRest([
        [copy, b],
        [first, b],
        [first, copy],
      ]);
      await assertSame([first, copy, b], ['common', 'one', 'of one', 'of common', 'seen by b', 'of one, by the copy']);
      assert.equal(
        await b.dump(),
        [
          `item: 1 | 'common' | 11`,
          `item: 2 | 'one' | 12`,
          `part: 1 | 2 | 'of one'`,
          `part: 2 | 1 | 'of common'`,
          `part: 3 | 2 | 'of one, by the copy'`,
          `tag: 'x' | 'red'`,
          `tag: 'y' | 'seen by b'`,
        ].join('\n'),
        isNoticed ? 'noticed' : 'not noticed',
      );
    }
  });

  test('what was deleted and not drained stays deleted when its branch gets another name', async () => {
    const { first, copy } = await restored();
    const c = await scene.add('c');
    await meet(copy, c);
    await Promise.all([c, copy].map((server) => server.write(`REPLACE INTO tag VALUES ('both', 'by somebody')`)));
    await meet(copy, c);
    copy.app.exec(`DELETE FROM tag WHERE tag = 'both'`);
    const { origin } = await copy.replica.position();
    assert.equal(await copy.replica.cutBranch(origin, await first.replica.history(origin)), 'renamed');
    await copy.replica.drain();
    assert.doesNotMatch(await copy.dump(), /'both'/);
    await meet(copy, c);
    await assertSame([copy, c], ['common', 'two']);
    assert.doesNotMatch(await c.dump(), /'both'/);
  });

  for (const order of ordersOf([0, 1, 2])) {
    for (const kind of ['stream', 'snapshot'] as const) {
      test(`a third server that holds the branch by ${kind}, meetings ${order.join()}`, async () => {
        const { copy, b } = await restored();
        const c = await scene.add('c');
        if (kind === 'stream') await c.replica.drain();
        await meet(copy, c);
        await c.write(onTop('c'));
        await c.write(`UPDATE item SET price = 33 WHERE name = 'two'`);
        await b.write(onTop('b'));
        const pairs = [[copy, b] as const, [copy, c] as const, [b, c] as const];
        await untilRest(order.flatMap((i) => (pairs[i] ? [pairs[i]] : [])));
        await assertSame([copy, b, c], [...both, 'on top by b', 'on top by c']);
      });
    }
  }

  test('three branches of one history, in any order of meeting', async () => {
    for (const order of ordersOf([0, 1, 2])) {
      const { first, copy, b } = await restored();
      const second = await scene.add('a', first);
      await second.write(`INSERT INTO item VALUES (3, 'three', 3); INSERT INTO tag VALUES ('y', 'by three')`);
      await b.write(onTop('b'));
      const pairs = [[copy, b] as const, [copy, second] as const, [b, second] as const];
      await untilRest(order.flatMap((i) => (pairs[i] ? [pairs[i]] : [])));
      await assertSame([copy, second, b], [...both, 'three', 'on top by b']);
    }
  });

  test('names do not depend on who cuts first', async () => {
    const names = new Set<string>();
    const { copy, b } = await restored();
    const c = await scene.add('c');
    await c.replica.drain();
    await meet(copy, c);
    await meet(c, b);
    for (const { replica } of [c, b]) names.add([...(await replica.position()).vector.keys()].toSorted().join());
    await meet(copy, c);
    names.add([...(await copy.replica.position()).vector.keys()].toSorted().join());
    assert.equal(names.size, 1);
  });

  test('a snapshot of the other history is refused until the branch is cut', async () => {
    const { first, copy } = await restored();
    const outcome = await sendSnapshot(copy, first);
    assert.deepEqual([outcome.merged, outcome.forks.length], [0, 1]);
    assert.doesNotMatch(await first.dump(), /two/);
    await takeSnapshot(copy, first);
    await meet(first, copy);
    await assertSame([first, copy], both);
  });

  test('a branch that is streamed under its old name to who knows the new one is not merged twice', async () => {
    const { copy, b } = await restored();
    const c = await scene.add('c');
    await c.replica.drain();
    await meet(copy, c);
    await meet(copy, b);
    const { vector } = await b.replica.position();
    const stale = await c.replica.readJournal({ vector: new Map(), after: 0, bytesMax: 1e9 });
    const outcome = await b.replica.merge(stale.parts);
    assert.equal(outcome.merged, 0);
    assert.deepEqual((await b.replica.position()).vector, vector);
    await meet(b, c);
    await assertSame([b, c, copy], both);
  });

  /** `copy` has cut its branch; d has it from there, and nothing of the other; c holds it under the old name. */
  async function cutBeforeTheOther(
    kind: 'stream' | 'snapshot',
  ): Promise<{ copy: ForkServer; b: ForkServer; c: ForkServer; d: ForkServer }> {
    const { first, copy, b } = await restored();
    const [c, d] = [await scene.add('c'), await scene.add('d')];
    if (kind === 'stream') await c.replica.drain();
    await meet(copy, c);
    await c.write(onTop('c'));
    const { origin } = await copy.replica.position();
    assert.equal(await copy.replica.cutBranch(origin, await first.replica.history(origin)), 'renamed');
    await takeSnapshot(copy, d);
    return { copy, b, c, d };
  }

  test('the first changeset of a branch is refused by who knows the branch by its new name only', async () => {
    const { copy, c, d } = await cutBeforeTheOther('stream');
    const { vector } = await d.replica.position();
    const stale = await c.replica.readJournal({ vector, after: 0, bytesMax: 1e9 });
    assert.ok(stale.parts.length > 0);
    const outcome = await d.replica.merge(stale.parts);
    assert.deepEqual([outcome.merged, outcome.forks.length], [0, 1]);
    assert.deepEqual((await d.replica.position()).vector, vector);
    await untilRest([
      [c, d],
      [copy, c],
    ]);
    await assertSame([copy, c, d], ['common', 'two', 'of two', 'on top by c']);
  });

  test('a snapshot that holds a branch by its old name is refused by who knows the new one', async () => {
    const { c, d } = await cutBeforeTheOther('snapshot');
    const { vector } = await d.replica.position();
    const outcome = await sendSnapshot(c, d);
    assert.deepEqual([outcome.merged, outcome.forks.length], [0, 1]);
    assert.deepEqual((await d.replica.position()).vector, vector);
  });

  test('who meets the new name of a branch before it meets the other history renames what it holds', async () => {
    const { copy, b, c, d } = await cutBeforeTheOther('snapshot');
    await meet(c, d);
    assert.deepEqual(await c.replica.proof().then(({ digest }) => digest), (await d.replica.proof()).digest);
    await untilRest([
      [c, b],
      [copy, d],
      [b, copy],
      [c, d],
    ]);
    await assertSame([copy, b, c, d], [...both, 'on top by c']);
  });

  test('what was written on one history is not merged on the other, though its stamps are covered', async () => {
    const { first, copy, b } = await restored();
    const c = await scene.add('c');
    await c.replica.drain();
    await meet(copy, c);
    const { vector } = await c.replica.position();
    await c.write(`UPDATE item SET price = 99 WHERE name = 'two'`);
    await first.write(`INSERT INTO tag VALUES ('later', '')`);
    await meet(first, b);
    const { parts } = await c.replica.readJournal({ vector, after: 0, bytesMax: 1e9 });
    assert.ok(parts.length > 0);
    const outcome = await b.replica.merge(parts);
    assert.deepEqual([outcome.merged, outcome.forks.length], [0, 1]);
    await untilRest([
      [b, c],
      [c, copy],
    ]);
    await assertSame([b, c, copy], [...both, 'later']);
  });

  test('a row of the branch that is shown at a substitute moves to the substitute of its new name', async () => {
    const { copy, b } = await restored();
    const c = await scene.add('c');
    await c.write(`INSERT INTO item VALUES (2, 'elder', 0)`);
    await copy.write(`INSERT INTO item VALUES (3, 'three', 0); UPDATE item SET name = 'two!' WHERE id = 2`);
    await c.write(`INSERT INTO item VALUES (3, 'of c', 0)`);
    await meet(copy, c);
    await c.write(`INSERT INTO item VALUES (4, 'more of c', 0)`);
    await copy.write(`INSERT INTO item VALUES (4, 'four', 0)`);
    await streamOnly(copy, c);
    await untilRest([[b, c]]);
    await assertSame([b, c], [...both.filter((name) => name !== 'two'), 'elder', 'three', 'four', 'more of c', 'two!']);
  });

  test('a renamed branch keeps the stamps of its cells', async () => {
    const { first, copy } = await restored();
    const { origin } = await copy.replica.position();
    const stamps = `SELECT s.s + coalesce(s.d, 0), o.origin FROM _usync_s1 s JOIN _usync_origins o
      ON o.number = coalesce(s.b, s.o) ORDER BY s.k1`;
    const stampsBefore = copy.app.prepare(stamps).all();
    await copy.replica.cutBranch(origin, await first.replica.history(origin));
    assert.deepEqual(copy.app.prepare(stamps).all(), stampsBefore);
    assert.equal(stampsBefore.length, 2);
  });

  test('what a branch wrote into a row that was deleted on the other history is told of by its snapshot', async () => {
    const first = await scene.add('a');
    const b = await scene.add('b');
    await first.write(before);
    await meet(first, b);
    await scene.backup(first);
    const copy = await scene.add('a', first);
    // Drained last, so that it is of the younger branch; its stamp is older than what the other history has.
    copy.app.exec(`UPDATE tag SET colour = 'of the copy' WHERE tag = 'x'`);
    await first.write(`DELETE FROM tag WHERE tag = 'x'`);
    await copy.replica.drain();
    await streamOnly(copy, b);
    const { origin: name } = await first.replica.position();
    assert.equal(await b.replica.cutBranch(name, await first.replica.history(name)), 'renamed');
    await sendSnapshot(b, first);
    const told = await first.replica.conflicts({ max: 100 });
    assert.match(JSON.stringify(told), /of the copy/);
  });

  test('histories are still told apart when the journals are pruned', async () => {
    const { copy, b } = await restored();
    for (const { replica } of [copy, b]) {
      const { vector } = await replica.position();
      assert.ok((await replica.prune({ covered: vector, ageMaxMs: 0, bytesMax: 0 })).entries > 0);
    }
    await meet(copy, b);
    await assertSame([copy, b], both);
  });
});
