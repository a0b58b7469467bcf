/** Goal: commits of other programs are noticed at once, our own never, and a replaced file is. Real files, real events. */
import assert from 'node:assert/strict';
import { copyFileSync, linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createRealSystem } from '../../../system/real-system.js';
import { foreignCommitCounter } from './commit-counter.js';
import { createCommitWatch, type CommitWatch } from './commit-watch.js';
import { openConnection, type Connection } from './driver.js';
import { fileIdentityOf } from './file-identity.js';
import { openDatabase } from './open-database.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

interface Watched {
  readonly path: string;
  readonly writer: Connection;
  readonly own: Connection;
  readonly watch: CommitWatch;
  commits: number;
  replaced: number;
}

async function withWatch(
  journalMode: string,
  work: (watched: Watched) => Promise<void>,
  system = createRealSystem(),
): Promise<void> {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  const writer = openConnection(path, { busyTimeoutMs: 2000 });
  writer.exec(`PRAGMA journal_mode = ${journalMode}; PRAGMA synchronous = NORMAL; CREATE TABLE t (a)`);
  const opened = openDatabase(path);
  const watched: Watched = {
    path,
    writer,
    own: opened.connection,
    commits: 0,
    replaced: 0,
    watch: createCommitWatch({
      system,
      realPath: opened.realPath,
      identity: opened.identity,
      counter: () => (opened.connection.isOpen ? foreignCommitCounter(opened.connection) : null),
      onCommit: () => watched.commits++,
      onReplaced: () => watched.replaced++,
    }),
  };
  watched.watch.rebase();
  try {
    await work(watched);
  } finally {
    watched.watch.close();
    writer.close();
    opened.connection.close();
  }
}

for (const journalMode of ['WAL', 'DELETE', 'TRUNCATE']) {
  test(`a commit of another connection is noticed within 200 ms (${journalMode})`, () =>
    withWatch(journalMode, async (watched) => {
      for (let i = 1; i <= 5; i++) {
        watched.writer.exec(`INSERT INTO t VALUES (${i})`);
        await until(() => watched.commits >= i, 200);
      }
    }));
}

test('commits of our own connection, and files beside the database, are no commits', () =>
  withWatch('WAL', async (watched) => {
    await pause(100);
    const before = watched.commits;
    watched.own.exec('INSERT INTO t VALUES (1)');
    writeFileSync(`${watched.path}.txt`, 'x');
    writeFileSync(`${watched.path}-usync-owner`, 'x');
    await pause(150);
    assert.equal(watched.commits, before);
  }));

test('while the own connection is closed a commit is noticed, closing and foreign readers are not', () =>
  withWatch('WAL', async (watched) => {
    watched.writer.close();
    watched.own.exec('INSERT INTO t VALUES (0)');
    await pause(100);
    const before = watched.commits;
    // The last one out: moves the pages from the -wal and removes it.
    watched.own.close();
    watched.watch.rest();
    await pause(100);
    const reader = openConnection(watched.path);
    reader.prepare('SELECT * FROM t').all();
    reader.close();
    await pause(700);
    assert.equal(watched.commits, before);
    const writer = openConnection(watched.path);
    writer.exec('INSERT INTO t VALUES (1)');
    await until(() => watched.commits > before, 200);
    writer.close();
  }));

test('where only we write, events of our own commits let the slow look rest longer', () => {
  const system = createRealSystem();
  const delays: number[] = [];
  const after: typeof system.after = (ms, run) => (delays.push(ms), system.after(ms, run));
  return withWatch(
    'WAL',
    async ({ own }) => {
      own.exec('INSERT INTO t VALUES (1)');
      await until(() => delays.includes(1000), 20_000);
    },
    { ...system, after },
  );
});

test('without events the counter alone finds the commit', () =>
  withWatch('WAL', async (watched) => {
    watched.watch.close();
    // Events name the path by which a file was written, so the second name of this file has none.
    using other = temporaryFolder();
    linkSync(watched.path, other.path('app.db'));
    const identity = fileIdentityOf(watched.path);
    assert.ok(identity);
    let commits = 0;
    const blind = createCommitWatch({
      system: createRealSystem(),
      realPath: other.path('app.db'),
      identity,
      counter: () => foreignCommitCounter(watched.own),
      onCommit: () => commits++,
      onReplaced: () => {},
    });
    blind.rebase();
    await pause(100);
    watched.writer.exec('INSERT INTO t VALUES (1)');
    await until(() => commits > 0, 10_000);
    blind.close();
  }));

for (const [how, replace] of [
  ['a file moved over it', (path: string) => (copyFileSync(path, `${path}.bak`), renameSync(`${path}.bak`, path))],
  ['removal', (path: string) => rmSync(path)],
] as const) {
  test(`the replaced file is noticed once: ${how}`, () =>
    withWatch('WAL', async (watched) => {
      replace(watched.path);
      await until(() => watched.replaced > 0, 1000);
      writeFileSync(watched.path, 'again');
      await pause(100);
      assert.equal(watched.replaced, 1);
    }));
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(isTrue: () => boolean, timeoutMs: number): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!isTrue()) {
    assert.ok(performance.now() < end, `not noticed within ${timeoutMs} ms`);
    await pause(1);
  }
}
