import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerId } from '../core/origin.js';
import type { DatasetContext } from './dataset-context.js';
import type { Message, SnapshotMessage } from './message.js';
import { snapshotBeginMs, snapshotIdleMs, snapshotRetryMs } from './protocol-limits.js';
import { createSnapshotReceiver, type SnapshotReceiver } from './snapshot-receiver.js';

interface Driven {
  readonly receiver: SnapshotReceiver;
  readonly sent: Message[];
  readonly calls: string[];
  nowMs: number;
  gaveUp: number;
  receive(message: SnapshotMessage): void;
  /** Goes on to where the receiver wants to be woken at the latest. */
  later(ms: number): void;
}

function drive(): Driven {
  const [sent, calls]: [Message[], string[]] = [[], []];
  let stream = 0;
  const context: DatasetContext = {
    dataset: 'shop',
    number: 0,
    self: 'a'.repeat(16) as ServerId,
    peer: 'b'.repeat(16) as ServerId,
    time: () => ({ nowMs: driven.nowMs, wallMs: 0, queuedBytes: 0 }),
    send: (message) => void sent.push(message),
    room: () => 1e6,
    call: (call) => void calls.push(call.kind),
    report: () => {},
    wantTurn: () => {},
    endTurn: () => {},
    wakeAt: () => {},
    isPeerLinkedWith: () => false,
    foundFork: () => {},
    view: { own: null, peer: null, peerPaused: null, receivedByOrigin: new Map() },
  };
  const receiver = createSnapshotReceiver(context, {
    nextStream: () => ++stream,
    progressed: () => {},
    gaveUp: () => void driven.gaveUp++,
    merged: () => {},
  });
  const driven: Driven = {
    receiver,
    sent,
    calls,
    nowMs: 1000,
    gaveUp: 0,
    receive: (message) => receiver.onMessage(message),
    later(ms) {
      driven.nowMs += ms;
      receiver.pump();
    },
  };
  return driven;
}

test('a sender that reads its whole state for minutes is neither asked again nor given up', () => {
  const driven = drive();
  driven.receiver.start();
  for (let i = 0; i < 10; i++) driven.later(snapshotIdleMs);
  driven.receive({ kind: 'snapshot-begin', dataset: 0, stream: 1, vector: new Map(), rows: 10_000_000 });
  assert.deepEqual(driven.calls, ['snapshot-receive']);
  assert.equal(driven.sent.length, 1);
  assert.equal(driven.receiver.progress?.rows, 10_000_000);
});

test('a snapshot that was begun and then stops is given up, and so is one that never begins', () => {
  const stopped = drive();
  stopped.receiver.start();
  stopped.receive({ kind: 'snapshot-begin', dataset: 0, stream: 1, vector: new Map(), rows: 10 });
  stopped.later(snapshotIdleMs);
  assert.deepEqual(stopped.calls, ['snapshot-receive', 'snapshot-abort']);
  stopped.later(snapshotRetryMs);
  assert.deepEqual([stopped.receiver.isActive, stopped.gaveUp], [false, 1]);
  const silent = drive();
  silent.receiver.start();
  silent.later(snapshotBeginMs);
  silent.later(snapshotRetryMs);
  assert.deepEqual([silent.receiver.isActive, silent.gaveUp], [false, 1]);
});
