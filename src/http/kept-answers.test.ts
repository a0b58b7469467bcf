// Goal: no list waits behind a merge, and none that is old passes for new. Method: reads that end when the test says so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { System } from '../system/system.js';
import { answerPatienceMs, answerSlowMsMax, keptItemsMax } from './http-limits.js';
import { createKeptAnswers } from './kept-answers.js';

function place() {
  const timers: (() => void)[] = [];
  const waits: number[] = [];
  const scene = { nowMs: 1_000, isAtWork: true, reads: 0, ends: [] as ((rows: readonly unknown[]) => void)[] };
  const system = {
    monotonicMs: () => scene.nowMs,
    after(ms: number, work: () => void) {
      waits.push(ms);
      timers.push(work);
      return () => undefined;
    },
  } as unknown as System;
  const kept = createKeptAnswers(system, () => scene.isAtWork);
  const read = (): Promise<{ readonly rows: readonly unknown[] }> => {
    scene.reads += 1;
    return new Promise((resolve) => scene.ends.push((rows) => resolve({ rows })));
  };
  const ask = (question = 'list', patienceMs?: number) => kept.answer([question], read, patienceMs);
  const impatient = (): void => {
    for (const work of timers.splice(0)) work();
  };
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { scene, kept, ask, impatient, settled, waits };
}

test('the first answer is waited for; later ones are the kept one with its age while the dataset is busy', async () => {
  const { scene, ask, impatient } = place();
  const first = ask();
  impatient();
  scene.ends[0]?.([1]);
  assert.deepEqual(await first, { rows: [1], age_ms: 0 });
  scene.nowMs += 400;
  const second = ask();
  impatient();
  assert.deepEqual(await second, { rows: [1], age_ms: 400 });
});

test('an answer in time is the new one', async () => {
  const { scene, ask } = place();
  const first = ask();
  scene.ends[0]?.([1]);
  await first;
  const second = ask();
  scene.ends[1]?.([1, 2]);
  assert.deepEqual(await second, { rows: [1, 2], age_ms: 0 });
});

test('who is slow, while no dataset is at work, is waited for, but not for ever', async () => {
  const { scene, ask, impatient, settled } = place();
  const first = ask();
  scene.ends[0]?.([1]);
  await first;
  scene.isAtWork = false;
  const second = ask();
  impatient();
  await settled();
  scene.ends[1]?.([1, 2]);
  assert.deepEqual(await second, { rows: [1, 2], age_ms: 0 });
  const third = ask();
  impatient();
  scene.nowMs += answerSlowMsMax;
  impatient();
  assert.deepEqual(await third, { rows: [1, 2], age_ms: answerSlowMsMax });
  scene.ends[2]?.([3]);
  await settled();
  const fourth = ask();
  impatient();
  scene.isAtWork = true;
  impatient();
  assert.deepEqual((await fourth).rows, [3], 'work that begins meanwhile is not waited for');
});

test('what a late read found is told to the next who asks, with its age since then', async () => {
  const { scene, ask, impatient, settled } = place();
  const first = ask();
  scene.ends[0]?.([1]);
  await first;
  const second = ask();
  impatient();
  await second;
  scene.nowMs += 900;
  scene.ends[1]?.([2]);
  await settled();
  scene.nowMs += 30;
  const third = ask();
  impatient();
  assert.deepEqual(await third, { rows: [2], age_ms: 30 });
});

test('whoever asks of a dataset that is late already does not wait for it again', async () => {
  const { scene, ask, impatient, waits } = place();
  const first = ask();
  scene.ends[0]?.([1]);
  await first;
  const asked = [ask()];
  scene.nowMs += 2;
  asked.push(ask());
  scene.nowMs += 1_000;
  asked.push(ask());
  impatient();
  for (const each of asked) assert.deepEqual((await each).rows, [1]);
  assert.deepEqual(waits, [answerPatienceMs, answerPatienceMs - 2, 0]);
});

test('whoever has more time waits longer', async () => {
  const { scene, ask, waits } = place();
  const first = ask();
  scene.ends[0]?.([1]);
  await first;
  const second = ask('list', 1_000);
  scene.ends[1]?.([2]);
  assert.deepEqual([(await second).rows, waits], [[2], [1_000]]);
});

test('however many ask at once, one reads and one more reads after it, so that nobody gets what was read before', async () => {
  const { scene, ask, settled } = place();
  const first = ask();
  const others = [ask(), ask(), ask()];
  assert.equal(scene.reads, 1);
  scene.ends[0]?.(['before']);
  await first;
  await settled();
  assert.equal(scene.reads, 2);
  scene.ends[1]?.(['after']);
  for (const other of others) assert.deepEqual((await other).rows, ['after']);
});

test('after a change nothing is told that was read before it', async () => {
  const { scene, kept, ask, impatient } = place();
  const first = ask();
  scene.ends[0]?.(['before']);
  await first;
  const late = ask();
  kept.forget();
  const second = ask();
  impatient();
  scene.ends[1]?.(['before, late']);
  scene.ends[2]?.(['after']);
  await late;
  assert.deepEqual(await second, { rows: ['after'], age_ms: 0 });
});

test('a read that fails is told to those who wait for it, and the next one reads again', async () => {
  const { scene, kept, ask } = place();
  const failing = (): Promise<object> => Promise.reject(new Error('closed'));
  await assert.rejects(kept.answer(['list'], failing), /closed/);
  const next = ask();
  scene.ends[0]?.([1]);
  assert.deepEqual(await next, { rows: [1], age_ms: 0 });
  await assert.rejects(kept.answer(['list'], failing), /closed/);
});

test('what is kept has a bound: the answers asked for longest ago are read again', async () => {
  const { scene, ask, impatient } = place();
  const large = Array.from({ length: keptItemsMax / 2 }, () => 0);
  for (const [at, question] of ['one', 'two', 'three'].entries()) {
    const asked = ask(question);
    scene.ends[at]?.(large);
    await asked;
  }
  const again = ask('one');
  impatient();
  scene.ends[3]?.([1]);
  assert.deepEqual((await again).rows, [1]);
  const kept = ask('three');
  impatient();
  assert.equal((await kept).rows.length, large.length);
});
