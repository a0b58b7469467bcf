/**
 * The part of the replica contract that people use: what lost can be put back, what is held back can be judged, what
 * happened to a row can be read, and what one server wrote can be taken back. Whatever they decide reaches every server.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serverIdOfOrigin } from '../core/origin.js';
import type { ConflictRecord } from './replica.js';
import {
  assertEqual,
  drainAll,
  exchange,
  meet,
  openSite,
  type ReplicaHarness,
  type ReplicaSite,
} from './sites.acceptance.js';

export function describeDecisions(name: string, harness: ReplicaHarness): void {
  describe(`decisions of people: ${name}`, () => {
    const sites: ReplicaSite[] = [];
    let a: ReplicaSite;
    let b: ReplicaSite;

    beforeEach(async () => {
      for (const site of ['a', 'b']) sites.push(await openSite(harness, site));
      [a, b] = sites as [ReplicaSite, ReplicaSite];
      a.execute("INSERT INTO items VALUES (1, 'one', 1.5, 'here'); INSERT INTO tags VALUES ('x', 'red')");
      await meet(a, b);
    });
    afterEach(async () => {
      for (const site of sites.splice(0)) await site.close();
    });

    test('a value that lost is restored on any server, and then stands on every one', async () => {
      a.execute("UPDATE items SET name = 'from a'");
      await drainAll(a);
      b.execute("UPDATE items SET name = 'from b'");
      await meet(a, b);
      const [lost] = await a.replica.conflicts({ max: 10 });
      assert.deepEqual([lost?.table, lost?.key, lost?.column, lost?.lost], ['items', '1', 'name', "'from a'"]);
      assert.equal((await b.replica.conflicts({ max: 10 }))[0]?.id, lost?.id, 'one conflict has one id');
      assert.deepEqual(await a.replica.restoreConflict(lost?.id ?? ''), { kind: 'restored', rows: 1 });
      await meet(a, b);
      assert.match(b.dump('items')[0] ?? '', /'from a'/);
      await assertEqual(a, b);
    });

    test('a row that was deleted while another server changed it comes back whole, where it is known', async () => {
      a.execute('DELETE FROM items');
      await drainAll(a);
      b.execute("UPDATE items SET name = 'edited'");
      await meet(a, b);
      assert.deepEqual(a.dump('items'), []);
      const deleted = async (site: ReplicaSite): Promise<ConflictRecord | undefined> =>
        (await site.replica.conflicts({ max: 10 })).find(({ rule }) => rule === 'delete wins');
      const [here, there] = [await deleted(a), await deleted(b)];
      assert.deepEqual([here?.id, here?.canRestore], [there?.id, false], 'the deleter knows the changed column only');
      assert.deepEqual(await a.replica.restoreConflict(here?.id ?? ''), { kind: 'incomplete' });
      assert.deepEqual(await b.replica.restoreConflict(there?.id ?? ''), { kind: 'restored', rows: 1 });
      await meet(a, b);
      assert.deepEqual(a.dump('items'), ["1,'edited',1.5,'here'"]);
      await assertEqual(a, b);
    });

    test('of two rows at one natural key the one that stepped back can take the place', async () => {
      a.execute("INSERT INTO tags VALUES ('y', 'blue')");
      await drainAll(a);
      b.execute("INSERT INTO tags VALUES ('y', 'green')");
      await meet(a, b);
      const shown = a.dump('tags');
      const lost = (await a.replica.conflicts({ max: 10 })).find(({ table }) => table === 'tags');
      assert.ok(lost?.canRestore, 'the row that stepped back is known whole');
      await a.replica.restoreConflict(lost.id);
      await meet(a, b);
      assert.notDeepEqual(a.dump('tags'), shown);
      await assertEqual(a, b);
    });

    test('an id that nothing has is refused, and nothing changes', async () => {
      await assert.rejects(a.replica.restoreConflict('0000'), { code: 'USYNC-1800' });
      await assert.rejects(a.replica.dropHeld('0000'), { code: 'USYNC-1800' });
      assert.equal(await drainAll(a), 0);
    });

    test('conflicts that are forgotten are counted', async () => {
      a.execute("UPDATE items SET name = 'from a'");
      await drainAll(a);
      b.execute("UPDATE items SET name = 'from b'");
      await meet(a, b);
      assert.equal(await a.replica.conflictsForgotten(), 0);
      assert.equal(await a.replica.forgetConflicts(Number.MAX_SAFE_INTEGER), 1);
      assert.deepEqual(await a.replica.conflicts({ max: 10 }), []);
      assert.equal(await a.replica.conflictsForgotten(), 1);
    });

    test('a row that waits for its table is shown with what would free it, and can be dropped everywhere', async () => {
      b.execute(harness.laterTable);
      b.execute("INSERT INTO later VALUES (1, 'kept'), (2, 'dropped')");
      await meet(a, b);
      const held = await a.replica.quarantine({ max: 10 });
      assert.equal(held.length, 2);
      const second = held.find(({ cells }) => cells.some(({ value }) => value === "'dropped'"));
      assert.match(second?.freedBy ?? '', /table/);
      await a.replica.dropHeld(second?.id ?? '');
      assert.equal((await a.replica.quarantine({ max: 10 })).length, 1);
      await meet(a, b);
      assert.deepEqual(b.dump('later'), ["1,'kept'"]);
      a.execute(harness.laterTable);
      await drainAll(a);
      assert.equal(await a.replica.retryHeld(), 0);
      assert.deepEqual(a.dump('later'), b.dump('later'));
    });

    test('in the history of a row the time of writing counts, not that of landing', async () => {
      a.execute("UPDATE items SET name = 'earlier, from a'");
      await drainAll(a);
      await sleep(5);
      b.execute("UPDATE items SET name = 'later, from b'");
      await meet(a, b);
      for (const { replica } of [a, b]) {
        const { versions } = await replica.rowHistory({ table: 'items', key: ['1'], max: 10 });
        assert.deepEqual(
          versions.map(({ kind, origin }) => [kind, origin[0]]),
          [
            ['update', 'b'],
            ['update', 'a'],
            ['insert', 'a'],
          ],
        );
      }
    });

    test('the history of a row tells who wrote what, newest first, also when it is gone', async () => {
      b.execute("UPDATE items SET place = 'there'");
      await meet(a, b);
      a.execute('DELETE FROM items');
      await meet(a, b);
      const history = await b.replica.rowHistory({ table: 'items', key: ['1'], max: 10 });
      assert.deepEqual([history.isShown, history.isWhole], [false, true]);
      assert.deepEqual(
        history.versions.map(({ kind, origin, cells }) => [kind, origin[0], cells.map(({ value }) => value).join()]),
        [
          ['end', 'a', ''],
          ['update', 'b', "'there'"],
          ['insert', 'a', "1,'one',1.5,'here'"],
        ],
      );
      await assert.rejects(b.replica.rowHistory({ table: 'none', key: ['1'], max: 10 }), { code: 'USYNC-1802' });
    });

    test('what stands as it was is no step of taking back, and nothing to restore', async () => {
      await later();
      const sinceMs = Date.now();
      await later();
      b.execute("UPDATE items SET name = 'other'");
      await meet(a, b);
      b.execute("UPDATE items SET name = 'one'; UPDATE tags SET colour = 'blue'");
      await meet(a, b);
      const server = serverIdOfOrigin((await b.replica.position()).origin);
      const { steps } = await a.replica.undo({ server, sinceMs, isDryRun: true });
      assert.deepEqual(
        steps.map(({ table }) => table),
        ['tags'],
      );
      a.execute("UPDATE items SET name = 'from a'");
      await drainAll(a);
      b.execute("UPDATE items SET name = 'from b'");
      await meet(a, b);
      const lost = (await a.replica.conflicts({ max: 10 })).find((each) => each.lost === "'from a'");
      assert.deepEqual(await a.replica.restoreConflict(lost?.id ?? ''), { kind: 'restored', rows: 1 });
      assert.deepEqual(await a.replica.restoreConflict(lost?.id ?? ''), { kind: 'restored', rows: 0 });
    });

    test('what one server wrote since a time is taken back, and what others wrote stands', async () => {
      await later();
      const sinceMs = Date.now();
      await later();
      b.execute("UPDATE items SET name = 'spoilt', place = 'nowhere'");
      b.execute("INSERT INTO items VALUES (2, 'unwanted', 0, null); DELETE FROM tags");
      await meet(a, b);
      a.execute("UPDATE items SET place = 'of a' WHERE id = 1");
      await meet(a, b);
      const server = serverIdOfOrigin((await b.replica.position()).origin);
      const plan = await a.replica.undo({ server, sinceMs, isDryRun: true });
      assert.deepEqual(plan.steps.map(({ kind, table, skipped }) => `${kind} ${table} ${skipped}`).toSorted(), [
        'delete items null',
        'insert tags null',
        'update items null',
      ]);
      assert.equal(await drainAll(a), 0, 'a preview writes nothing');
      const cut = await a.replica.undo({ server, sinceMs, isDryRun: false }, AbortSignal.abort());
      assert.deepEqual(cut, { steps: [], isCancelled: true });
      assert.equal(await drainAll(a), 0, 'what was cancelled wrote nothing');
      await a.replica.undo({ server, sinceMs, isDryRun: false });
      await exchange(a, b);
      for (const site of [a, b]) {
        assert.deepEqual(site.dump('items'), ["1,'one',1.5,'of a'"]);
        assert.deepEqual(site.dump('tags'), ["'x','red'"]);
      }
      await meet(a, b);
      await assertEqual(a, b);
    });
  });
}

/** Stamps have milliseconds. */
const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
