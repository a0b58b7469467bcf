// Goal: the main job on real input. Three real servers, the music database, written by programs that are not ours.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { foreignWriters, runPythonWriter, runShell } from './foreign-writers.js';
import { createMusicDatabase, type MusicVariant } from './music-database.js';
import { createWorkplace, formGroup, untilProven, type ServerProcess, type Workplace } from './server-process.js';
import { dumpTables, problemsOf } from './table-dump.js';

const missing = foreignWriters.shell && foreignWriters.python ? false : 'the sqlite3 shell or python3 is not installed';

for (const variant of ['plain', 'autoincrement'] satisfies MusicVariant[]) {
  describe(`three servers of the music database (${variant})`, { skip: missing }, () => {
    let workplace: Workplace;
    let servers: ServerProcess[];

    beforeEach(async () => {
      workplace = createWorkplace();
      servers = [await workplace.addServer('a'), await workplace.addServer('b'), await workplace.addServer('c')];
      for (const server of servers) createMusicDatabase(server.database, variant);
      await formGroup(servers);
    });
    afterEach(() => workplace.clear());

    test('F38: writes of the sqlite3 shell and of Python at all three, online and cut off, end equal and clean', async () => {
      const [a, b, c] = servers as [ServerProcess, ServerProcess, ServerProcess];
      await untilProven(servers);
      runShell(
        a.database,
        "INSERT INTO Artist (Name) VALUES ('from the shell'); UPDATE Track SET Composer = 'a' WHERE TrackId < 20;",
      );
      const online = await Promise.all(
        servers.map(
          ({ database, name }, at) =>
            runPythonWriter({ database, label: `on-${name}`, seed: at + 1, transactions: 60, pauseMs: 2 }).done,
        ),
      );
      await untilProven(servers);
      await c.end('SIGTERM');
      const offline = await Promise.all(
        servers.map(
          ({ database, name }, at) =>
            runPythonWriter({ database, label: `off-${name}`, seed: at + 11, transactions: 60 }).done,
        ),
      );
      runShell(
        c.database,
        "UPDATE Track SET Composer = 'c' WHERE TrackId < 20; DELETE FROM PlaylistTrack WHERE PlaylistId = 1 AND TrackId < 500;",
      );
      runShell(
        b.database,
        "UPDATE Track SET UnitPrice = 5 WHERE TrackId < 20; INSERT INTO Artist (Name) VALUES ('b' || char(0) || x'ff61');",
      );
      await untilProven([a, b]);
      await c.start();
      await untilProven(servers);
      checkEqual(servers, [...online, ...offline].flat());
      await checkSilence(servers);
    });
  });
}

function checkEqual(servers: readonly ServerProcess[], artists: readonly string[]): void {
  const dumps = servers.map(({ database }) => dumpTables(database));
  for (const dump of dumps) for (const [table, rows] of dump) assert.deepEqual(rows, dumps[0]?.get(table), table);
  for (const { database, name } of servers) assert.deepEqual(problemsOf(database), [], name);
  const names = new Set((dumps[0]?.get('Artist') ?? []).map((line) => line.slice(line.indexOf(',') + 2, -1)));
  assert.deepEqual(
    artists.filter((artist) => !names.has(artist)),
    [],
    'committed artists are missing',
  );
}

/** At rest nothing echoes: no server captures or merges anything more. */
async function checkSilence(servers: readonly ServerProcess[]): Promise<void> {
  const counts = async (): Promise<string> => {
    const all = await Promise.all(servers.map((server) => server.status()));
    const figures = all.flatMap(({ datasets }) =>
      datasets.map(({ capturedChangesets, mergedChangesets }) => [capturedChangesets, mergedChangesets]),
    );
    return JSON.stringify(figures);
  };
  const before = await counts();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  assert.equal(await counts(), before);
}
