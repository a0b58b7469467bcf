/** Whole engines whose datasets begin: nobody's rows are replaced because two servers began the same one. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { composeEngine } from '../compose-engine.js';
import { openConnection, type Connection } from '../databases/sqlite/connection/driver.js';
import { assertInSync, groundOf, joinAll, namesOf, until, type TestServer } from '../../test/engine/engine-ground.js';

const oneItem = (name: string): string => `INSERT INTO item (name) VALUES ('${name}')`;

const headlineOf = async ({ engine }: TestServer): Promise<string> => (await engine.status()).headline;

/** Starts the server again with one dataset more. */
async function addDataset(server: TestServer, root: string, rows: readonly string[]): Promise<Connection> {
  await server.engine.stop('its configuration changes');
  const path = join(root, `${server.name}-extra.db`);
  const database = openConnection(path, { busyTimeoutMs: 10_000 });
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)');
  for (const name of rows) database.exec(oneItem(name));
  server.closers.push(() => Promise.resolve(database.close()));
  const extra = { name: 'extra', sqlite: path, landing: 'bounded', polite: false, tables: {} } as const;
  const config = { ...server.config, datasets: [...server.config.datasets, extra] };
  server.engine = composeEngine(config, { version: 'test', observe: () => undefined });
  return database;
}

test('a dataset that two members add at once waits for a person where their rows differ', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', oneItem('shop'));
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  const [extraA, extraB] = [
    await addDataset(a, ground.root, ['alice', 'anna']),
    await addDataset(b, ground.root, ['bob', 'bill']),
  ];
  await a.engine.start();
  await b.engine.start();
  await until('somebody is asked', async () =>
    (await Promise.all([a, b].map(({ engine }) => engine.status()))).some(({ problems }) =>
      problems.some(({ code }) => code === 'USYNC-1406'),
    ),
  );
  assert.deepEqual(
    [namesOf(extraA), namesOf(extraB)],
    [
      ['alice', 'anna'],
      ['bill', 'bob'],
    ],
  );
  const { code } = await a.engine.invite();
  await b.engine.join({ code, choice: 'distinct-rows' });
  await until('all rows stand on both', async () => namesOf(extraA).length === 4 && namesOf(extraB).length === 4);
});

test('a dataset that one member adds first begins there, and the others take it without a person', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', oneItem('shop'));
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  const extraA = await addDataset(a, ground.root, ['alice']);
  await a.engine.start();
  await until('it has begun', async () => (await a.engine.status()).datasets.every(({ isFresh }) => !isFresh));
  const extraB = await addDataset(b, ground.root, []);
  await b.engine.start();
  await until('b has it', async () => namesOf(extraB).length === 1);
  assert.deepEqual(namesOf(extraB), namesOf(extraA));
});

test('a dataset does not begin while a member that may have it was not heard', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', oneItem('shop'));
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  await b.engine.stop('it is away');
  await addDataset(a, ground.root, ['alice']);
  await a.engine.start();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const extra = (await a.engine.status()).datasets.find(({ name }) => name === 'extra');
  assert.equal(extra?.isFresh, true);
});

test('a server that once made a code is asked, as any other, when its rows are not those of the group', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', `${oneItem('alice')}; ${oneItem('anna')}`);
  const b = await ground.add('b', `${oneItem('bob')}; ${oneItem('bill')}`);
  await b.engine.invite();
  const { code } = await a.engine.invite();
  const looked = await b.engine.join({ code, isDryRun: true });
  assert.equal(looked.datasets[0]?.preview?.isUnclear, true);
  await assert.rejects(b.engine.join({ code }), { code: 'USYNC-1406' });
  const { problems } = await b.engine.status();
  assert.deepEqual([...new Set(problems.map((problem) => problem.code))], ['USYNC-1406'], 'only the choice is told');
  assert.deepEqual(namesOf(b.database), ['bill', 'bob']);
  await b.engine.join({ code, choice: 'distinct-rows' });
  await assertInSync([a, b]);
  assert.deepEqual(namesOf(a.database), ['alice', 'anna', 'bill', 'bob']);
});

test('verifying, auditing and retrying before the choice take nothing of it: all rows stand', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', `${oneItem('alice')}; ${oneItem('anna')}`);
  const b = await ground.add('b', `${oneItem('bob')}; ${oneItem('bill')}`);
  const ask = async (): Promise<void> => {
    await b.engine.verify();
    await b.engine.audit();
    await b.engine.retryHeld();
  };
  await ask();
  const { code } = await a.engine.invite();
  await assert.rejects(b.engine.join({ code }), { code: 'USYNC-1406' });
  await ask();
  assert.deepEqual(namesOf(b.database), ['bill', 'bob']);
  await until('the others say who must choose', async () => /Somebody must choose on b:/.test(await headlineOf(a)));
  await b.engine.join({ code, choice: 'distinct-rows' });
  await assertInSync([a, b]);
  assert.deepEqual(namesOf(a.database), ['alice', 'anna', 'bill', 'bob']);
});

test('a dataset that was locked when the group was founded begins at the founder as soon as it is open', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', `${oneItem('alice')}; ${oneItem('anna')}`);
  await a.engine.stop('to be locked');
  a.database.exec('BEGIN IMMEDIATE');
  const started = a.restart();
  await until('it runs', async () => (await a.engine.status().catch(() => null)) !== null);
  await started;
  const { code } = await a.engine.invite();
  a.database.exec('COMMIT');
  await until('it has begun', async () => (await a.engine.status()).datasets.every(({ isFresh }) => !isFresh));
  const b = await ground.add('b');
  await b.engine.join({ code });
  await assertInSync([a, b]);
  assert.deepEqual(namesOf(b.database), ['alice', 'anna']);
});
