// Goal: what the worker does and tells by itself is what a caller would have asked for, and never too early.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerId } from '../../../core/origin.js';
import { serverIdOfOrigin } from '../../../core/origin.js';
import type { HintedDrain, Replica, ReplicaWork } from '../../replica.js';
import { openConnection, type Connection } from '../connection/driver.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import { createWorkerReplica } from './worker-replica.js';

interface Scene {
  readonly replica: Replica;
  readonly app: Connection;
  readonly drains: HintedDrain[];
  hints: number;
}

async function withReplica(work: (scene: Scene) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  const app = openConnection(path, { busyTimeoutMs: 5000 });
  app.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, a)');
  const identity = { server: 'a'.repeat(16) as ServerId, serverName: 'a' };
  const replica = createWorkerReplica({ path, dataset: 'shop', identity, observe: () => undefined });
  const scene: Scene = { replica, app, drains: [], hints: 0 };
  replica.onHint(() => scene.hints++);
  replica.onDrained?.((drained) => scene.drains.push(drained));
  try {
    await replica.open();
    await work(scene);
  } finally {
    await replica.close();
    app.close();
  }
}

test('after the first drain commits are drained by the worker, and told with position and journal', () =>
  withReplica(async ({ replica, app, drains }) => {
    app.exec("INSERT INTO t VALUES (1, 'first')");
    await replica.drain();
    const { vector } = await replica.position();
    for (const id of [2, 3]) {
      app.exec(`INSERT INTO t VALUES (${id}, 'more')`);
      await until(() => drains.length >= id - 1);
    }
    const [second, third] = drains;
    assert.equal(second?.outcome.changesets, 1);
    assert.equal(second?.news?.next, third?.news?.after);
    const read = await replica.readJournal({ vector, after: second?.news?.after ?? 0, bytesMax: 1e6 });
    assert.equal(read.parts.length, 2);
    assert.deepEqual([...(second?.news?.parts ?? []), ...(third?.news?.parts ?? [])], read.parts);
    assert.equal(third?.news?.next, read.next);
    assert.deepEqual(await replica.position(), third?.position);
  }));

test('before the first drain a commit is a hint, and nothing is captured', () =>
  withReplica(async (scene) => {
    const { hints } = scene;
    scene.app.exec("INSERT INTO t VALUES (1, 'early')");
    await until(() => scene.hints > hints);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(scene.drains, []);
    assert.equal((await scene.replica.position()).isFresh, true);
  }));

test('taking back is cancelled in the midst of the journal, and nothing of it was done', () =>
  withReplica(async ({ replica, app }) => {
    app.exec(
      'INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i, 0 FROM n',
    );
    await replica.drain();
    const { origin, journalBytes } = await replica.position();
    await sleep(5);
    const sinceMs = Date.now();
    await sleep(5);
    for (let i = 1; i <= 30; i++) {
      app.exec(`UPDATE t SET a = ${i}`);
      await replica.drain();
    }
    const cancelling = new AbortController();
    const told: ReplicaWork[] = [];
    replica.onWork?.((work) => {
      if (work === null) return;
      told.push(work);
      cancelling.abort();
    });
    const request = { server: serverIdOfOrigin(origin), sinceMs, isDryRun: false };
    assert.deepEqual(await replica.undo(request, cancelling.signal), { steps: [], isCancelled: true });
    assert.deepEqual([told.length > 0, told[0]?.kind], [true, 'reading']);
    assert.ok((told[0]?.total ?? 0) > journalBytes && (told[0]?.done ?? 0) < (told[0]?.total ?? 0));
    assert.deepEqual(app.prepare('SELECT DISTINCT a FROM t').all(), [[30n]]);
    const { steps } = await replica.undo(request);
    assert.equal(steps.length, 2000);
    assert.deepEqual(app.prepare('SELECT DISTINCT a FROM t').all(), [[0n]]);
  }));

test('the position that is known without asking follows every call that moves it', () =>
  withReplica(async ({ replica, app }) => {
    const fresh = await replica.position();
    app.exec("INSERT INTO t VALUES (1, 'one')");
    // Asked before the drain is answered: in the order of the calls.
    const [outcome, position] = await Promise.all([replica.drain(), replica.position()]);
    assert.equal(fresh.isFresh, true);
    assert.equal(position.isFresh, false);
    assert.deepEqual(position.vector, outcome.vector);
    assert.deepEqual(await replica.position(), position);
    const origin = await replica.newEpoch('test');
    assert.equal((await replica.position()).origin, origin);
  }));

async function until(isTrue: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!isTrue()) {
    assert.ok(performance.now() < end, 'not within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
