// Goal: a server that is removed while it is away comes back with writes of its own, some of which a third had merged before
// it heard of the removal. The members end equal, the removed one is told and keeps its data, and may be invited again.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { foreignWriters, runShell } from './foreign-writers.js';
import { createMusicDatabase } from './music-database.js';
import {
  createWorkplace,
  formGroup,
  joinGroup,
  succeeded,
  untilProven,
  waitUntil,
  type ServerProcess,
  type Workplace,
} from './server-process.js';
import { dumpTables, problemsOf } from './table-dump.js';

const missing = foreignWriters.shell ? false : 'the sqlite3 shell is not installed';

describe('a server that was removed while it was away', { skip: missing }, () => {
  let workplace: Workplace;
  let a: ServerProcess;
  let b: ServerProcess;
  let c: ServerProcess;

  beforeEach(async () => {
    workplace = createWorkplace();
    [a, b, c] = [await workplace.addServer('a'), await workplace.addServer('b'), await workplace.addServer('c')];
    for (const { database } of [a, b, c]) createMusicDatabase(database, 'autoincrement');
    await formGroup([a, b, c]);
    await untilProven([a, b, c]);
  });
  afterEach(() => workplace.clear());

  test('members equal, the removed one told, nothing lost, and all equal when it is invited again', async () => {
    await removeBehindTheBacks();
    await b.start();
    await c.start();
    insertArtist(c, 'merged by b in good faith');
    await waitUntil('b has it', 30_000, () => Promise.resolve(has(b, 'merged by b in good faith')));
    insertArtist(b, 'written by b on top');
    await b.end('SIGTERM');
    insertArtist(c, 'only at the removed one');
    await c.end('SIGTERM');

    await a.start();
    await b.start();
    await untilProven([a, b]);
    assertEqual([a, b], ['after the removal', 'merged by b in good faith', 'written by b on top']);

    const list = succeeded(b.usync('servers')).stdout;
    assert.match(list, /^c +removed .* ago +\d{4}-\d\d-\d\d by a /m);
    assert.match(list, /^a +member +connected /m);
    await c.start();
    await waitUntil('c is told', 30_000, async () => (await c.status()).server.membership === 'removed');
    const { headline, problems } = await c.status();
    const told = problems.find(({ code }) => code === 'USYNC-1402');
    assert.match(`${told?.reason ?? ''} ${headline}`, /removed.* by a on \d{4}-\d\d-\d\d/);
    assert.match(told?.nextStep ?? '', /invite/);
    assert.match(succeeded(c.usync('servers')).stdout, /^c \(this server\) +removed /m);
    insertArtist(c, 'written after it was told');
    await untilProven([a, b]);
    for (const name of ['only at the removed one', 'written after it was told']) {
      assert.ok(has(c, name), `c keeps "${name}"`);
      assert.ok(!has(a, name) && !has(b, name), `"${name}" is nobody else's`);
    }
    assert.notEqual(c.usync('servers', 'remove', 'a').status, 0, 'a removed server removes nobody');

    await joinGroup(b, c);
    await untilProven([a, b, c]);
    assertEqual([a, b, c], ['merged by b in good faith', 'only at the removed one', 'written after it was told']);
  });

  /** When this is done none runs, and only a knows. */
  async function removeBehindTheBacks(): Promise<void> {
    for (const server of [b, c]) await server.end('SIGTERM');
    succeeded(a.usync('servers', 'remove', 'c'));
    insertArtist(a, 'after the removal');
    await a.end('SIGTERM');
  }
});

const insertArtist = (server: ServerProcess, name: string): void =>
  void runShell(server.database, `INSERT INTO Artist (Name) VALUES ('${name}')`);
const has = (server: ServerProcess, name: string): boolean =>
  runShell(server.database, `SELECT count(*) FROM Artist WHERE Name = '${name}'`).trim() === '1';

function assertEqual(servers: readonly ServerProcess[], names: readonly string[]): void {
  for (const server of servers) for (const name of names) assert.ok(has(server, name), `${server.name} has "${name}"`);
  const dumps = servers.map(({ database }) => dumpTables(database));
  for (const dump of dumps) assert.deepEqual(dump, dumps[0]);
  for (const { database } of servers) assert.deepEqual(problemsOf(database), []);
}
