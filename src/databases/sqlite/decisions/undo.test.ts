// Goal: an undo is done whole or not at all, whenever it is cut short, and takes nothing from an application that writes
// meanwhile. Method: real replicas; the signal is asked for, so a test can answer at each look, and write there.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serverIdOfOrigin } from '../../../core/origin.js';
import { createForkScene, meet, type ForkScene, type ForkServer } from '../testing/fork-scene.js';
import type { CancelLook } from './work-in-turns.js';

describe('taking back', () => {
  let scene: ForkScene;
  let a: ForkServer;
  let b: ForkServer;
  let sinceMs = 0;

  beforeEach(async () => {
    scene = createForkScene('CREATE TABLE tag (tag TEXT PRIMARY KEY, colour, size)');
    a = await scene.add('a');
    await a.write(`INSERT INTO tag VALUES ('1', 'red', 1), ('2', 'red', 2), ('3', 'red', 3)`);
    b = await scene.add('b');
    await meet(a, b);
    await sleep(5);
    sinceMs = Date.now();
    await sleep(5);
    await b.write(`UPDATE tag SET colour = 'spoilt' WHERE tag <> '3'`);
    await b.write(`DELETE FROM tag WHERE tag = '3'; INSERT INTO tag VALUES ('4', 'unwanted', 4)`);
    await meet(a, b);
  });

  afterEach(() => scene.clear());

  async function undo(signal?: CancelLook) {
    const server = serverIdOfOrigin((await b.replica.position()).origin);
    return a.replica.undo({ server, sinceMs, isDryRun: false }, signal);
  }

  const spoilt = ["tag: '1' | 'spoilt' | 1", "tag: '2' | 'spoilt' | 2", "tag: '4' | 'unwanted' | 4"].join('\n');
  const restored = ["tag: '1' | 'red' | 1", "tag: '2' | 'red' | 2", "tag: '3' | 'red' | 3"].join('\n');

  test('at whichever look it is cancelled, all of it was done and is told, or nothing', async () => {
    for (let looksLeft = 0; ; looksLeft++) {
      let looks = 0;
      const signal: CancelLook = {
        get aborted() {
          return looks++ >= looksLeft;
        },
      };
      const { steps, isCancelled } = await undo(signal);
      if (!isCancelled) {
        assert.deepEqual([steps.length, await a.dump()], [4, restored]);
        assert.ok(looksLeft > 6, `there were ${looksLeft} looks: before, between and within`);
        break;
      }
      assert.deepEqual([steps, await a.dump()], [[], spoilt], `look ${looksLeft}`);
      assert.equal((await a.replica.drain()).changesets, 0, 'nothing of it was captured');
    }
    await meet(a, b);
    assert.equal(await b.dump(), restored);
    assert.deepEqual((await a.replica.proof()).digest.get('tag'), (await b.replica.proof()).digest.get('tag'));
  });

  test('what an application commits when everything was captured stands', async () => {
    a.app.exec(`BEGIN IMMEDIATE; UPDATE tag SET colour = 'chosen' WHERE tag = '1'`);
    const undone = undo();
    await sleep(300);
    a.app.exec('COMMIT');
    assert.equal((await undone).isCancelled, false);
    const wanted = restored.replace("'1' | 'red'", "'1' | 'chosen'");
    assert.equal(await a.dump(), wanted);
    await meet(a, b);
    assert.equal(await b.dump(), wanted);
  });

  test('it comes to an end while an application writes all the time, and takes nothing from it', async () => {
    let writes = 0;
    const write = (): void => {
      // Within the transaction the lock is not to be had.
      try {
        a.app.exec(`UPDATE tag SET colour = 'chosen' WHERE tag = 'of b ${writes + 1}'`);
        writes++;
      } catch {
        // It is the engine's turn.
      }
    };
    const rows = Array.from({ length: 60 }, (_, i) => i + 1);
    await b.write(`INSERT INTO tag VALUES ${rows.map((row) => `('of b ${row}', 'unwanted', 0)`).join(', ')}`);
    await meet(a, b);
    a.app.exec('PRAGMA busy_timeout = 0');
    const { isCancelled } = await undo({
      get aborted() {
        write();
        return false;
      },
    });
    assert.ok(writes > 9, `${writes} writes`);
    assert.equal(isCancelled, false);
    const chosen = rows.slice(0, writes).map((row) => `tag: 'of b ${row}' | 'chosen' | 0`);
    const wanted = [...restored.split('\n'), ...chosen].toSorted().join('\n');
    assert.equal(await a.dump(), wanted);
    await meet(a, b);
    assert.equal(await b.dump(), wanted);
  });
});
