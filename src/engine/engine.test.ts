/**
 * Whole engines on real SQLite files over loopback TLS. The application writes through connections of its own; what
 * counts is what the status can prove and what stands in the files.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { composeEngine } from '../compose-engine.js';
import { SyncError } from '../core/sync-error.js';
import { openConnection } from '../databases/sqlite/connection/driver.js';
import { connectControl } from './control-client.js';
import { assertInSync, groundOf, joinAll, namesOf, until } from '../../test/engine/engine-ground.js';
import type { Engine } from './engine.js';

test('F44: three servers, invited one by the other, end equal after writes at all three, also when one was away', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('from a'), ('more from a')");
  const b = await ground.add('b');
  const c = await ground.add('c');
  assert.equal((await a.engine.status()).state, 'alone');
  const undo = { server: 'a', sinceMs: 0, isDryRun: true };
  await assert.rejects(a.engine.undo(undo), /This server belongs to no group yet/);
  await joinAll(a, [b]);
  await joinAll(b, [c]);
  await assertInSync([a, b, c]);
  for (const { database, name } of [a, b, c])
    database.exec(`INSERT INTO item (name, price) VALUES ('live ${name}', 1)`);
  await assertInSync([a, b, c]);
  const proven = await a.engine.status();
  assert.match(proven.headline, /^All 3 servers hold the same data, proven /);
  assert.deepEqual([proven.problems, proven.datasets[0]?.selfTest.kind], [[], 'passed']);

  await c.engine.stop('it is cut off');
  a.database.exec("UPDATE item SET price = 7 WHERE name = 'from a'; DELETE FROM item WHERE name = 'live b'");
  c.database.exec(
    "UPDATE item SET name = 'renamed by c' WHERE name = 'more from a'; INSERT INTO item (name) VALUES ('offline c')",
  );
  await until('a says that c is away', async () => (await a.engine.status()).state === 'waiting');
  const waiting = await a.engine.status();
  assert.match(waiting.headline, /^In sync with 1 of 2 servers; c not reached for /);
  assert.equal(waiting.isInSync, false);
  assert.ok(waiting.problems.some(({ subject, nextStep }) => subject === 'server c' && nextStep !== ''));
  await c.restart();
  await assertInSync([a, b, c]);
  assert.deepEqual(namesOf(a.database), ['from a', 'live a', 'live c', 'offline c', 'renamed by c']);
  const before = JSON.stringify((await a.engine.status()).datasets.map((dataset) => dataset.capturedChangesets));
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(JSON.stringify((await a.engine.status()).datasets.map((dataset) => dataset.capturedChangesets)), before);
});

test('who waits for the proof at rest gets one that was made since', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const sinceMs = Date.now();
  const status = await a.engine.waitUntilInSync({ timeoutMs: 30_000 });
  assert.ok((status.datasets[0]?.provenAtMs ?? 0) >= sinceMs);
  assert.match(status.headline, /proven just now/);
});

test('a removed server is cut off everywhere at once, told why, and its key is refused', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const [b, c] = [await ground.add('b'), await ground.add('c')];
  await joinAll(a, [b, c]);
  await assertInSync([a, b, c]);
  assert.equal((await a.engine.remove('c')).state, 'removed');
  await until('b has dropped c', async () => (await b.engine.status()).peers.every(({ name }) => name !== 'c'));
  await until('c knows', async () => (await c.engine.status()).server.membership === 'removed');
  const status = await c.engine.status();
  assert.equal(status.problems[0]?.code, 'USYNC-1402');
  c.database.exec("INSERT INTO item (name) VALUES ('from the removed one')");
  b.database.exec("INSERT INTO item (name) VALUES ('after the removal')");
  await assertInSync([a, b]);
  assert.deepEqual(namesOf(a.database), ['after the removal', 'one']);
  assert.deepEqual(
    (await b.engine.servers()).map(({ name, state }) => [name, state]),
    [
      ['a', 'member'],
      ['b', 'member'],
      ['c', 'removed'],
    ],
  );
  const { code } = await b.engine.invite();
  assert.equal((await c.engine.join({ code })).state, 'joined');
  await assertInSync([a, b, c]);
  assert.ok(namesOf(a.database).includes('from the removed one'));
});

test('a code that asks for approval lets nobody in before a person says so, on any member', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const [b, c] = [await ground.add('b'), await ground.add('c')];
  await joinAll(a, [b]);
  const { code } = await a.engine.invite({ isPreApproved: false });
  const isUnapproved = (error: unknown): boolean => error instanceof SyncError && error.code === 'USYNC-1405';
  await assert.rejects(c.engine.join({ code, isDryRun: true }), isUnapproved);
  assert.equal((await c.engine.join({ code })).state, 'pending');
  const waiting = await c.engine.status();
  assert.deepEqual([waiting.server.membership, waiting.problems[0]?.code], ['pending', 'USYNC-1405']);
  assert.deepEqual(namesOf(c.database), []);
  await until('b knows of c', async () => (await b.engine.servers()).some(({ name }) => name === 'c'));
  await c.engine.stop('to wait longer than one run');
  await c.restart();
  await b.engine.approve('c');
  await until('c is a member', async () => (await c.engine.status()).server.membership === 'member');
  await assertInSync([a, b, c]);
});

test('a code works once, and a look at what joining would do neither uses it nor changes anything', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one'), ('two')");
  const b = await ground.add('b', "INSERT INTO item (name) VALUES ('one'), ('other')");
  const c = await ground.add('c');
  const { code } = await a.engine.invite();
  const look = await b.engine.join({ code, isDryRun: true });
  assert.equal(look.state, 'previewed');
  assert.ok(look.datasets[0]?.preview);
  assert.deepEqual(namesOf(b.database), ['one', 'other']);
  assert.deepEqual((await b.engine.status()).server.membership, 'alone');
  assert.equal((await a.engine.servers()).length, 1);
  assert.equal((await c.engine.join({ code })).state, 'joined');
  await assert.rejects(b.engine.join({ code }), (error) => error instanceof SyncError && error.code === 'USYNC-1400');
  assert.equal((await b.engine.status()).server.membership, 'alone');
  await assert.rejects(
    c.engine.join({ code: (await b.engine.invite()).code }),
    (error) => error instanceof SyncError && error.code === 'USYNC-1403',
  );
});

test('a backup put in the place of the database while it is stopped begins a new epoch and gets its lost tail back', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  const backup = join(ground.root, 'backup.db');
  a.database.exec(`VACUUM INTO '${backup}'`);
  a.database.exec("INSERT INTO item (name) VALUES ('after the backup')");
  await assertInSync([a, b]);
  const before = (await a.engine.status()).datasets[0]?.origin;
  await a.engine.stop('its database is restored');
  a.database.exec(`PRAGMA wal_checkpoint(TRUNCATE)`);
  const path = a.config.datasets[0]?.sqlite ?? '';
  a.database.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
  const restored = openConnection(backup);
  restored.exec(`VACUUM INTO '${path}'`);
  restored.close();
  const again = openConnection(path, { busyTimeoutMs: 10_000 });
  context.after(() => again.close());
  again.exec("PRAGMA journal_mode = WAL; INSERT INTO item (name) VALUES ('in the restored one')");
  await a.restart();
  assert.notEqual((await a.engine.status()).datasets[0]?.origin, before);
  assert.ok(a.events.some((event) => event.kind === 'epoch-changed' && event.dataset === 'shop'));
  await assertInSync([{ ...a, database: again }, b]);
  assert.deepEqual(namesOf(b.database), ['after the backup', 'in the restored one', 'one']);
});

test('F18: a cloned machine that runs beside its original is reported on both and harms nobody', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const [b, c] = [await ground.add('b'), await ground.add('c')];
  await joinAll(a, [b, c]);
  await assertInSync([a, b, c]);
  await b.engine.stop('to be copied');
  const path = join(ground.root, 'clone.db');
  cpSync(b.config.dataFolder, join(ground.root, 'clone-data'), { recursive: true, preserveTimestamps: true });
  b.database.exec(`VACUUM INTO '${path}'`);
  await b.restart();
  await assertInSync([a, b, c]);
  const clone = composeEngine(
    {
      ...b.config,
      dataFolder: join(ground.root, 'clone-data'),
      listen: { ...b.config.listen, port: 0 },
      datasets: b.config.datasets.map((dataset) => ({ ...dataset, sqlite: path })),
    },
    { version: 'test', observe: () => undefined },
  );
  context.after(() => clone.stop('the test is over'));
  const addressesAtA = async (): Promise<string> =>
    (await a.engine.servers()).flatMap(({ name, addresses }) => (name === 'b' ? addresses : [])).join();
  const own = await addressesAtA();
  await clone.start();
  const tells = async (engine: Engine): Promise<boolean> =>
    (await engine.status()).problems.some(({ code }) => code === 'USYNC-1404');
  await until('the clone is told', () => tells(clone));
  await until('a peer reports it', async () => (await tells(a.engine)) || tells(c.engine));
  await until('the original is told', () => tells(b.engine));
  a.database.exec("INSERT INTO item (name) VALUES ('while a clone runs')");
  await a.engine.waitUntilInSync({ timeoutMs: 1_000 });
  await until('c has it', () => Promise.resolve(namesOf(c.database).includes('while a clone runs')));
  await until('the clone has had its turn', async () => (await addressesAtA()) !== own);
  await clone.stop('it becomes a server of its own');
  await assertInSync([a, b, c]);
  await until('a knows again where the original is', async () => (await addressesAtA()) === own);
});

test('a second engine on the same data folder or the same database is refused with the name of the first', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a');
  const isHeld = (error: unknown) =>
    error instanceof SyncError && error.code === 'USYNC-1206' && /"a"/.test(error.message);
  const same = composeEngine({ ...a.config, name: 'second' }, { version: 'test', observe: () => undefined });
  const underWay = join(a.config.dataFolder, 'peers.json.writing-00aa');
  writeFileSync(underWay, 'half of it');
  await assert.rejects(same.start(), isHeld);
  assert.ok(existsSync(underWay), 'what the first is writing is left alone');
  const other = composeEngine(
    { ...a.config, name: 'second', dataFolder: join(ground.root, 'other-data') },
    { version: 'test', observe: () => undefined },
  );
  await assert.rejects(other.start(), isHeld);
  await a.engine.stop('to free it');
  await a.restart();
  assert.ok(!existsSync(underWay), 'who works there alone clears up');
});

test('the control socket answers for the running engine and falls silent with it', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a');
  const client = await connectControl(a.config.dataFolder);
  const status = await client.call('status', {});
  assert.deepEqual([status.server.name, status.state, status.isInSync], ['a', 'alone', false]);
  assert.equal((await client.call('servers', {}))[0]?.isSelf, true);
  await client.call('stop', { reason: 'asked to' });
  assert.equal(await a.engine.stopRequested, 'asked to');
  await a.engine.stop('asked to');
  await assert.rejects(
    connectControl(a.config.dataFolder),
    (error) => error instanceof SyncError && error.code === 'USYNC-1506',
  );
});

test('a database that is missing ends the start with a clear error and leaves nothing behind that is held', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a');
  const [dataset] = a.config.datasets;
  assert.ok(dataset);
  await a.engine.stop('for the test');
  const broken = composeEngine(
    { ...a.config, datasets: [dataset, { ...dataset, name: 'other', sqlite: join(ground.root, 'none.db') }] },
    { version: 'test', observe: () => undefined },
  );
  await assert.rejects(broken.start(), (error) => error instanceof SyncError && error.code === 'USYNC-1200');
  await a.restart();
});

test('an engine that is stopped while it starts lets go of everything', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  await a.engine.stop('to be started again');
  const starting = a.restart();
  await a.engine.stop('at once');
  await starting;
  await assert.rejects(a.engine.status(), (error) => error instanceof SyncError && error.code === 'USYNC-1506');
  await a.restart();
  assert.equal((await a.engine.status()).server.membership, 'alone');
});

test('a file that cannot be written at the end is told, and keeps nothing else held', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  const blocked = join(a.config.dataFolder, 'peers.json');
  rmSync(blocked, { force: true });
  mkdirSync(blocked);
  await assert.rejects(a.engine.stop('to be started again'), /cannot be used/);
  rmSync(blocked, { recursive: true });
  await a.restart();
  await assertInSync([a, b]);
});
