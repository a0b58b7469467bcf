import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originIdOf, type Epoch, type ServerId } from '../core/origin.js';
import { stampOfMs } from '../core/stamp.js';
import { emptyChain, type VersionVector } from '../core/version-vector.js';
import { createRealSystem } from '../system/real-system.js';
import { createDatasetLooker } from './dataset-look.js';
import type { DatasetRunner } from './dataset-runner.js';

const origin = originIdOf('a'.repeat(16) as ServerId, '00000001' as Epoch);
const vectorAt = (ms: number): VersionVector => new Map([[origin, { stamp: stampOfMs(ms), chain: emptyChain }]]);
const startMs = Date.UTC(2026, 0, 1);

/** A dataset whose answers wait as long as `gate` does. */
function createRunner() {
  const state = { gate: Promise.resolve(), vector: vectorAt(startMs), isAtWork: true };
  const position = () => ({
    origin,
    vector: state.vector,
    tail: new Map(),
    isLanding: false,
    isFresh: true,
    journalBytes: 0,
  });
  const replica = {
    async position() {
      await state.gate;
      return position();
    },
    tables: async () => [],
    conflicts: async () => [],
    quarantine: async () => [],
  };
  const runner = { facts: { isOpen: true }, replica, isAtWork: () => state.isAtWork } as unknown as DatasetRunner;
  return { state, runner };
}

test('a dataset that does not answer is told to be so, for how long, and until it does', async () => {
  const { state, runner } = createRunner();
  const looker = createDatasetLooker(runner, createRealSystem());
  assert.equal((await looker.look()).unansweredMs, 0);
  let open = (): void => {};
  state.gate = new Promise((resolve) => (open = resolve));
  state.vector = vectorAt(startMs + 1);
  const [first, second] = await Promise.all([looker.look(), looker.look()]);
  assert.ok(first.unansweredMs > 0 && second.unansweredMs > 0);
  assert.deepEqual(first.position?.vector, vectorAt(startMs), 'what was read before');
  const third = await looker.look();
  assert.ok(third.unansweredMs > first.unansweredMs);
  open();
  const [now, same] = await Promise.all([looker.look(), looker.look()]);
  assert.deepEqual([now.unansweredMs, same.unansweredMs], [0, 0], 'also for whoever asked while it was being read');
  assert.deepEqual(now.position?.vector, vectorAt(startMs + 1));
});

test('a dataset that is slow, and not at work, is waited for by the impatient too', async () => {
  const { state, runner } = createRunner();
  const looker = createDatasetLooker(runner, createRealSystem());
  const late = (): void => {
    state.gate = new Promise((resolve) => setTimeout(resolve, 150));
  };
  late();
  assert.ok((await looker.look(1)).unansweredMs > 0, 'at work: its first look is not waited for');
  assert.equal((await looker.look()).unansweredMs, 0);
  state.isAtWork = false;
  late();
  assert.equal((await looker.look(1)).unansweredMs, 0);
});

test('who asks of a dataset that others wait for already waits the rest of the patience, not a new one', async () => {
  const { state, runner } = createRunner();
  const waits: number[] = [];
  const real = createRealSystem();
  const looker = createDatasetLooker(runner, {
    ...real,
    after(ms, work) {
      waits.push(ms);
      return real.after(ms, work);
    },
  });
  await looker.look();
  state.gate = new Promise(() => undefined);
  state.vector = vectorAt(startMs + 1);
  void looker.look(5_000);
  await new Promise((resolve) => setTimeout(resolve, 30));
  await looker.look(20);
  assert.ok((waits[1] ?? 0) > 4_000 && waits[2] === 0, waits.join());
});
