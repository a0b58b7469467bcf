// Goal: restored backups and cloned data folders are recognised, the lost tail comes back, all end equal.
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
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
  });

  test('a backup restored while the server runs is noticed at once', async () => {
    const backup = `${workplace.root}/backup.db`;
    runShell(a.database, `VACUUM INTO '${backup}'`);
    insertArtist(a, 'after the backup');
    await untilProven([a, b]);
    restoreFile(backup, a.database);
    insertArtist(a, 'in the restored database');
    await waitUntil('b has the new artist', 30_000, () => Promise.resolve(has(b, 'in the restored database')));
    await untilProven([a, b]);
    checkHas([a, b], ['after the backup', 'in the restored database']);
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
  });
});

const insertArtist = (server: ServerProcess, name: string): void =>
  void runShell(server.database, `INSERT INTO Artist (Name) VALUES ('${name}')`);
const has = (server: ServerProcess, name: string): boolean =>
  runShell(server.database, `SELECT count(*) FROM Artist WHERE Name = '${name}'`).trim() === '1';

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
