/**
 * The acceptance suite of the replica contract (`replica.ts`). Every engine runs it against the real thing; the names of
 * the tests are the promises. Another engine passes a harness of its own.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ServerId } from '../core/origin.js';
import { covers, emptyVector } from '../core/version-vector.js';
import {
  assertEqual,
  copies,
  copySnapshot,
  drainAll,
  exchange,
  meet,
  openSite,
  vectorAfterDrain,
  type ReplicaHarness,
  type ReplicaSite,
} from './sites.acceptance.js';

export type { ReplicaHarness, ReplicaSite };

export function describeReplica(name: string, harness: ReplicaHarness): void {
  describe(`replica contract: ${name}`, () => {
    const sites: ReplicaSite[] = [];
    let a: ReplicaSite;
    let b: ReplicaSite;
    let c: ReplicaSite;

    beforeEach(async () => {
      for (const site of ['a', 'b', 'c']) sites.push(await openSite(harness, site));
      [a, b, c] = sites as [ReplicaSite, ReplicaSite, ReplicaSite];
    });
    afterEach(async () => {
      for (const site of sites.splice(0)) await site.close();
    });

    test('what is committed becomes a changeset once', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1.5, null); INSERT INTO tags VALUES ('x', 'red')");
      const first = await drainAll(a);
      assert.ok(first > 0);
      assert.equal(await drainAll(a), 0);
      a.execute("UPDATE items SET name = 'one' WHERE id = 1");
      assert.equal(await drainAll(a), 0, 'a write that changes nothing is no change');
    });

    test('where no dataset was founded nothing is captured, whatever is asked', async () => {
      const site = await harness.createSite('fresh');
      sites.push(site);
      site.execute(harness.schema);
      site.execute("INSERT INTO items VALUES (1, 'one', 1.5, null)");
      const { replica } = site;
      await replica.open();
      site.execute("UPDATE items SET name = 'uno'; INSERT INTO items VALUES (2, 'two', 2.5, null)");
      const asked: readonly (() => Promise<unknown>)[] = [
        () => replica.proof(),
        async () => assert.deepEqual((await replica.audit()).tables, [], 'there is nothing to hold the rows against'),
        () => replica.conflicts({ max: 10 }),
        () => replica.quarantine({ max: 10 }),
        () => replica.retryHeld(),
        () => assert.rejects(replica.dropHeld('00'), { code: 'USYNC-1800' }),
        () => assert.rejects(replica.restoreConflict('00'), { code: 'USYNC-1800' }),
        () => replica.setHeirs(new Map()),
        () => replica.setNumberLane({ lane: 0, lanes: 2 }),
        () => replica.recentChanges({ max: 10 }),
        () => replica.undo({ server: 'a'.repeat(16) as ServerId, sinceMs: 0, isDryRun: true }),
        () => replica.undo({ server: 'a'.repeat(16) as ServerId, sinceMs: 0, isDryRun: false }),
        () => replica.newEpoch('a test'),
        async () => (await replica.openSnapshot()).close(),
        () => replica.prune({ covered: emptyVector, ageMaxMs: 0, bytesMax: 0 }),
        () => replica.flush(),
      ];
      for (const ask of asked) {
        await ask();
        const { isFresh, vector } = await replica.position();
        assert.deepEqual({ isFresh, origins: [...vector.keys()] }, { isFresh: true, origins: [] }, String(ask));
      }
      assert.ok((await drainAll(site)) > 0, 'whoever drains founds it');
    });

    test('a merged change is not captured again', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1.5, null)");
      await exchange(a, b);
      assert.deepEqual(b.dump('items'), a.dump('items'));
      assert.equal(await drainAll(b), 0);
    });

    test('two replicas that exchanged everything hold the proof', async () => {
      a.execute("INSERT INTO tags VALUES ('x', 'red'); INSERT INTO items VALUES (1, 'one', 0.1, 'here')");
      await exchange(a, b);
      b.execute(
        "INSERT INTO tags VALUES ('y', 'blue'); UPDATE items SET amount = 2 WHERE id = 1; DELETE FROM tags WHERE tag = 'x'",
      );
      await exchange(b, a);
      await exchange(a, b);
      await assertEqual(a, b);
    });

    test('concurrent edits of two columns both stand', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      await exchange(a, b);
      a.execute("UPDATE items SET name = 'uno' WHERE id = 1");
      b.execute("UPDATE items SET place = 'there' WHERE id = 1");
      await meet(a, b);
      await assertEqual(a, b);
      assert.match(a.dump('items').join(), /uno.*there/);
    });

    test('of concurrent edits of one cell one wins everywhere, and the other is in the conflict log', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      await exchange(a, b);
      a.execute("UPDATE items SET name = 'by a' WHERE id = 1");
      b.execute("UPDATE items SET name = 'by b' WHERE id = 1");
      await meet(a, b);
      await assertEqual(a, b);
      const lost = [...(await a.replica.conflicts({ max: 10 })), ...(await b.replica.conflicts({ max: 10 }))];
      assert.ok(lost.length > 0);
      assert.match(JSON.stringify(lost), /by [ab]/);
    });

    test('an edit made after seeing another wins over it', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      await exchange(a, b);
      for (const [from, to, word] of [
        [a, b, 'first'],
        [b, a, 'second'],
        [a, b, 'third'],
      ] as const) {
        from.execute(`UPDATE items SET name = '${word}' WHERE id = 1`);
        await exchange(from, to);
      }
      assert.match(b.dump('items').join(), /third/);
      await assertEqual(a, b);
    });

    test('a deleted row stays deleted though another server edited it meanwhile', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      await exchange(a, b);
      a.execute('DELETE FROM items WHERE id = 1');
      b.execute("UPDATE items SET name = 'late' WHERE id = 1");
      await meet(a, b);
      await assertEqual(a, b);
      assert.deepEqual(a.dump('items'), []);
    });

    test('two rows that took the same generated number both stand, the elder with the number', async () => {
      a.execute("INSERT INTO items VALUES (7, 'elder', 1, 'a')");
      await drainAll(a);
      await new Promise((resolve) => setTimeout(resolve, 5));
      b.execute("INSERT INTO items VALUES (7, 'younger', 2, 'b')");
      await drainAll(b);
      await meet(a, b);
      await meet(a, b);
      await assertEqual(a, b);
      assert.equal(a.dump('items').length, 2);
      assert.ok(a.dump('items').some((line) => line.startsWith('7') && line.includes('elder')));
    });

    test('concurrent inserts at one natural key show one row everywhere', async () => {
      a.execute("INSERT INTO tags VALUES ('x', 'red')");
      b.execute("INSERT INTO tags VALUES ('x', 'blue')");
      await meet(a, b);
      await meet(a, b);
      await assertEqual(a, b);
      assert.equal(a.dump('tags').length, 1);
    });

    test('an heir makes permanent what a removed server left provisional', async () => {
      const numbers = await leaveProvisional(a, b, c);
      const before = await vectorAfterDrain(a);
      await a.replica.setHeirs(new Map([[serverOf(b), serverOf(a)]]));
      const after = await vectorAfterDrain(a);
      assert.ok(!covers(before, after), 'a changeset of the heir');
      assert.deepEqual(a.dump('items').toSorted(), numbers.toSorted(), 'what was shown is what is permanent');
      await meet(a, c);
      await assertEqual(a, c);
      // Nothing is provisional any more: the number stays though the elder row that had it first is gone.
      a.execute('DELETE FROM items WHERE id = 7');
      await meet(a, c);
      await assertEqual(a, c);
      assert.deepEqual(a.dump('items'), numbers.slice(1));
    });

    test('nobody else confirms for a removed server, and the heir does so once', async () => {
      await leaveProvisional(a, b, c);
      const before = await vectorAfterDrain(c);
      await c.replica.setHeirs(new Map([[serverOf(b), serverOf(a)]]));
      assert.ok(covers(before, await vectorAfterDrain(c)), 'no changeset');
      await a.replica.setHeirs(new Map([[serverOf(b), serverOf(a)]]));
      const once = await vectorAfterDrain(a);
      await a.replica.setHeirs(new Map());
      await a.replica.setHeirs(new Map([[serverOf(b), serverOf(a)]]));
      assert.ok(covers(once, await vectorAfterDrain(a)));
    });

    test('two heirs that confirm the same agree, and the heir that is told before it is due confirms later', async () => {
      await leaveProvisional(a, b, c);
      for (const [heir, site] of [
        [a, a],
        [c, c],
      ] as const)
        await site.replica.setHeirs(new Map([[serverOf(b), serverOf(heir)]]));
      await meet(a, c);
      await assertEqual(a, c);
      await a.replica.setHeirs(new Map([[serverOf(b), serverOf(a)]]));
      b.execute("INSERT INTO items VALUES (50, 'late', 1, 'b')");
      c.execute("INSERT INTO items VALUES (50, 'first', 1, 'c')");
      await drainAll(c);
      await new Promise((resolve) => setTimeout(resolve, 5));
      await exchange(b, a);
      await exchange(c, a);
      await meet(a, c);
      await assertEqual(a, c);
      c.execute('DELETE FROM items WHERE id = 50');
      await meet(a, c);
      assert.ok(
        a.dump('items').every((line) => !line.startsWith('50,')),
        'the substitute is permanent',
      );
    });

    test('delivered twice, a changeset changes nothing', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      await drainAll(a);
      const { parts } = await a.replica.readJournal({ vector: emptyVector, after: 0, bytesMax: 1e6 });
      await b.replica.merge(copies(parts));
      const before = b.dump('items');
      const again = await b.replica.merge(copies(parts));
      assert.ok(again.covered > 0);
      assert.equal(again.merged, 0);
      assert.deepEqual(b.dump('items'), before);
    });

    test('a changeset whose past is missing is refused as a gap', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      const before = await vectorAfterDrain(a);
      a.execute("UPDATE items SET name = 'two' WHERE id = 1");
      await drainAll(a);
      const { parts } = await a.replica.readJournal({ vector: before, after: 0, bytesMax: 1e6 });
      const outcome = await b.replica.merge(copies(parts));
      assert.equal(outcome.hasGap, true);
      assert.equal(outcome.merged, 0);
      assert.deepEqual(b.dump('items'), []);
    });

    test('a third server gets everything through a second one', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      await exchange(a, b);
      b.execute("INSERT INTO tags VALUES ('x', 'red')");
      await exchange(b, c);
      assert.deepEqual(c.dump('items'), a.dump('items'));
      assert.deepEqual(c.dump('tags'), b.dump('tags'));
      await assertEqual(b, c);
    });

    test('a snapshot gives the same as the stream', async () => {
      a.execute(
        "INSERT INTO items VALUES (1, 'one', 1, 'here'), (2, 'two', 2, null); INSERT INTO tags VALUES ('x', 'red')",
      );
      await exchange(a, b);
      b.execute("UPDATE items SET name = 'zwei' WHERE id = 2; DELETE FROM items WHERE id = 1");
      await exchange(b, a);
      await copySnapshot(a, c);
      await assertEqual(a, c);
      a.execute("INSERT INTO tags VALUES ('after', 'green')");
      await exchange(a, c);
      await assertEqual(a, c);
    });

    test('a snapshot neither brings back what was deleted here nor takes what is new here', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here'), (2, 'two', 2, null)");
      await exchange(a, b);
      b.execute("DELETE FROM items WHERE id = 1; INSERT INTO tags VALUES ('new at b', 'blue')");
      a.execute("UPDATE items SET place = 'late' WHERE id = 2");
      await drainAll(b);
      await drainAll(a);
      await copySnapshot(a, b);
      assert.equal(b.dump('items').length, 1);
      assert.equal(b.dump('tags').length, 1);
      await meet(a, b);
      await assertEqual(a, b);
    });

    test('rows for a table that is unknown here wait, and land when it is made', async () => {
      a.execute(harness.laterTable);
      a.execute("INSERT INTO later VALUES (1, 'early bird')");
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      const outcome = await exchange(a, b);
      assert.equal(b.dump('items').length, 1, 'the rest of the stream goes on');
      assert.ok(outcome.quarantined > 0);
      assert.ok((await b.replica.quarantine({ max: 10 })).length > 0);
      b.execute(harness.laterTable);
      await drainAll(b);
      assert.deepEqual(b.dump('later'), a.dump('later'));
      await assertEqual(a, b);
    });

    test('the journal can be pruned; a peer behind its tail is told that it needs a snapshot', async () => {
      for (let id = 1; id <= 3; id++) {
        a.execute(`INSERT INTO items VALUES (${id}, 'row', 1, null)`);
        await drainAll(a);
      }
      const { vector } = await a.replica.position();
      await a.replica.prune({ covered: vector, ageMaxMs: 0, bytesMax: 0 });
      const read = await a.replica.readJournal({ vector: emptyVector, after: 0, bytesMax: 1e6 });
      assert.equal(read.needsSnapshot, true);
      const current = await a.replica.readJournal({ vector, after: 0, bytesMax: 1e6 });
      assert.equal(current.needsSnapshot, false);
      assert.equal(current.parts.length, 0);
    });

    test('flush tells the vector that survives a power loss', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      const drained = await vectorAfterDrain(a);
      assert.ok(covers(await a.replica.flush(), drained));
    });

    test('buckets name the rows in which two replicas differ', async () => {
      a.execute("INSERT INTO tags VALUES ('x', 'red'), ('y', 'red'), ('z', 'red')");
      await exchange(a, b);
      b.execute("UPDATE tags SET colour = 'blue' WHERE tag = 'y'");
      await drainAll(b);
      const request = { table: 'tags', buckets: 16 };
      const [here, there] = [await a.replica.bucketSums(request), await b.replica.bucketSums(request)];
      const chosen = here.flatMap((sum, at) => (sum === there[at] ? [] : [at]));
      assert.equal(chosen.length, 1);
      const rows = await b.replica.bucketRows({ ...request, chosen, rowsMax: 10 });
      assert.ok(rows.some(({ key }) => key[0] === 'y'));
    });

    test('the audit finds content equal to the digest', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      await drainAll(a);
      const { tables } = await a.replica.audit();
      assert.ok(tables.length > 0);
      assert.deepEqual(
        tables.filter(({ differing }) => differing > 0),
        [],
      );
    });

    test('a new epoch gives new changesets a new origin, and peers take both', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      await exchange(a, b);
      const before = (await a.replica.position()).origin;
      const after = await a.replica.newEpoch('test');
      assert.notEqual(after, before);
      a.execute("UPDATE items SET name = 'two' WHERE id = 1");
      await exchange(a, b);
      await assertEqual(a, b);
      assert.ok((await b.replica.position()).vector.has(after));
    });

    test('closing and opening again changes nothing', async () => {
      a.execute("INSERT INTO items VALUES (1, 'one', 1, 'here')");
      await drainAll(a);
      const before = await a.replica.position();
      await a.replica.close();
      a.execute("INSERT INTO items VALUES (2, 'while closed', 1, 'here')");
      await a.replica.open();
      assert.equal((await a.replica.position()).origin, before.origin);
      await exchange(a, b);
      assert.deepEqual(b.dump('items'), a.dump('items'));
      await assertEqual(a, b);
    });
  });
}

const serverOf = ({ server }: ReplicaSite): ServerId => server;

/**
 * At `a` and `c` a row of `b` stands at a substitute, since it had the number of an elder row; `b` has not heard of it,
 * so nothing made it permanent. Returns the rows as they are shown.
 */
async function leaveProvisional(a: ReplicaSite, b: ReplicaSite, c: ReplicaSite): Promise<string[]> {
  a.execute("INSERT INTO items VALUES (7, 'elder', 1, 'a')");
  await drainAll(a);
  await new Promise((resolve) => setTimeout(resolve, 5));
  b.execute("INSERT INTO items VALUES (7, 'younger', 2, 'b')");
  await exchange(b, a);
  await exchange(a, c);
  await meet(a, c);
  const shown = a.dump('items').toSorted((x, y) => Number(y.includes('elder')) - Number(x.includes('elder')));
  assert.equal(shown.length, 2);
  assert.ok(shown[0]?.startsWith('7,'));
  return shown;
}
