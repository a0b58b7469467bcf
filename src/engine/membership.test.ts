/**
 * Who belongs to a group, where several change it at once and some are away. Whole engines on real SQLite files over
 * loopback TLS.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ServerId } from '../core/origin.js';
import { SyncError } from '../core/sync-error.js';
import type { ListedServer } from '../databases/server-list.js';
import { openConnection } from '../databases/sqlite/connection/driver.js';
import { openSqliteServerList } from '../databases/sqlite/sqlite-server-list.js';
import { assertInSync, groundOf, joinAll, namesOf, until, type TestServer } from '../../test/engine/engine-ground.js';
import type { ServerInfo } from './engine.js';

const stop = (server: TestServer): Promise<void> => server.engine.stop('it is away');

async function infoOf(at: TestServer, name: string): Promise<ServerInfo> {
  const info = (await at.engine.servers()).find((each) => each.name === name);
  assert.ok(info, `${at.name} lists ${name}`);
  return info;
}

const idOf = (server: TestServer, name: string): unknown =>
  server.database.prepare('SELECT id FROM item WHERE name = ?').get(name)?.[0];

test('what is provisional of a removed server is made permanent by who removed it', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const [b, c] = [await ground.add('b'), await ground.add('c')];
  await joinAll(a, [b, c]);
  await assertInSync([a, b, c]);
  await stop(b);
  await stop(c);
  a.database.exec("INSERT INTO item VALUES (100, 'elder', 1)");
  await stop(a);
  // c takes the same number, b hears of it, and c is gone before it could hear that its row has to stand elsewhere.
  await b.restart();
  await c.restart();
  c.database.exec("INSERT INTO item VALUES (100, 'younger', 1)");
  await until('b has it', () => Promise.resolve(namesOf(b.database).includes('younger')));
  await stop(c);
  await a.restart();
  await a.engine.remove('c');
  await assertInSync([a, b]);
  const substitute = idOf(a, 'younger');
  assert.notEqual(substitute, 100n);
  b.database.exec("DELETE FROM item WHERE name = 'elder'");
  await assertInSync([a, b]);
  assert.equal(idOf(b, 'younger'), substitute, 'it has its number for good');
});

test('removed at two members at once, each unseen by the other: both tell the same, and it can join again untold', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const [b, c] = [await ground.add('b'), await ground.add('c')];
  await joinAll(a, [b, c]);
  await assertInSync([a, b, c]);
  await stop(c);
  await stop(b);
  await a.engine.remove('c');
  await stop(a);
  await b.restart();
  await b.engine.remove('c');
  await a.restart();
  await assertInSync([a, b]);
  const { removedBy, removedAtMs } = await infoOf(a, 'c');
  assert.equal(removedBy, 'b', 'the later one stands');
  await until('b knows the same', async () => {
    const there = await infoOf(b, 'c');
    return there.removedBy === removedBy && there.removedAtMs === removedAtMs;
  });
  c.database.exec("INSERT INTO item (name) VALUES ('while it was out')");
  const { code } = await a.engine.invite();
  await c.restart();
  assert.equal((await c.engine.join({ code })).state, 'joined');
  await assertInSync([a, b, c]);
  assert.ok(namesOf(b.database).includes('while it was out'));
  const back = await infoOf(b, 'c');
  assert.deepEqual([back.state, back.removedBy, back.removedAtMs], ['member', null, null]);
});

test('approved at one member while another removes it: it is out, at both', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const [b, c] = [await ground.add('b'), await ground.add('c')];
  await joinAll(a, [b]);
  const { code } = await a.engine.invite({ isPreApproved: false });
  assert.equal((await c.engine.join({ code })).state, 'pending');
  await until('b knows of c', async () => (await b.engine.servers()).some(({ name }) => name === 'c'));
  await stop(a);
  await b.engine.remove('c');
  await stop(b);
  await a.restart();
  assert.equal((await a.engine.approve('c')).state, 'member');
  await until('c is in, as far as a knows', async () => (await c.engine.status()).server.membership === 'member');
  await b.restart();
  for (const server of [a, b])
    await until(`${server.name} has it out`, async () => (await infoOf(server, 'c')).state === 'removed');
  await until('c is told', async () => (await c.engine.status()).server.membership === 'removed');
  await assertInSync([a, b]);
});

test('approving and removing write nothing but that: what was merged into the row at the same moment stays', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  const { code } = await a.engine.invite({ isPreApproved: false });
  assert.equal((await b.engine.join({ code })).state, 'pending');
  const list = openConnection(join(a.config.dataFolder, 'servers.db'), { busyTimeoutMs: 10_000 });
  const rename = (name: string): unknown => list.exec(`UPDATE servers SET name = '${name}' WHERE name <> 'a'`);
  const namesListed = (): unknown => list.prepare("SELECT name FROM servers WHERE name <> 'a'").all();
  rename('first');
  const approving = a.engine.approve('b');
  assert.deepEqual(namesListed(), [['first']]);
  assert.equal((await approving).state, 'member');
  rename('second');
  const removing = a.engine.remove((await approving).id);
  assert.deepEqual(namesListed(), [['second']]);
  assert.equal((await removing).state, 'removed');
  list.close();
});

test('a renamed server is listed by its new name everywhere, with who let it in and when it was last seen', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const [b, c] = [await ground.add('b'), await ground.add('c')];
  await joinAll(a, [b]);
  await joinAll(b, [c]);
  await assertInSync([a, b, c]);
  const before = await infoOf(a, 'c');
  assert.deepEqual([before.addedBy, before.isConnected, before.isSelf], ['b', true, false]);
  await stop(c);
  await until('a has lost it', async () => !(await infoOf(a, 'c')).isConnected);
  const away = await infoOf(a, 'c');
  assert.ok(away.lastSeenMs !== null && Date.now() - away.lastSeenMs < 60_000);
  await c.restart('warehouse');
  await until('a knows the new name', async () =>
    (await a.engine.servers()).some(({ name, id }) => name === 'warehouse' && id === before.id),
  );
  assert.equal((await a.engine.servers()).length, 3);
});

test('a code that a server made before it was removed lets nobody in', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const [b, c] = [await ground.add('b'), await ground.add('c')];
  await joinAll(a, [b]);
  const { code } = await b.engine.invite();
  await a.engine.remove('b');
  await until('b is told', async () => (await b.engine.status()).server.membership === 'removed');
  const isRefused = (error: unknown): boolean => error instanceof SyncError && error.code === 'USYNC-1400';
  await assert.rejects(c.engine.join({ code }), isRefused);
  assert.equal((await c.engine.status()).server.membership, 'alone');
  const isSpent = (error: unknown): boolean => error instanceof SyncError && error.code === 'USYNC-1402';
  await assert.rejects(b.engine.invite(), isSpent);
});

test('a first invite that was cut off half-way is finished by the next start', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  await stop(a);
  writeFileSync(join(a.config.dataFolder, 'group.json'), JSON.stringify({ state: 'founding', inviter: null }));
  await a.restart();
  assert.equal((await a.engine.status()).server.membership, 'member');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
});

test('a server that waits with a code that has expired meanwhile keeps nobody else from joining', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const [b, c] = [await ground.add('b'), await ground.add('c')];
  const { code, expiresAtMs } = await a.engine.invite({ isPreApproved: false, validMs: 4_000 });
  assert.equal((await b.engine.join({ code })).state, 'pending');
  await until('the code has expired', () => Promise.resolve(Date.now() > expiresAtMs + 1_000));
  const list = openConnection(join(a.config.dataFolder, 'servers.db'), { busyTimeoutMs: 10_000 });
  for (const name of ['b1', 'b2', 'b3', 'b4', 'b5', 'b6']) {
    list.exec(`UPDATE servers SET name = '${name}' WHERE name <> 'a'`);
    await until(`a lists ${name}`, async () => (await a.engine.servers()).some((each) => each.name === name));
  }
  list.close();
  const next = await a.engine.invite();
  assert.equal((await c.engine.join({ code: next.code })).state, 'joined');
});

test('joining that is cancelled brings nothing in afterwards, and leaves no list to a group that is founded later', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b', "INSERT INTO item (name) VALUES ('of b')");
  const cancelling = new AbortController();
  const forget = b.engine.onActivity(({ kind }) => {
    if (kind === 'peer-connected') cancelling.abort();
  });
  const { code } = await a.engine.invite();
  await assert.rejects(b.engine.join({ code, signal: cancelling.signal }), /cancelled/);
  forget();
  assert.equal((await b.engine.status()).server.membership, 'alone');
  await until('a has lost it', async () => !(await infoOf(a, 'b')).isConnected);
  assert.deepEqual(namesOf(b.database), ['of b']);
  const left = openSqliteServerList(join(b.config.dataFolder, 'servers.db'));
  const stranger: ListedServer = {
    id: 'a'.repeat(16) as ServerId,
    name: 'stranger',
    fingerprint: 'ab'.repeat(32),
    addresses: [],
    datasets: ['shop'],
    state: 'member',
    addedBy: 'a'.repeat(16) as ServerId,
    addedAtMs: 1,
    removedBy: null,
    removedAtMs: null,
  };
  left.add(stranger);
  left.close();
  await b.engine.invite();
  assert.deepEqual(
    (await b.engine.servers()).map(({ name }) => name),
    ['b'],
  );
});

test('codes that are asked for at once by a server that is alone found one group, and each lets one in', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const [b, c] = [await ground.add('b'), await ground.add('c')];
  const [first, second, third] = await Promise.all([a.engine.invite(), a.engine.invite(), a.engine.invite()]);
  assert.equal(new Set([first.code, second.code, third.code]).size, 3);
  assert.equal((await a.engine.status()).server.membership, 'member');
  assert.equal((await b.engine.join({ code: third.code })).state, 'joined');
  assert.equal((await c.engine.join({ code: first.code })).state, 'joined');
  await assertInSync([a, b, c]);
});

test('of two joins at once one is refused, and the other is not harmed by it', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  const { code } = await a.engine.invite();
  const second = await a.engine.invite();
  const [one, other] = await Promise.allSettled([b.engine.join({ code }), b.engine.join({ code: second.code })]);
  assert.equal(one.status === 'fulfilled' && one.value.state, 'joined');
  assert.equal(other.status === 'rejected' && other.reason instanceof SyncError && other.reason.code, 'USYNC-1410');
  await assertInSync([a, b]);
});

test('joining while a code is asked for ends in the group that was joined, or not at all', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  for (const [name, waitMs] of [
    ['b', 0],
    ['c', 20],
    ['d', 60],
  ] as const) {
    const b = await ground.add(name);
    const { code } = await a.engine.invite();
    const joining = b.engine.join({ code });
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    const [joined, invited] = await Promise.allSettled([joining, b.engine.invite()]);
    assert.equal(joined.status === 'fulfilled' && joined.value.state, 'joined', name);
    if (invited.status === 'rejected')
      assert.equal(invited.reason instanceof SyncError && invited.reason.code, 'USYNC-1405');
    assert.equal((await infoOf(b, 'a')).state, 'member');
    await until('a knows it', async () => (await infoOf(a, name)).state === 'member');
  }
});

test('a server that another member approves while the inviting one is away is let in by that one', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const [b, c] = [await ground.add('b'), await ground.add('c')];
  const { code } = await a.engine.invite({ isPreApproved: false });
  assert.equal((await c.engine.join({ code })).state, 'pending');
  // It joins after c has asked: c is told of it while it waits.
  await joinAll(a, [b]);
  await until('b knows of c', async () => (await b.engine.servers()).some(({ name }) => name === 'c'));
  const group = join(c.config.dataFolder, 'group.json');
  const { fingerprint } = (await b.engine.status()).server;
  await until('c is told of b', () => Promise.resolve(readFileSync(group, 'utf8').includes(fingerprint)));
  await stop(a);
  await stop(c);
  await c.restart();
  await b.engine.approve('c');
  await until('c is in', async () => (await c.engine.status()).server.membership === 'member');
  await until('c has the rows', () => Promise.resolve(namesOf(c.database).includes('one')));
  await a.restart();
  await assertInSync([a, b, c]);
});

const listOf = (server: TestServer): unknown => {
  const list = openConnection(join(server.config.dataFolder, 'servers.db'), { busyTimeoutMs: 10_000 });
  const found = [
    list.prepare('SELECT * FROM servers ORDER BY id').all(),
    list.prepare('SELECT count(*) FROM _usync_journal').all(),
  ];
  list.close();
  return found;
};

test('a start writes nothing into the list of servers, neither one that succeeds nor one whose port is taken', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  await stop(b);
  await stop(a);
  const before = listOf(a);
  await a.restart();
  await a.engine.status();
  await stop(a);
  assert.deepEqual(listOf(a), before);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(a.config.listen.port, '127.0.0.1', resolve));
  await assert.rejects(a.restart(), SyncError);
  await new Promise((resolve) => other.close(resolve));
  assert.deepEqual(listOf(a), before);
  await a.restart();
  await b.restart();
  await assertInSync([a, b]);
});

test('a damaged file about the group ends the start with what to do, and touches nothing', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a');
  await a.engine.invite();
  await stop(a);
  const path = join(a.config.dataFolder, 'group.json');
  const good = readFileSync(path, 'utf8');
  for (const bad of ['{"state":', 'null', '{"state":"elsewhere"}', '{"state":"joining","inviter":{"name":1}}']) {
    writeFileSync(path, bad);
    const isTold = (error: unknown): boolean =>
      error instanceof SyncError && error.code === 'USYNC-1102' && /group\.json/.test(error.message);
    await assert.rejects(a.restart(), isTold);
  }
  writeFileSync(path, good);
  await a.restart();
  assert.equal((await a.engine.status()).server.membership, 'member');
});

test('a server whose name was written over by a copy of it takes its name back', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  const { id } = await infoOf(a, 'b');
  const list = openSqliteServerList(join(a.config.dataFolder, 'servers.db'));
  list.change(id as ServerId, { name: 'copy', addresses: ['127.0.0.1:1'] });
  list.close();
  await until('both list b again', async () => {
    const lists = await Promise.all([a, b].map(({ engine }) => engine.servers()));
    return lists.every((servers) => servers.some((each) => each.id === id && each.name === 'b'));
  });
  assert.notDeepEqual((await infoOf(a, 'b')).addresses, ['127.0.0.1:1']);
});
