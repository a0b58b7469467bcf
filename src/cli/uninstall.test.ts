/** The way out, on databases that whole engines have synced. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertInSync, groundOf, joinAll, namesOf, type TestServer } from '../../test/engine/engine-ground.js';
import { SyncError } from '../core/sync-error.js';
import { databaseChecks } from './doctor/database-checks.js';
import { uninstall } from './uninstall.js';

const ownNames = ({ database }: TestServer): unknown[] =>
  database.prepare(String.raw`SELECT name FROM sqlite_schema WHERE name LIKE '\_usync%' ESCAPE '\'`).all();

async function pairOf(context: Parameters<typeof groundOf>[0]): Promise<[TestServer, TestServer]> {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  return [a, b];
}

test('while the engine runs nothing is taken out, nor looked at', async (context) => {
  const [, b] = await pairOf(context);
  for (const isDone of [false, true])
    assert.throws(
      () => uninstall(b.config, isDone),
      (error) => error instanceof SyncError && error.code === 'USYNC-1206',
    );
  assert.ok(ownNames(b).length > 0);
});

test('a look tells what there is and changes nothing; after the real thing the rows stand as the application wrote them', async (context) => {
  const [, b] = await pairOf(context);
  await b.engine.stop('it is taken out');
  b.database.exec("INSERT INTO item (name) VALUES ('two')");
  const before = ownNames(b);
  const [told] = uninstall(b.config, false);
  assert.deepEqual(ownNames(b), before);
  assert.equal(told?.parts.notes, 1);
  assert.ok(told.parts.triggers >= 4 && told.parts.tables > 10);
  uninstall(b.config, true);
  assert.deepEqual(ownNames(b), []);
  b.database.exec("INSERT INTO item (name) VALUES ('three')");
  assert.deepEqual(namesOf(b.database), ['one', 'three', 'two']);
  assert.deepEqual(uninstall(b.config, true)[0]?.parts.tables, 0, 'a second time finds nothing');
});

test('the doctor names a database whose notes grow while no engine runs, and only such', async (context) => {
  const [, b] = await pairOf(context);
  const growing = (): string[] =>
    b.config.datasets
      .flatMap(databaseChecks)
      .filter(({ text }) => text.includes('while no engine runs'))
      .map(({ nextStep }) => nextStep);
  assert.deepEqual(growing(), []);
  await b.engine.stop('nobody starts it again');
  assert.deepEqual(growing(), [], 'nothing was written since');
  b.database.exec("INSERT INTO item (name) VALUES ('two')");
  assert.match(growing()[0] ?? '', /usync uninstall/);
});

test('started again with its old data folder it takes its place in the group, and the data as when joining', async (context) => {
  const [a, b] = await pairOf(context);
  for (const name of ['x', 'y', 'z']) a.database.exec(`INSERT INTO item (name) VALUES ('${name}')`);
  await assertInSync([a, b]);
  await b.engine.stop('it is taken out');
  uninstall(b.config, true);
  a.database.exec("INSERT INTO item (name) VALUES ('of a')");
  b.database.exec("UPDATE item SET price = 5 WHERE name = 'one'");
  await b.restart();
  await assertInSync([a, b]);
  assert.deepEqual(namesOf(b.database), ['of a', 'one', 'x', 'y', 'z']);
});

test('where nothing was written since the engine first ran, nothing waits', async (context) => {
  const a = await groundOf(context).add('a');
  await a.engine.stop('it is taken out');
  assert.equal(uninstall(a.config, false)[0]?.parts.notes, 0);
});

test('what somebody dropped of ours already does not stop the way out', async (context) => {
  const [, b] = await pairOf(context);
  await b.engine.stop('it is taken out');
  for (const table of ['_usync_notes', '_usync_conflicts', '_usync_meta']) {
    b.database.exec(`DROP TABLE ${table}`);
    assert.equal(uninstall(b.config, false)[0]?.parts.conflicts, 0);
    assert.doesNotThrow(() => b.config.datasets.flatMap(databaseChecks));
  }
  uninstall(b.config, true);
  assert.deepEqual(ownNames(b), []);
});
