import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { System } from '../system/system.js';
import { lagSamplesMax, lagStepMs } from './http-limits.js';
import { createLagSeries } from './lag-series.js';
import type { StatusLook } from './status-reader.js';

function place() {
  const scene = { nowMs: 0, behindMs: 0, connection: 'connected', timer: null as (() => void) | null, looks: 0 };
  let happen = (): void => undefined;
  const pending = () => ({ behindMs: scene.behindMs });
  const lag = createLagSeries({
    engine: {
      onActivity(listener) {
        happen = () => listener({ kind: 'engine-stopped', reason: '', atMs: 0, level: 'info' });
        return () => undefined;
      },
    },
    status: {
      read: () => {
        scene.looks += 1;
        const peer = {
          id: 'b',
          connection: scene.connection,
          roundTripMs: 1,
          datasets: [{ pendingIn: pending(), pendingOut: pending() }],
        };
        return Promise.resolve({ status: { atMs: scene.nowMs, peers: [peer] } } as unknown as StatusLook);
      },
    },
    system: {
      monotonicMs: () => scene.nowMs,
      after(_: number, run: () => void) {
        scene.timer = run;
        return () => undefined;
      },
    } as unknown as System,
  });
  const ring = async (): Promise<void> => {
    const { timer } = scene;
    scene.timer = null;
    scene.nowMs += lagStepMs;
    timer?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { scene, lag, happen: () => happen(), ring };
}

test('how far behind a server was is looked at when something happens, and on until nothing is behind', async () => {
  const { scene, lag, happen, ring } = place();
  assert.equal(scene.timer, null, 'at rest nothing is planned');
  happen();
  scene.behindMs = 700;
  await ring();
  assert.notEqual(scene.timer, null, 'it is behind');
  scene.behindMs = 0;
  await ring();
  assert.equal(scene.timer, null, 'nothing is behind any more');
  scene.connection = 'unreachable';
  happen();
  await ring();
  assert.deepEqual(
    lag.of('b').map(({ behindMs }) => behindMs),
    [700, 0, null],
  );
  assert.deepEqual(lag.of('nobody'), []);
});

test('what is remembered is bounded', async () => {
  const { scene, lag, happen, ring } = place();
  scene.behindMs = 5;
  happen();
  for (let at = 0; at < lagSamplesMax + 10; at++) await ring();
  assert.equal(lag.of('b').length, lagSamplesMax);
  assert.equal(lag.of('b').at(-1)?.atMs, scene.nowMs);
});
