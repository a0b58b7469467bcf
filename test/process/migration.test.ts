// Goal: between the migrations of two servers nothing is said to be the same that was not compared.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { foreignWriters, runShell } from './foreign-writers.js';
import {
  createWorkplace,
  formGroup,
  untilProven,
  waitUntil,
  type ServerProcess,
  type Workplace,
} from './server-process.js';

const schema = 'PRAGMA journal_mode = WAL; CREATE TABLE Artist (ArtistId INTEGER PRIMARY KEY, Name TEXT);';

describe(
  'a migration on one server first',
  {
    skip: foreignWriters.shell ? false : 'the sqlite3 shell is not installed',
  },
  () => {
    let workplace: Workplace;
    let servers: [ServerProcess, ServerProcess];

    beforeEach(async () => {
      workplace = createWorkplace();
      servers = [await workplace.addServer('a'), await workplace.addServer('b')];
      for (const { database } of servers) runShell(database, schema);
      await formGroup(servers);
    });
    afterEach(() => workplace.clear());

    test('a table with other columns elsewhere is named until both have migrated', async () => {
      const [a, b] = servers;
      runShell(a.database, 'ALTER TABLE Artist ADD COLUMN Town TEXT');
      runShell(b.database, "INSERT INTO Artist VALUES (1, 'Ann')");
      const isTold = async (server: ServerProcess): Promise<boolean> => {
        const { problems, headline, datasets } = await server.status();
        const isNamed = problems.some(({ code, reason }) => code === 'USYNC-1303' && reason.includes('Artist'));
        assert.ok(!isNamed || !headline.startsWith('All'), headline);
        return isNamed && datasets[0]?.notCompared[0] === 'Artist';
      };
      for (const server of servers) await waitUntil(`${server.name} names the table`, 60_000, () => isTold(server));
      runShell(b.database, "ALTER TABLE Artist ADD COLUMN Town TEXT; INSERT INTO Artist VALUES (2, 'Ben', 'Bonn')");
      await waitUntil('both say nothing of it any more', 60_000, async () => !(await isTold(a)) && !(await isTold(b)));
      await untilProven(servers);
    });

    test('F30: a table and a column that one server lacks are named on both, with their values waiting, until it has them', async () => {
      const [a, b] = servers;
      const migration = `ALTER TABLE Artist ADD COLUMN Town TEXT; CREATE TABLE Label (Id INTEGER PRIMARY KEY, Name TEXT);`;
      runShell(
        a.database,
        `${migration} INSERT INTO Artist VALUES (1, 'Ann', 'Aachen'); INSERT INTO Label VALUES (1, 'x')`,
      );
      for (const server of servers)
        await waitUntil(`${server.name} names both`, 60_000, async () => {
          const { headline, datasets } = await server.status();
          return headline.includes('Artist, Label cannot be compared') && datasets[0]?.notCompared.length === 2;
        });
      assert.equal(runShell(b.database, 'SELECT * FROM Artist').trim(), '1|Ann');
      assert.match(b.usync('status').stdout, /1 row held here/);
      assert.match(a.usync('verify').stdout, /^Artist, Label cannot be compared\. All else is the same/m);
      runShell(b.database, migration);
      await untilProven(servers);
      await waitUntil('nothing is left to say', 60_000, async () => {
        const all = await Promise.all(servers.map((server) => server.status()));
        return all.every(
          ({ headline, problems }) => /the same data, proven [^;]*\.$/.test(headline) && problems.length === 0,
        );
      });
      assert.equal(runShell(b.database, 'SELECT Town FROM Artist; SELECT Name FROM Label').trim(), 'Aachen\nx');
    });
  },
);
