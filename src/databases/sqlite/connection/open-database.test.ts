/** Goal: whatever is wrong with the file is told with its code, and looking at it changes nothing. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { test } from 'node:test';
import { SyncError } from '../../../core/sync-error.js';
import type { ErrorCode } from '../../../core/error-catalogue.js';
import { openConnection } from './driver.js';
import { networkFileSystemOf } from './network-filesystem.js';
import { checkStructure, openDatabase, type OpenOptions } from './open-database.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

test('a missing file, a folder, an empty file, and what is no database are refused, and nothing is created', () => {
  using folder = temporaryFolder();
  assertRefused(folder.path('none.db'), 'USYNC-1200');
  assertRefused(folder.path('none/none.db'), 'USYNC-1200');
  assert.equal(existsSync(folder.path('none.db')), false);
  assertRefused(folder.root, 'USYNC-1203');
  writeFileSync(folder.path('empty.db'), '');
  assertRefused(folder.path('empty.db'), 'USYNC-1200');
  for (const [name, content] of [
    ['text.db', 'hello'],
    ['random.db', Buffer.alloc(8192, 0xa7)],
    ['cut.db', 'SQLite format 3\0'],
  ] as const) {
    writeFileSync(folder.path(name), content);
    assertRefused(folder.path(name), 'USYNC-1203');
    assert.deepEqual(readFileSync(folder.path(name)), Buffer.from(content));
  }
});

test('damage of the schema is found at opening, damage of rows by the structure check', () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  makeDatabase(path, 'CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE INDEX t_a ON t (a)');
  const fill = openConnection(path);
  fill.exec(
    `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, 'row ' || i FROM n`,
  );
  fill.close();
  const whole = openDatabase(path);
  checkStructure(whole.connection);
  whole.connection.close();
  overwrite(path, 3 * 4096, 4096);
  const damaged = openDatabase(path);
  assert.throws(() => checkStructure(damaged.connection), isCode('USYNC-1204'));
  damaged.connection.close();
  overwrite(path, 100, 3996);
  assertRefused(path, 'USYNC-1204');
});

test('a database that another program holds exclusively is locked, at once', () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  makeDatabase(path, 'CREATE TABLE t (a)');
  const holder = openConnection(path);
  holder.exec('BEGIN EXCLUSIVE');
  const before = performance.now();
  assertRefused(path, 'USYNC-1201');
  assert.ok(performance.now() - before < 500);
  holder.exec('COMMIT');
  holder.close();
  openDatabase(path).connection.close();
});

test('a symbolic link is followed to the file, whose folder holds the journals', () => {
  using folder = temporaryFolder();
  mkdirSync(folder.path('real'));
  makeDatabase(folder.path('real/app.db'), 'PRAGMA journal_mode = WAL; CREATE TABLE t (a)');
  symlinkSync(folder.path('real/app.db'), folder.path('link.db'));
  const opened = openDatabase(folder.path('link.db'));
  assert.equal(opened.realPath, realpathSync(folder.path('real/app.db')));
  assert.equal(opened.journalMode, 'wal');
  assert.match(opened.sqliteVersion, /^3\.\d+\.\d+$/);
  assert.deepEqual(opened.connection.prepare('PRAGMA foreign_keys').get(), [0n]);
  opened.connection.close();
});

test('a read-only connection reads and refuses to write', () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  makeDatabase(path, 'CREATE TABLE t (a)');
  const { connection } = openDatabase(path, { isReadOnly: true });
  assert.throws(() => connection.exec('INSERT INTO t VALUES (1)'), isCode('USYNC-1202'));
  connection.close();
});

test('a network file system is known by the mount that is nearest to the file', () => {
  const mounts = [
    '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '23 22 0:40 / /mnt/my\\040share rw,relatime shared:1 - nfs4 host:/x rw',
    '24 23 8:2 / /mnt/my\\040share/local rw - xfs /dev/sdb rw',
    '25 22 0:41 / /srv rw - fuse.sshfs host: rw',
    '26 22 0:42 / /over rw - cifs //host/x rw',
    '27 22 0:43 / /over rw - ext4 /dev/sdc rw',
  ].join('\n');
  assert.equal(networkFileSystemOf('/var/app.db', mounts), null);
  assert.equal(networkFileSystemOf('/mnt/my share/app.db', mounts), 'nfs4');
  assert.equal(networkFileSystemOf('/mnt/my share/local/app.db', mounts), null);
  assert.equal(networkFileSystemOf('/srv/app.db', mounts), 'fuse.sshfs');
  assert.equal(networkFileSystemOf('/srvother/app.db', mounts), null);
  assert.equal(networkFileSystemOf('/over/app.db', mounts), null);
});

test('a file or folder that this user may not write is refused with the reason', (context) => {
  if (process.getuid?.() === 0) return context.skip('root may write everything');
  using folder = temporaryFolder();
  mkdirSync(folder.path('closed'));
  makeDatabase(folder.path('closed/app.db'), 'CREATE TABLE t (a)');
  chmodSync(folder.path('closed'), 0o555);
  assertRefused(folder.path('closed/app.db'), 'USYNC-1202');
  chmodSync(folder.path('closed'), 0o755);
  chmodSync(folder.path('closed/app.db'), 0o444);
  assertRefused(folder.path('closed/app.db'), 'USYNC-1202');
  assert.doesNotThrow(() => openDatabase(folder.path('closed/app.db'), { isReadOnly: true }).connection.close());
});

const isCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    error instanceof SyncError && error.code === code && error.nextStep.length > 0;

function assertRefused(path: string, code: ErrorCode, options: OpenOptions = {}): void {
  assert.throws(() => openDatabase(path, options), isCode(code), path);
}

function makeDatabase(path: string, sql: string): void {
  const connection = openConnection(path);
  connection.exec(sql);
  connection.close();
}

function overwrite(path: string, offset: number, length: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(length, 0x5a), 0, length, offset);
  closeSync(file);
}
