// Goal: no answer is made of a look that is older than what is known. Method: a status that is set by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '../engine/engine.js';
import type { EngineStatus } from '../engine/engine-status.js';
import type { ObservedEvent } from '../observe/event.js';
import type { System } from '../system/system.js';
import { createStatusReader } from './status-reader.js';

function place() {
  const listeners = new Set<(event: ObservedEvent) => void>();
  const peer = { id: 'b', connection: 'connected', lastContactMs: 1_000 };
  const scene = { nowMs: 5_000, looks: 0, unansweredMs: 0, peer };
  const engine = {
    status: () => {
      scene.looks += 1;
      return Promise.resolve({
        peers: [{ ...scene.peer }],
        datasets: [{ unansweredMs: scene.unansweredMs }],
      } as unknown as EngineStatus);
    },
    servers: () => Promise.resolve([]),
    onActivity: (listener: (event: ObservedEvent) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } satisfies Pick<Engine, 'status' | 'servers' | 'onActivity'>;
  const reader = createStatusReader(engine, { monotonicMs: () => scene.nowMs } as System);
  const happen = (detail: Partial<ObservedEvent>): void => {
    for (const listener of listeners) listener({ atMs: 0, level: 'info', ...detail } as ObservedEvent);
  };
  const connection = async (): Promise<unknown> => (await reader.read()).status.peers[0]?.connection;
  return { scene, reader, happen, connection, listeners };
}

const unanswered = { isAnswered: false, roundTripMs: null, atMs: 2_000, reason: 'no answer', nextStep: null };

test('callers at nearly the same time share one look, later ones do not', async () => {
  const { scene, reader } = place();
  await Promise.all([reader.read(), reader.read()]);
  assert.equal(scene.looks, 1);
  scene.nowMs += 1_000;
  await reader.read();
  assert.equal(scene.looks, 2);
});

test('a look from before a server was lost is not used after it', async () => {
  const { scene, happen, connection } = place();
  assert.equal(await connection(), 'connected');
  scene.peer.connection = 'unreachable';
  happen({ kind: 'merged' });
  assert.equal(await connection(), 'connected');
  happen({ kind: 'peer-lost' });
  assert.equal(await connection(), 'unreachable');
});

test('a ping without an answer is believed before an older look, until the server is heard again', async () => {
  const { scene, reader, connection } = place();
  assert.equal(await connection(), 'connected');
  scene.peer.connection = 'unreachable';
  reader.pinged('b', unanswered);
  const look = await reader.read();
  assert.equal(look.status.peers[0]?.connection, 'unreachable');
  assert.equal(look.unanswered.get('b')?.reason, 'no answer');
  scene.peer.lastContactMs = 2_001;
  reader.forget();
  assert.equal((await reader.read()).unanswered.size, 0);
});

test('a ping that was answered takes back one that was not', async () => {
  const { reader } = place();
  reader.pinged('b', unanswered);
  reader.pinged('b', { ...unanswered, isAnswered: true });
  assert.equal((await reader.read()).unanswered.size, 0);
});

test('a reader that is closed listens no longer', () => {
  const { reader, listeners } = place();
  reader.close();
  assert.equal(listeners.size, 0);
});

test('a dataset that is late where nothing happened stands as it stood; after news it does not, nor for long', async () => {
  const { scene, reader, happen } = place();
  const lateMs = async (): Promise<unknown> => (await reader.read()).status.datasets[0]?.unansweredMs;
  assert.equal(await lateMs(), 0);
  scene.unansweredMs = 30;
  scene.nowMs += 1_000;
  assert.equal(await lateMs(), 0);
  scene.nowMs += 1_500;
  assert.equal(await lateMs(), 30);
  scene.unansweredMs = 0;
  scene.nowMs += 1_000;
  assert.equal(await lateMs(), 0);
  scene.unansweredMs = 30;
  happen({ kind: 'merged' });
  scene.nowMs += 200;
  assert.equal(await lateMs(), 30);
});
