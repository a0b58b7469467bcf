/** What people decide at one server reaches the others at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertInSync, groundOf, joinAll, namesOf, until } from '../../test/engine/engine-ground.js';
import { drainPollMs } from './engine-limits.js';

test('what was taken back is sent at once, not at the next look at the database', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  b.database.exec("INSERT INTO item (name) VALUES ('two')");
  await until('a has it', () => Promise.resolve(namesOf(a.database).length === 2));
  const undoneAtMs = Date.now();
  const { steps } = await a.engine.undo({ server: 'b', sinceMs: 0, isDryRun: false });
  assert.equal(steps.length, 1);
  while (namesOf(b.database).length > 1 && Date.now() - undoneAtMs < drainPollMs / 2)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(namesOf(b.database), ['one']);
});

test('what a merge finds is told of as it happens, and counted', async (context) => {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one')");
  const b = await ground.add('b');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  await a.engine.stop('apart');
  await b.engine.stop('apart');
  for (const { database, name } of [a, b]) database.exec(`UPDATE item SET name = 'of ${name}'`);
  await a.restart();
  await b.restart();
  await assertInSync([a, b]);
  const told = [a, b].map(({ events }) =>
    events.flatMap((event) => (event.kind === 'conflicts' ? [event.count] : [])).reduce((sum, count) => sum + count, 0),
  );
  assert.ok(told.includes(1), `conflicts told of: ${told.join()}`);
});
