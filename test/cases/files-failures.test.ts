/** Failures that earlier home-made file syncs had, by their numbers; each must be impossible here. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntryVersion } from '../../src/core/entry.js';
import { SyncError } from '../../src/core/sync-error.js';
import { openConnection } from '../../src/databases/sqlite/connection/driver.js';
import { createRealDisk } from '../../src/system/real-disk.js';
import { createRealSystem } from '../../src/system/real-system.js';
import { byText, folderGround, send, settleAll, treeOf } from './folder-servers.js';

test('F31: a live SQLite database with its companions is never sent as a file, whatever its name', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const database = openConnection(a.path('notes.dat'));
  context.after(() => database.close());
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)');
  writeFileSync(a.path('plain.db'), 'no database at all');
  await settleAll([a, b]);
  assert.deepEqual(Object.keys(treeOf(b.root)), ['plain.db']);
  assert.ok(existsSync(a.path('notes.dat-wal')));
  assert.match(a.side.leftOut(5).find(({ path }) => path === 'notes.dat')?.reason ?? '', /SQLite/);
});

test('F31: a database that stands here is not overwritten by a file that another server has at its path', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  await settleAll([a, b]);
  const database = openConnection(b.path('app.db'));
  context.after(() => database.close());
  database.exec('CREATE TABLE t (x)');
  const before = readFileSync(b.path('app.db'));
  writeFileSync(a.path('app.db'), 'an ordinary file');
  await a.capture();
  await send(a, b);
  await b.side.settle();
  assert.ok(readFileSync(b.path('app.db')).equals(before));
  assert.ok(b.side.status().pending > 0);
});

test('F31: content that is a database is not placed, even when a peer offers it', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  // What a peer that does not keep the rules would answer.
  const b = await ground.add('b', {
    peers: { isNowhere: () => Promise.resolve(false), fetch: () => Promise.resolve([bytes]) },
  });
  const bytes = Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(100)]);
  const version = `f:${createHash('sha256').update(bytes).digest('base64url')}` as EntryVersion;
  const entry = {
    path: 'trap',
    version,
    size: bytes.length,
    mode: 0o644,
    mtime: 1,
    base: null,
    author: 'a',
    time: 1,
    copyOf: null,
    modeAge: 0,
  };
  a.table.rows.insert(entry);
  while ((await a.replica.drain()).hasMore);
  await send(a, b);
  await b.side.settle();
  assert.equal(existsSync(b.path('trap')), false);
  assert.match(b.side.waiting(5)[0]?.reason ?? '', /SQLite/);
});

test('F32: a rescan of an unchanged folder reads no content', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  writeFileSync(a.path('file'), 'content');
  await a.capture();
  const before = statSync(a.path('file'), { bigint: true });
  // Reading would move the time of access behind the time of change, where the file system keeps it.
  utimesSync(a.path('file'), 1, Number(before.mtimeMs) / 1000);
  await a.capture();
  utimesSync(a.path('file'), 1, Number(before.mtimeMs) / 1000);
  await a.capture();
  const read = statSync(a.path('file')).atimeMs;
  await a.side.rescan();
  await a.side.rescan();
  assert.equal(statSync(a.path('file')).atimeMs, read);
});

test('F32: a transfer that was cut goes on where it was', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  let isCut = true;
  let answered = 0;
  const b = await ground.add('b', {
    peers: {
      isNowhere: () => Promise.resolve(false),
      fetch(requests) {
        if (isCut && answered > 4 * 1024 * 1024) return Promise.reject(new Error('the connection is cut'));
        const answers = a.side.read(requests);
        answered += answers.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0);
        return Promise.resolve(answers);
      },
    },
  });
  const bytes = Buffer.alloc(10 * 1024 * 1024);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(Math.imul(at + 1, 0x9e37_79b1) >>> 0, at);
  writeFileSync(a.path('large'), bytes);
  await a.capture();
  await send(a, b);
  for (let round = 0; round < 5; round++) await b.side.settle();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(existsSync(b.path('large')), false);
  isCut = false;
  const before = answered;
  await settleAll([a, b]);
  assert.ok(readFileSync(b.path('large')).equals(bytes));
  assert.ok(answered - before < 8 * 1024 * 1024, `${answered - before} bytes were sent again`);
});

test('F33: content that is not what was promised never reaches the path', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b', {
    peers: {
      isNowhere: () => Promise.resolve(false),
      fetch: (requests) => Promise.resolve(requests.map(({ length }) => new Uint8Array(length))),
    },
  });
  writeFileSync(a.path('file'), 'the truth');
  await a.capture();
  await send(a, b);
  await b.side.settle();
  assert.equal(existsSync(b.path('file')), false);
  assert.match(b.side.waiting(5)[0]?.reason ?? '', /not the content/);
});

test('F33: who reads a file while it is replaced sees the old content or the new, whole', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  const letters = ['x', 'y', 'z'].map((letter) => letter.repeat(50_000));
  writeFileSync(a.path('file'), letters[0] ?? '');
  await settleAll([a, b]);
  const over = new AbortController();
  let reads = 0;
  const reader = (async () => {
    while (!over.signal.aborted) {
      assert.ok(letters.includes(readFileSync(b.path('file'), 'utf8')));
      reads++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  for (const content of [...letters, ...letters]) {
    writeFileSync(a.path('file'), content);
    await settleAll([a, b]);
  }
  over.abort();
  await reader;
  assert.ok(reads > 10);
});

test('F33: a version that nobody has ends, and what stands stays, when all who carry the folder say so', async (context) => {
  const ground = folderGround(context);
  let laterMs = 0;
  const system = createRealSystem();
  const clock = { ...system, monotonicMs: () => system.monotonicMs() + laterMs };
  const a = await ground.add('a', { system: clock });
  const b = await ground.add('b');
  writeFileSync(a.path('f'), 'one');
  await settleAll([a, b]);
  // As a power loss leaves it: the edit was told to others, its content was not on the disk yet.
  const [row] = a.table.rows.at('f');
  assert.ok(row);
  a.table.rows.end('f', row.version);
  const version = `f:${'A'.repeat(43)}` as EntryVersion;
  for (const path of ['f', 'new'])
    a.table.rows.insert({ ...row, path, version, base: path === 'f' ? row.version : null, time: row.time + 1 });
  await a.capture();
  await send(a, b);
  const { side } = b;
  await b.side.settle();
  await a.side.settle();
  assert.equal(side.status().pending, 2);
  laterMs = 31_000;
  await a.side.settle();
  await settleAll([a, b]);
  for (const server of [a, b]) assert.deepEqual(treeOf(server.root), { f: '644 one' });
  assert.deepEqual(
    b.table.rows.at('f').map((each) => each.version),
    [row.version],
  );
});

for (const left of ['nothing', 'an empty file'])
  test(`F33: a version that only a history is said to have ends when ${left} is left of its file there`, async (context) => {
    const ground = folderGround(context);
    let laterMs = 0;
    const system = createRealSystem();
    const a = await ground.add('a', { system: { ...system, monotonicMs: () => system.monotonicMs() + laterMs } });
    const b = await ground.add('b');
    writeFileSync(a.path('f'), 'one');
    await settleAll([a, b]);
    const [row] = a.table.rows.at('f');
    assert.ok(row);
    const version = `f:${'A'.repeat(43)}` as EntryVersion;
    a.table.rows.insert({ ...row, path: 'lost', version });
    a.table.history.add({ ...row, version, file: 'kept', reason: 'replaced', atMs: system.nowMs() });
    if (left !== 'nothing') writeFileSync(a.path('.usync-folder/history/kept'), '');
    await a.capture();
    await send(a, b);
    await b.side.settle();
    await a.side.settle();
    laterMs = 31_000;
    await a.side.settle();
    await settleAll([a, b]);
    for (const server of [a, b]) assert.deepEqual(treeOf(server.root), { f: '644 one' });
  });

test('F34: of two concurrent edits none is lost, whatever the clocks and times of change say', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  writeFileSync(a.path('report.txt'), 'first');
  await settleAll([a, b]);
  writeFileSync(a.path('report.txt'), 'edit of a');
  utimesSync(a.path('report.txt'), 4_000_000_000, 4_000_000_000);
  writeFileSync(b.path('report.txt'), 'edit of b');
  utimesSync(b.path('report.txt'), 1, 1);
  await settleAll([a, b]);
  const tree = treeOf(a.root);
  assert.deepEqual(treeOf(b.root), tree);
  assert.deepEqual(Object.values(tree).toSorted(byText), ['644 edit of a', '644 edit of b']);
  const [conflict] = await a.replica.conflicts({ max: 5 });
  assert.equal(conflict?.key, 'report.txt');
  assert.match(conflict?.lost ?? '', /^report \(conflict, [ab], .{8}\)\.txt$/);
});

test('F35: a delete reaches the same path and no other, and nothing comes back', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  for (const folder of ['', 'one/', 'two/deep/']) {
    mkdirSync(a.path(folder), { recursive: true });
    writeFileSync(a.path(`${folder}same name`), folder);
  }
  await settleAll([a, b]);
  rmSync(b.path('one/same name'));
  await settleAll([a, b]);
  const restarted = await ground.restart(a);
  await settleAll([restarted, b]);
  assert.deepEqual(treeOf(b.root), treeOf(a.root));
  assert.deepEqual(Object.keys(treeOf(a.root)), ['one/', 'same name', 'two/', 'two/deep/', 'two/deep/same name']);
});

test('F36: secrets, locks, temporary files and version control stay at home; the ignore file says what else', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  mkdirSync(a.path('.git'));
  for (const name of ['.git/config', '.env', 'server.pem', 'a.tmp', 'app.pid', 'private.txt', 'data.txt'])
    writeFileSync(a.path(name), 'x');
  writeFileSync(a.path('.usyncignore'), 'private.*\n');
  await settleAll([a, b]);
  assert.deepEqual(Object.keys(treeOf(b.root)), ['.usyncignore', 'data.txt']);
  writeFileSync(a.path('.usyncignore'), '# nothing\n');
  await settleAll([a, b]);
  assert.deepEqual(Object.keys(treeOf(b.root)), ['.usyncignore', 'data.txt', 'private.txt']);
});

test('F36: a file that the receiver leaves out is not placed there and not deleted elsewhere', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b', { ignore: ['*.big'] });
  writeFileSync(a.path('x.big'), 'x');
  writeFileSync(a.path('y'), 'y');
  await settleAll([a, b]);
  assert.deepEqual(Object.keys(treeOf(b.root)), ['y']);
  await settleAll([a, b]);
  assert.deepEqual(Object.keys(treeOf(a.root)), ['x.big', 'y']);
});

test('a large file that nobody who is connected has is asked for without haste', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  let asked = 0;
  const fetch = (): Promise<never> => {
    asked++;
    return Promise.reject(new SyncError('USYNC-1703', 'No connected server has the content.'));
  };
  const b = await ground.add('b', { peers: { isNowhere: () => Promise.resolve(false), fetch } });
  writeFileSync(a.path('big'), Buffer.alloc(3_000_000, 'abcdefghijk'));
  await a.capture();
  await send(a, b);
  b.side.onTable();
  await sleep(2000);
  assert.ok(asked < 20, `asked ${asked} times in 2 s`);
});

test('the history keeps its bounds while a file is replaced again and again', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b', { history: { daysMax: 30, versionsMax: 2, bytesMax: 1_000_000 } });
  for (let i = 0; i < 20; i++) {
    writeFileSync(a.path('f'), randomBytes(500_000));
    await settleAll([a, b]);
  }
  assert.ok(readdirSync(b.path('.usync-folder/history')).length <= 4);
});

test('a mode that its owner may not read is changed again, as for a user without rights over files of others', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const disk = createRealDisk();
  const open = (path: string, flags: number, mode?: number): number => {
    const stats = path.endsWith('/f') ? disk.look(path) : null;
    const isForbidden = stats !== null && (stats.mode & 0o400n) === 0n;
    if (isForbidden) throw Object.assign(new Error(`EACCES: permission denied, open '${path}'`), { code: 'EACCES' });
    return disk.open(path, flags, mode);
  };
  const b = await ground.add('b', { disk: { ...disk, open } });
  writeFileSync(a.path('f'), 'x');
  await settleAll([a, b]);
  for (const mode of [0o000, 0o200, 0o644]) {
    chmodSync(a.path('f'), mode);
    await settleAll([a, b]);
    assert.equal(statSync(b.path('f')).mode & 0o777, mode);
  }
});
