// Goal: what holds for small files holds for large ones, whose contents come beside everything else. Method: contents beyond
// what is fetched at once, on real disks.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRealDisk } from '../../src/system/real-disk.js';
import { folderGround, send, settleAll } from './folder-servers.js';

test('of two large files with one content, an edit of the first that stands is kept while the second comes', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const bytes = randomBytes(24 * 1024 * 1024);
  for (const name of ['p1', 'p2']) writeFileSync(a.path(name), bytes);
  await a.capture();
  await send(a, b);
  let edited: string | undefined;
  const settled = (async () => {
    for (let tries = 0; tries < 100 && !['p1', 'p2'].every((name) => existsSync(b.path(name))); tries++) {
      await b.side.settle();
      await sleep(20);
    }
  })();
  for (let waited = 0; waited < 20_000 && edited === undefined; waited++) {
    edited = ['p1', 'p2'].find((name) => existsSync(b.path(name)));
    if (edited === undefined) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(edited !== undefined);
  const handle = openSync(b.path(edited), 'r+');
  writeSync(handle, Buffer.from('EDITED'), 0, 6, bytes.length - 20);
  writeSync(handle, Buffer.from('APPENDED'), 0, 8, bytes.length);
  closeSync(handle);
  await settled;
  const now = readFileSync(b.path(edited));
  assert.equal(now.subarray(bytes.length).toString(), 'APPENDED');
  assert.equal(now.subarray(bytes.length - 20, bytes.length - 14).toString(), 'EDITED');
});

for (const megabytes of [0.5, 20])
  test(`two files of ${megabytes} MB with one content keep their times on both servers`, async (context) => {
    const ground = folderGround(context);
    const a = await ground.add('a');
    const b = await ground.add('b');
    const bytes = randomBytes(megabytes * 1024 * 1024);
    const names = ['p1', 'p2'];
    for (const name of names) writeFileSync(a.path(name), bytes);
    const times = names.map((name) => Math.trunc(statSync(a.path(name)).mtimeMs));
    await settleAll([a, b]);
    for (const server of [a, b]) {
      assert.deepEqual(
        names.map((name) => Math.trunc(statSync(server.path(name)).mtimeMs)),
        times,
      );
      for (const name of names) assert.ok(readFileSync(server.path(name)).equals(bytes));
    }
    const { bytes: travelled } = b.traffic;
    assert.ok(travelled < 1.6 * bytes.length, `${travelled} bytes travelled: the second is a copy of the first`);
    assert.deepEqual(readdirSync(b.path('.usync-folder/temporary')), []);
  });

test('two large files with one content that are renamed are moved, not copied', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const bytes = randomBytes(2 * 1024 * 1024);
  for (const name of ['p1', 'p2', 'else']) writeFileSync(a.path(name), name === 'else' ? name : bytes);
  await settleAll([a, b]);
  const inodes = (...names: readonly string[]): bigint[] =>
    names.map((name) => statSync(b.path(name), { bigint: true }).ino).toSorted((p, q) => (p < q ? -1 : 1));
  const before = inodes('p1', 'p2');
  for (const name of ['1', '2']) renameSync(a.path(`p${name}`), a.path(`q${name}`));
  await settleAll([a, b]);
  assert.deepEqual(inodes('q1', 'q2'), before);
  assert.deepEqual(b.side.history({ max: 5 }), []);
});

test('what came of a large content that no entry has any more is removed', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b', {
    peers: {
      isNowhere: () => Promise.resolve(false),
      // The lists of chunks come, and the contents never do.
      fetch: (requests) =>
        Promise.resolve(
          requests.map((request) => (request.part === 'list' ? (a.side.read([request])[0] ?? null) : null)),
        ),
    },
  });
  for (let version = 0; version < 3; version++) {
    writeFileSync(a.path('image'), randomBytes(4 * 1024 * 1024));
    await a.capture();
    await send(a, b);
    for (let tries = 0; tries < 2; tries++) {
      await b.side.settle().catch(() => undefined);
      await sleep(10);
    }
  }
  const partial = (): string[] =>
    readdirSync(b.path('.usync-folder/temporary')).filter((name) => name.startsWith('m-'));
  assert.equal(partial().length, 1, 'of the versions before nothing is left');
  rmSync(a.path('image'));
  mkdirSync(a.path('else'));
  await a.capture();
  await send(a, b);
  for (let tries = 0; tries < 3; tries++) {
    await b.side.settle().catch(() => undefined);
    await sleep(10);
  }
  assert.deepEqual(
    readdirSync(b.path('.usync-folder/temporary')).filter((name) => name.startsWith('m-')),
    [],
  );
});

test('a large file that got its name before a crash took the temporary one is never written into again', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const disk = createRealDisk();
  const life = { isOver: false };
  const removeFile = (path: string): void => {
    if (/m-.*\.[0-9a-f]+$/.test(path)) {
      // The process dies between the second name and the end of the first.
      life.isOver = true;
      throw Object.assign(new Error('EIO: dies here'), { code: 'EIO' });
    }
    disk.removeFile(path);
  };
  let b = await ground.add('b', { disk: { ...disk, removeFile } });
  const content = randomBytes(3_000_000);
  writeFileSync(a.path('big'), content);
  await a.capture();
  await send(a, b);
  for (let round = 0; round < 20 && !life.isOver; round++) {
    await b.side.settle();
    await sleep(50);
  }
  b = await ground.restart(b);
  await settleAll([a, b]);
  const handle = openSync(b.path('big'), 'r+');
  writeSync(handle, Buffer.from('EDIT OF B'), 0, 9, 100);
  closeSync(handle);
  await settleAll([a, b]);
  writeFileSync(a.path('old content again'), content);
  await settleAll([a, b]);
  assert.equal(readFileSync(b.path('big')).subarray(100, 109).toString(), 'EDIT OF B');
  assert.notEqual(statSync(b.path('big')).ino, statSync(b.path('old content again')).ino);
});

test('large content that came although it stands here by now leaves nothing behind', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const asked = { isDone: false };
  const b = await ground.add('b', {
    peers: {
      isNowhere: () => Promise.resolve(false),
      async fetch(requests) {
        if (requests[0]?.part === 'content') {
          asked.isDone = true;
          await gate;
        }
        return a.side.read(requests);
      },
    },
  });
  const content = randomBytes(3_000_000);
  writeFileSync(a.path('big'), content);
  await a.capture();
  await send(a, b);
  await b.side.settle();
  while (!asked.isDone) await sleep(10);
  writeFileSync(b.path('big'), content);
  await b.capture();
  open();
  await sleep(500);
  await settleAll([a, b]);
  assert.deepEqual(readdirSync(b.path('.usync-folder/temporary')), []);
});
