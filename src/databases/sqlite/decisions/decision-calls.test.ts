/** Goal: what a person decides of rows that are held back takes nothing for known that an application has just written. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createForkScene, meet, type ForkScene, type ForkServer } from '../testing/fork-scene.js';

describe('a decision while an application writes', () => {
  let scene: ForkScene;
  let a: ForkServer;
  let b: ForkServer;

  beforeEach(async () => {
    scene = createForkScene('CREATE TABLE tag (tag TEXT PRIMARY KEY, colour) WITHOUT ROWID');
    a = await scene.add('a');
    b = await scene.add('b');
    await b.write('CREATE TABLE later (id TEXT PRIMARY KEY)');
    await b.write(`INSERT INTO later VALUES ('held at a')`);
    await meet(a, b);
    for (const server of [a, b]) await server.write(`REPLACE INTO tag VALUES ('both', 'by somebody')`);
    await meet(a, b);
  });

  afterEach(() => scene.clear());

  /** The decision finds the lock taken when everything was captured; then the application commits. */
  async function whileDeleted(decide: () => Promise<unknown>): Promise<void> {
    a.app.exec(`BEGIN IMMEDIATE; DELETE FROM tag WHERE tag = 'both'`);
    const decided = decide();
    await sleep(300);
    a.app.exec('COMMIT');
    await decided;
    assert.doesNotMatch(await a.dump(), /both/);
    await meet(a, b);
    assert.doesNotMatch(await b.dump(), /both/);
    assert.deepEqual((await a.replica.proof()).digest.get('tag'), (await b.replica.proof()).digest.get('tag'));
  }

  test('what was deleted stays deleted when rows that are held back are tried again', () =>
    whileDeleted(() => a.replica.retryHeld()));

  test('what was deleted stays deleted when a row that is held back is dropped', async () => {
    const [held] = await a.replica.quarantine({ max: 1 });
    await whileDeleted(() => a.replica.dropHeld(held?.id ?? ''));
    assert.doesNotMatch(await b.dump(), /held at a/);
  });
});
