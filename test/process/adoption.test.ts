// Goal: servers that each start with a copy of one database unify without duplicates, and show before what they will do.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { JoinReport } from '../../src/engine/engine.js';
import { foreignWriters, runShell } from './foreign-writers.js';
import { createMusicDatabase } from './music-database.js';
import {
  createWorkplace,
  joinGroup,
  succeeded,
  untilProven,
  type ServerProcess,
  type Workplace,
} from './server-process.js';
import { dumpTables, problemsOf } from './table-dump.js';

describe('adoption', { skip: foreignWriters.shell ? false : 'the sqlite3 shell is not installed' }, () => {
  let workplace: Workplace;
  let servers: ServerProcess[];

  beforeEach(async () => {
    workplace = createWorkplace();
    servers = [];
    for (const name of ['a', 'b', 'c']) servers.push(await workplace.addServer(name));
    for (const { database } of servers) createMusicDatabase(database, 'plain');
  });
  afterEach(() => workplace.clear());

  test('three copies of one database, one slightly different, unify without duplicates after a preview', async () => {
    const [a, b, c] = servers as [ServerProcess, ServerProcess, ServerProcess];
    runShell(
      c.database,
      "UPDATE Track SET Composer = 'only c says so' WHERE TrackId = 7; INSERT INTO Genre VALUES (900, 'only at c'); DELETE FROM PlaylistTrack WHERE PlaylistId = 1;",
    );
    const before = dumpTables(a.database);
    for (const server of servers) await server.start();
    await joinGroup(a, b);
    const { code } = JSON.parse(succeeded(a.usync('--json', 'invite')).stdout) as { code: string };
    const preview = JSON.parse(succeeded(c.usync('--json', 'join', code, '--dry-run')).stdout) as JoinReport;
    const tables = new Map(preview.datasets[0]?.preview?.tables.map((table) => [table.table, table]));
    assert.equal(preview.state, 'previewed');
    assert.deepEqual(
      [tables.get('Track')?.differing, tables.get('Genre')?.onlyHere, tables.get('Artist')?.same],
      [1, 1, before.get('Artist')?.length],
    );
    assert.ok((tables.get('PlaylistTrack')?.onlyThere ?? 0) > 0);
    assert.ok(
      dumpTables(c.database)
        .get('Track')
        ?.some((line) => line.includes('only c says so')),
      'the preview changes nothing',
    );
    await joinGroup(a, c);
    await untilProven(servers);
    const after = dumpTables(a.database);
    for (const { database } of servers) {
      assert.deepEqual(dumpTables(database), after);
      assert.deepEqual(problemsOf(database), []);
    }
    assert.equal(after.get('Genre')?.length, (before.get('Genre')?.length ?? 0) + 1);
    for (const table of ['Track', 'Artist', 'PlaylistTrack'])
      assert.deepEqual(after.get(table), before.get(table), table);
  });
});
