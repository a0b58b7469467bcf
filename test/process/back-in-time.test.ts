// Goal: restored backups and cloned data folders are recognised, the lost tail comes back, all end equal.
import assert from 'node:assert/strict';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { foreignWriters, runShell } from './foreign-writers.js';
import { createMusicDatabase } from './music-database.js';
import {
  createWorkplace,
  formGroup,
  untilProven,
  waitUntil,
  type ServerProcess,
  type Workplace,
} from './server-process.js';
import { dumpTables, problemsOf } from './table-dump.js';

const missing = foreignWriters.shell ? false : 'the sqlite3 shell is not installed';

describe('a server that went back in time', { skip: missing }, () => {
  let workplace: Workplace;
  let a: ServerProcess;
  let b: ServerProcess;

  beforeEach(async () => {
    workplace = createWorkplace();
    [a, b] = [await workplace.addServer('a'), await workplace.addServer('b')];
    for (const { database } of [a, b]) createMusicDatabase(database, 'autoincrement');
    await formGroup([a, b]);
    await untilProven([a, b]);
  });
  afterEach(() => workplace.clear());

  test('a backup of the database restored while stopped: the lost tail is fetched back', async () => {
    const backup = `${workplace.root}/backup.db`;
    runShell(a.database, `VACUUM INTO '${backup}'`);
    insertArtist(a, 'after the backup');
    await untilProven([a, b]);
    await a.end('SIGTERM');
    restoreFile(backup, a.database);
    insertArtist(a, 'in the restored database');
    await a.start();
    await untilProven([a, b]);
    checkHas([a, b], ['after the backup', 'in the restored database']);
    await checkTold(a, /older/);
  });

  test('a backup restored while the server runs is noticed at once', async () => {
    const backup = `${workplace.root}/backup.db`;
    runShell(a.database, `VACUUM INTO '${backup}'`);
    insertArtist(a, 'after the backup');
    await untilProven([a, b]);
    restoreFile(backup, a.database);
    insertArtist(a, 'in the restored database');
    await untilHas(b, 'in the restored database');
    await untilProven([a, b]);
    checkHas([a, b], ['after the backup', 'in the restored database']);
  });

  test('a backup copied over the file in place while the server rests is noticed, also a second time', async () => {
    const backup = `${workplace.root}/backup.db`;
    runShell(a.database, `VACUUM INTO '${backup}'`);
    const names = ['first after the backup', 'second after the backup'];
    for (const name of names) {
      insertArtist(a, name);
      await untilProven([a, b]);
      await untilAtRest(a);
      cpSync(backup, a.database);
      insertArtist(a, `${name}, restored`);
      await untilHas(b, `${name}, restored`);
      await untilProven([a, b]);
      // Whoever looks first tells: the server itself, or a peer that it sends to.
      await checkTold(a, /older|another history/);
    }
    checkHas([a, b], [...names, ...names.map((name) => `${name}, restored`)]);
  });

  test('a backup written into the open database by SQLite itself is noticed, whoever wrote what it lacks', async () => {
    const backup = `${workplace.root}/backup.db`;
    runShell(a.database, `.backup '${backup}'`);
    insertArtist(b, 'of b after the backup');
    await untilHas(a, 'of b after the backup');
    runShell(a.database, `.restore '${backup}'`);
    insertArtist(a, 'restored without what b wrote');
    await untilHas(b, 'restored without what b wrote');
    await untilProven([a, b]);
    insertArtist(a, 'of a after the backup');
    await untilHas(b, 'of a after the backup');
    runShell(a.database, `.restore '${backup}'`);
    insertArtist(a, 'restored without what a wrote');
    await untilHas(b, 'restored without what a wrote');
    await untilProven([a, b]);
    checkHas(
      [a, b],
      [
        'of b after the backup',
        'restored without what b wrote',
        'of a after the backup',
        'restored without what a wrote',
      ],
    );
    await checkTold(a, /older|another history/);
  });

  test('a data folder put back while the database stays takes a new epoch and loses nothing', async () => {
    await a.end('SIGTERM');
    cpSync(a.dataFolder, `${workplace.root}/data`, { recursive: true });
    await a.start();
    insertArtist(a, 'after the copy of the data folder');
    await untilProven([a, b]);
    await a.end('SIGKILL');
    rmSync(a.dataFolder, { recursive: true });
    cpSync(`${workplace.root}/data`, a.dataFolder, { recursive: true });
    insertArtist(a, 'with the old data folder');
    await a.start();
    await untilHas(b, 'with the old data folder');
    await untilProven([a, b]);
    checkHas([a, b], ['after the copy of the data folder', 'with the old data folder']);
    await checkTold(a, /data folder/);
  });

  test('database and data folder restored together take a new epoch and lose nothing', async () => {
    await a.end('SIGTERM');
    cpSync(a.folder, `${workplace.root}/whole`, { recursive: true });
    await a.start();
    insertArtist(a, 'after the copy');
    await untilProven([a, b]);
    await a.end('SIGKILL');
    rmSync(a.folder, { recursive: true });
    cpSync(`${workplace.root}/whole`, a.folder, { recursive: true });
    insertArtist(a, 'in the copy');
    await a.start();
    await untilProven([a, b]);
    checkHas([a, b], ['after the copy', 'in the copy']);
    await checkTold(a, /data folder/);
  });

  test('a cloned machine and its original run at once, both write, and everybody gets all of it', async () => {
    await a.end('SIGTERM');
    const clone = await workplace.cloneServer(a, 'clone');
    await a.start();
    await clone.start();
    for (let round = 0; round < 3; round++) {
      insertArtist(a, `original ${round}`);
      insertArtist(clone, `clone ${round}`);
      insertArtist(b, `peer ${round}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const names = [0, 1, 2].flatMap((round) => [`original ${round}`, `clone ${round}`, `peer ${round}`]);
    for (const server of [b, a, clone]) for (const name of names) await untilHas(server, name, 120_000);
    const told = [...(await b.status()).problems, ...(await clone.status()).problems];
    assert.ok(
      told.some(({ code }) => code === 'USYNC-1404'),
      'that two run with one identity is told',
    );
    await clone.end('SIGKILL');
    insertArtist(a, 'after the clone');
    await untilHas(b, 'after the clone', 120_000);
    await untilProven([a, b]);
    checkHas([a, b], [...names, 'after the clone']);
    const dumps = [a, clone].map(({ database }) => dumpTables(database).get('Artist')?.length);
    assert.equal(dumps[0], (dumps[1] ?? 0) + 1, 'the clone held the same, but for the last one');
  });
});

const insertArtist = (server: ServerProcess, name: string): void =>
  void runShell(server.database, `INSERT INTO Artist (Name) VALUES ('${name}')`);
const has = (server: ServerProcess, name: string): boolean =>
  runShell(server.database, `SELECT count(*) FROM Artist WHERE Name = '${name}'`).trim() === '1';

const untilHas = (server: ServerProcess, name: string, timeoutMs = 60_000): Promise<void> =>
  waitUntil(
    `${server.name} has "${name}"`,
    timeoutMs,
    () => Promise.resolve(has(server, name)),
    () => server.log(),
  );

/** Until the engine has closed the database: SQLite removes the -wal with the last connection. */
const untilAtRest = (server: ServerProcess): Promise<void> =>
  waitUntil(`${server.name} rests`, 60_000, () => Promise.resolve(!existsSync(`${server.database}-wal`)));

async function checkTold(server: ServerProcess, reason: RegExp): Promise<void> {
  const { problems } = await server.status();
  const told = problems.find(({ code }) => code === 'USYNC-1600');
  assert.match(told?.reason ?? JSON.stringify(problems), reason);
}

/** As people restore: the old file is taken away with its companions, the backup is moved into its place. */
function restoreFile(backup: string, database: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true });
  cpSync(backup, database);
}

function checkHas(servers: readonly ServerProcess[], names: readonly string[]): void {
  for (const server of servers) for (const name of names) assert.ok(has(server, name), `${server.name} has "${name}"`);
  const dumps = servers.map(({ database }) => dumpTables(database));
  for (const dump of dumps) assert.deepEqual(dump, dumps[0]);
  for (const { database } of servers) assert.deepEqual(problemsOf(database), []);
}
