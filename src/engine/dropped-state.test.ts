/** Whole engines of which somebody drops tables that are ours: no row is doubled, lost or replaced unasked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../databases/sqlite/connection/driver.js';
import { assertInSync, groundOf, joinAll, namesOf, until, type TestServer } from '../../test/engine/engine-ground.js';

const named = (database: Connection): string[] =>
  database
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '\\_usync\\_%' ESCAPE '\\'`)
    .all()
    .map(([name]) => String(name));

const drop = (database: Connection, tables: readonly string[]): void =>
  database.exec(`BEGIN; ${tables.map((name) => `DROP TABLE ${name};`).join(' ')} COMMIT`);

const gone = ({ events }: TestServer): number =>
  events.filter((event) => event.kind === 'dataset-notice' && event.code === 'USYNC-1213').length;

const insert = (name: string): string => `INSERT INTO item (name, price) VALUES ('${name}', 1)`;

for (const what of ['the shadows of a table', 'the list of tables', 'the list of origins', 'the journal', 'everything'])
  for (const when of ['it runs', 'it is stopped'])
    test(`${what} may be dropped while ${when}: rows are compared with the group's, and what was written here spreads`, async (context) => {
      const ground = groundOf(context);
      const a = await ground.add('a', 'INSERT INTO item (name, price) VALUES (1, 1), (2, 2), (3, 3)');
      const b = await ground.add('b');
      await joinAll(a, [b]);
      b.database.exec(insert('of b'));
      a.database.exec(insert('of a'));
      await assertInSync([a, b]);
      const stopped = when === 'it is stopped';
      if (stopped) await b.engine.stop('a migration');
      const tables =
        {
          'the shadows of a table': ['_usync_s1'],
          'the list of tables': ['_usync_tables'],
          'the list of origins': ['_usync_origins'],
          'the journal': ['_usync_journal'],
        }[what] ?? named(b.database);
      drop(b.database, tables);
      if (stopped) await b.restart();
      else await until('it is noticed', async () => gone(b) > 0);
      // SQLite looks for a new schema when it reads, not when a trigger names a table that is not there.
      assert.ok(named(b.database).length > 0);
      b.database.exec(insert('later'));
      await until('a has it', async () => namesOf(a.database).includes('later'));
      await assertInSync([a, b]);
      assert.deepEqual(namesOf(a.database), ['1', '2', '3', 'later', 'of a', 'of b']);
    });

test('a server that is alone begins its dataset anew', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', insert('first'));
  await a.engine.invite();
  await until('it has begun', async () => (await a.engine.status()).datasets.every(({ isFresh }) => !isFresh));
  drop(a.database, ['_usync_s1']);
  await until('it is noticed', async () => gone(a) > 0);
  await until('it has begun again', async () => (await a.engine.status()).datasets.every(({ isFresh }) => !isFresh));
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  assert.deepEqual(namesOf(b.database), ['first']);
});
