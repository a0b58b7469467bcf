/** Loops that fail: shown once with their count, restarted with back-off, never silent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import type { EventDetail } from '../observe/event.js';
import { deferred } from '../system/deferred.js';
import { createRealSystem } from '../system/real-system.js';
import type { System } from '../system/system.js';
import { createSupervisor } from './supervisor.js';
import { createWakeup } from './wakeup.js';

/** Real time, but a back-off of seconds passes in an instant. */
function hurriedSystem(): { system: System; waits: number[] } {
  const waits: number[] = [];
  const real = createRealSystem();
  return {
    waits,
    system: {
      ...real,
      after: (ms, callback) => {
        waits.push(ms);
        return real.after(0, callback);
      },
    },
  };
}

const endOf = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

test('F4: a loop that throws is reported with count, cause and next step, and runs again', async () => {
  const { system, waits } = hurriedSystem();
  const events: EventDetail[] = [];
  const supervisor = createSupervisor(system, (_, event) => events.push(event));
  let runs = 0;
  const { promise: recovered, resolve } = deferred<void>();
  supervisor.supervise('drain shop', async (signal, alive) => {
    runs += 1;
    if (runs <= 12) throw new SyncError('USYNC-1201', 'Database shop.db is locked');
    alive();
    resolve();
    await endOf(signal);
  });
  await recovered;
  await supervisor.stop();
  assert.equal(events.length, 13);
  const last = events[11];
  assert.ok(last?.kind === 'loop-failed');
  assert.deepEqual(
    [last.loop, last.code, last.message, last.count],
    ['drain shop', 'USYNC-1201', 'Database shop.db is locked.', 12],
  );
  assert.match(last.nextStep, /transaction/);
  assert.deepEqual(events[12], { kind: 'loop-recovered', loop: 'drain shop', afterCount: 12 });
  assert.ok(waits.length === 12 && Math.max(...waits) <= 30_000 && (waits[11] ?? 0) >= 15_000);
});

test('a loop that returns by itself is a failure, not an end', async () => {
  const { system } = hurriedSystem();
  const events: EventDetail[] = [];
  const supervisor = createSupervisor(system, (_, event) => events.push(event));
  let runs = 0;
  const { promise, resolve } = deferred<void>();
  supervisor.supervise('prune shop', (signal) => {
    runs += 1;
    if (runs < 3) return Promise.resolve();
    resolve();
    return endOf(signal);
  });
  await promise;
  await supervisor.stop();
  assert.deepEqual(
    events.map((event) => event.kind === 'loop-failed' && event.code),
    ['USYNC-1001', 'USYNC-1001'],
  );
});

test('stopping ends loops in reverse order and waits for each', async () => {
  const supervisor = createSupervisor(createRealSystem(), () => {});
  const ended: string[] = [];
  for (const name of ['a', 'b', 'c'])
    supervisor.supervise(name, async (signal) => {
      await endOf(signal);
      await Promise.resolve();
      ended.push(name);
    });
  await supervisor.stop();
  assert.deepEqual(ended, ['c', 'b', 'a']);
});

test('a failure while stopping is not reported and does not restart the loop', async () => {
  const events: EventDetail[] = [];
  const supervisor = createSupervisor(createRealSystem(), (_, event) => events.push(event));
  supervisor.supervise('a', async (signal) => {
    await endOf(signal);
    throw new Error('cut off');
  });
  await supervisor.stop();
  assert.deepEqual(events, []);
});

test('no loop begins after the end, and one that ends by itself is waited for as well', async () => {
  const supervisor = createSupervisor(createRealSystem(), () => {});
  let hasEnded = false;
  const loop = supervisor.supervise('a', async (signal) => {
    await endOf(signal);
    await new Promise((resolve) => setTimeout(resolve, 20));
    hasEnded = true;
  });
  void loop.stop();
  await supervisor.stop();
  assert.ok(hasEnded);
  assert.throws(
    () => supervisor.supervise('b', endOf),
    (error) => error instanceof SyncError && error.code === 'USYNC-1002',
  );
});

test('a wake between two waits is not lost, and a wait ends at its signal', async () => {
  const wakeup = createWakeup(createRealSystem());
  const controller = new AbortController();
  wakeup.wake();
  wakeup.wake();
  await wakeup.wait(60_000, controller.signal);
  const waiting = wakeup.wait(60_000, controller.signal);
  wakeup.wake();
  await waiting;
  const ending = wakeup.wait(60_000, controller.signal);
  controller.abort();
  await ending;
});
