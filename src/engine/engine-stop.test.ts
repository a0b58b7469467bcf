/**
 * An engine that is stopped while calls are under way: they end, and when `stop` returns nothing is held or written any
 * more. Shown by a new engine on the same folders, which must start at once.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { groundOf, namesOf, assertInSync, type TestServer } from '../../test/engine/engine-ground.js';
import { SyncError } from '../core/sync-error.js';

const waits = [0, 3, 10, 25, 70, 150, 300];

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function stopWhile(server: TestServer, ms: number, call: () => Promise<unknown>): Promise<string> {
  const outcome = call().then(
    () => 'done',
    (error: unknown) => (error instanceof SyncError ? error.code : String(error)),
  );
  await after(ms);
  await server.engine.stop('to be started again');
  return outcome;
}

test('stopped during its first invite, a server starts again at once, alone or as a member', async (context) => {
  const ground = groundOf(context);
  for (const ms of waits) {
    const a = await ground.add(`a${ms}`, "INSERT INTO item (name) VALUES ('one')");
    const outcome = await stopWhile(a, ms, () => a.engine.invite());
    assert.ok(['done', 'USYNC-1002'].includes(outcome), `after ${ms} ms: ${outcome}`);
    await a.restart();
    const { membership } = (await a.engine.status()).server;
    if (outcome === 'done') assert.equal(membership, 'member');
    await a.engine.invite();
    await a.engine.stop('next');
  }
});

test('stopped while it joins, a server starts again at once, alone with its rows or in the group', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  for (const ms of waits) {
    const b = await ground.add(`b${ms}`);
    const { code } = await a.engine.invite();
    const outcome = await stopWhile(b, ms, () => b.engine.join({ code }));
    const isIn = existsSync(join(b.config.dataFolder, 'group.json'));
    assert.ok(['done', 'USYNC-1002'].includes(outcome), `after ${ms} ms: ${outcome}`);
    await b.restart();
    assert.equal((await b.engine.status()).server.membership, isIn ? 'member' : 'alone', `after ${ms} ms`);
    assert.equal((await b.engine.join({ code })).state, 'joined', `after ${ms} ms`);
    assert.deepEqual(namesOf(b.database), ['one']);
    await b.engine.stop('next');
    await a.engine.remove(b.name);
  }
  await assertInSync([a, await joined(a, await ground.add('last'))]);
});

async function joined(a: TestServer, b: TestServer): Promise<TestServer> {
  const { code } = await a.engine.invite();
  await b.engine.join({ code });
  return b;
}

test('a server that stops begins nothing new, and ends what waits', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  await a.engine.invite();
  const isStopping = (error: unknown): boolean => error instanceof SyncError && error.code === 'USYNC-1002';
  const waiting = a.engine.waitUntilInSync({ timeoutMs: 60_000 });
  const stopping = a.engine.stop('to see');
  await assert.rejects(a.engine.invite(), isStopping);
  await assert.rejects(a.engine.remove('a'), isStopping);
  await assert.rejects(a.engine.conflicts({ max: 1 }), isStopping);
  assert.equal((await waiting).isInSync, false);
  await stopping;
  await a.engine.stop('again');
});
