/**
 * The state machine by itself: what it says to hellos of every kind, and to peers that break the rules. How sessions
 * work together is tested with their runner.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OriginId, ServerId } from '../core/origin.js';
import type { Stamp } from '../core/stamp.js';
import { emptyChain } from '../core/version-vector.js';
import { decodeHello, decodeMessage, encodeMessage, isCloseFrame } from './message-codec.js';
import type { HelloMessage, Message } from './message.js';
import {
  askedMax,
  deadAfterMs,
  helloTimeoutMs,
  proofQuietMs,
  standingCreditBytes,
  unreadBytesMax,
} from './protocol-limits.js';
import { createSession, type Session } from './session.js';
import type { SessionEffect, SessionEvent } from './session-event.js';

const self = 'a'.repeat(16) as ServerId;
const peer = 'b'.repeat(16) as ServerId;
const origin = `${peer}-00000001` as OriginId;

interface Driven {
  readonly session: Session;
  nowMs: number;
  /** Steps, and remembers what came out. */
  step(event: SessionEvent): readonly SessionEffect[];
  receive(message: Message): readonly SessionEffect[];
  sent(effects: readonly SessionEffect[]): Message[];
}

function drive(provenPeer: ServerId | null = peer): Driven {
  const session = createSession({
    server: self,
    provenPeer,
    name: 'first',
    bootNonce: '11'.repeat(16),
    addresses: [],
    datasets: ['shop', 'chat'],
    pairing: null,
  });
  const driven: Driven = {
    session,
    nowMs: 1000,
    step: (event) => session.step({ nowMs: driven.nowMs, wallMs: 0, queuedBytes: 0 }, event),
    receive: (message) => driven.step({ kind: 'frame', frame: encodeMessage(message) }),
    sent: (effects) =>
      effects.flatMap((effect) => {
        if (effect.kind !== 'send') return [];
        if (effect.frame[0] === 0x55) return decodeHello(effect.frame, () => true) ?? [];
        return [decodeMessage(effect.frame)];
      }),
  };
  return driven;
}

const hello = (change: Partial<HelloMessage> = {}): HelloMessage => ({
  kind: 'hello',
  versionMin: 1,
  versionMax: 1,
  server: peer,
  name: 'second',
  bootNonce: '22'.repeat(16),
  addresses: [],
  datasets: ['chat', 'other', 'shop'],
  pairing: null,
  ...change,
});

const closeOf = (effects: readonly SessionEffect[]): Extract<SessionEffect, { kind: 'close' }> | undefined =>
  effects.find((effect) => effect.kind === 'close');

const partsOf = (bytes: number): Message => ({
  kind: 'parts',
  dataset: 2,
  stream: 0,
  pieces: [{ origin, stamp: 5 as Stamp, part: 0, isLast: true, rest: 0, bytes: new Uint8Array(bytes) }],
});

/** A session that both sides have opened, whose replica of `shop` holds nothing. */
function open(): Driven {
  const driven = drive();
  driven.step({ kind: 'started' });
  driven.receive(hello());
  driven.step({ kind: 'decided', verdict: { kind: 'accepted' } });
  driven.receive({ kind: 'open' });
  for (const dataset of ['shop', 'chat']) {
    const position = { origin: `${self}-00000001` as OriginId, vector: new Map(), isLanding: false, isFresh: false };
    driven.step({ kind: 'result', dataset, round: 0, result: { kind: 'position', position } });
  }
  return driven;
}

test('each side greets at once, asks its engine about the other, and opens when both agree', () => {
  const driven = drive();
  const [greeting] = driven.sent(driven.step({ kind: 'started' }));
  assert.ok(greeting?.kind === 'hello' && greeting.name === 'first');
  assert.ok(driven.receive(hello()).some((effect) => effect.kind === 'decide' && effect.hello.name === 'second'));
  const accepted = driven.step({ kind: 'decided', verdict: { kind: 'accepted' } });
  assert.ok(driven.sent(accepted).some((message) => message.kind === 'open'));
  assert.equal(driven.session.status.stage, 'waiting');
  const calls = driven.receive({ kind: 'open' }).filter((effect) => effect.kind === 'call');
  assert.deepEqual(calls.map((call) => call.dataset).toSorted(), ['chat', 'shop']);
  assert.equal(driven.session.status.stage, 'open');
});

test('hellos that cannot be are refused with their code (W2, W6, S14)', () => {
  const cases: [Uint8Array, string, ServerId?][] = [
    [new TextEncoder().encode('GET / HTTP/1.1'), 'USYNC-1502'],
    [encodeMessage(hello({ versionMin: 3, versionMax: 5 })), 'USYNC-1503'],
    [encodeMessage(hello({ server: self })), 'USYNC-1404', self],
    [encodeMessage(hello({ server: self, bootNonce: '11'.repeat(16) })), 'USYNC-1404', self],
    [encodeMessage(hello({ server: self })), 'USYNC-1401'],
    [encodeMessage(hello({ server: 'c'.repeat(16) as ServerId })), 'USYNC-1401'],
    [encodeMessage(hello()).subarray(0, 40), 'USYNC-1504'],
  ];
  for (const [frame, code, provenPeer] of cases) {
    const driven = drive(provenPeer);
    driven.step({ kind: 'started' });
    const effects = driven.step({ kind: 'frame', frame });
    assert.equal(closeOf(effects)?.code, code);
    assert.equal(driven.session.peer, null, 'nothing of it is kept (S14)');
    const told = driven.sent(effects).at(-1);
    assert.ok(told?.kind === 'close' && told.code === code, 'the peer is told');
    assert.deepEqual(driven.step({ kind: 'frame', frame }), [], 'nothing more comes out of a closed session');
  }
});

test('a server that turns this one away before greeting is understood', () => {
  const driven = drive();
  driven.step({ kind: 'started' });
  const frame = encodeMessage({ kind: 'close', code: 'USYNC-1401', text: 'not known' });
  assert.ok(isCloseFrame(frame));
  const close = closeOf(driven.step({ kind: 'frame', frame }));
  assert.ok(close?.code === 'USYNC-1401' && close.isByPeer);
});

test('a pending peer is told to wait, gets nothing, and comes in when it is approved', () => {
  const driven = drive();
  driven.step({ kind: 'started' });
  driven.receive(hello());
  const waits = driven.step({ kind: 'decided', verdict: { kind: 'pending', text: 'approve it', members: [] } });
  assert.deepEqual(
    driven.sent(waits).map((message) => message.kind),
    ['wait'],
  );
  assert.equal(driven.sent(driven.receive({ kind: 'ping', nonce: 3 }))[0]?.kind, 'pong');
  driven.receive({ kind: 'open' });
  assert.equal(driven.session.status.stage, 'pending');
  driven.step({ kind: 'decided', verdict: { kind: 'accepted' } });
  assert.equal(driven.session.status.stage, 'open');
});

test('F46: nothing of a dataset is taken from a peer that was not let in (S2)', () => {
  for (const message of [
    { kind: 'have', dataset: 0, isWhole: true, isFresh: false, isLanding: false, vector: new Map() },
    { kind: 'snapshot-want', dataset: 0, stream: 1 },
    { kind: 'ask', dataset: 0, id: 1, question: { kind: 'digest' } },
    { kind: 'links', servers: [] },
  ] as const satisfies readonly Message[]) {
    const driven = drive();
    driven.step({ kind: 'started' });
    driven.receive(hello());
    driven.step({ kind: 'decided', verdict: { kind: 'pending', text: 'approve it', members: [] } });
    assert.equal(closeOf(driven.receive(message))?.code, 'USYNC-1504', message.kind);

    const accepted = drive();
    accepted.step({ kind: 'started' });
    accepted.receive(hello());
    accepted.step({ kind: 'decided', verdict: { kind: 'accepted' } });
    assert.equal(closeOf(accepted.receive(message))?.code, 'USYNC-1504', `${message.kind} before its own open`);
  }
});

test('a peer that sends more than it was granted is cut off (S3)', () => {
  const driven = open();
  assert.equal(closeOf(driven.receive(partsOf(standingCreditBytes / 2))), undefined);
  assert.equal(closeOf(driven.receive(partsOf(standingCreditBytes / 2)))?.code, 'USYNC-1504');
});

test('pieces that do not follow each other are refused (W4)', () => {
  const driven = open();
  const piece = { origin, stamp: 5 as Stamp, isLast: true, bytes: new Uint8Array(10) };
  const pieces = [
    { ...piece, part: 0, rest: 20 },
    { ...piece, part: 1, rest: 10 },
  ];
  assert.equal(closeOf(driven.receive({ kind: 'parts', dataset: 2, stream: 0, pieces }))?.code, 'USYNC-1504');
});

test('a replica that is landing gives neither its journal nor a snapshot nor a proof; afterwards it does (S12)', () => {
  const driven = open();
  const own = `${self}-00000001` as OriginId;
  const vector = new Map([[own, { stamp: 7 as Stamp, chain: emptyChain }]]);
  const stands = (isLanding: boolean): readonly SessionEffect[] => {
    const position = { origin: own, vector, isLanding, isFresh: false };
    driven.step({ kind: 'changed', dataset: 'shop', moved: null });
    return driven.step({ kind: 'result', dataset: 'shop', round: 0, result: { kind: 'position', position } });
  };
  const callsOf = (effects: readonly SessionEffect[]): string[] =>
    effects.flatMap((effect) => (effect.kind === 'call' && effect.dataset === 'shop' ? [effect.call.kind] : []));
  const gives = ['read', 'snapshot-open', 'prove'];
  driven.receive({ kind: 'have', dataset: 2, isWhole: true, isFresh: false, isLanding: false, vector: new Map() });
  const landing = [
    ...stands(true),
    ...driven.receive({ kind: 'credit', dataset: 2, bytes: standingCreditBytes }),
    ...driven.receive({ kind: 'snapshot-want', dataset: 2, stream: 1 }),
    ...driven.receive({ kind: 'have', dataset: 2, isWhole: true, isFresh: false, isLanding: false, vector }),
  ];
  driven.nowMs += proofQuietMs;
  landing.push(...driven.step({ kind: 'alarm' }));
  assert.deepEqual(
    callsOf(landing).filter((kind) => gives.includes(kind)),
    [],
  );
  assert.ok(driven.sent(landing).some(({ kind }) => kind === 'snapshot-abort'));
  driven.receive({ kind: 'have', dataset: 2, isWhole: true, isFresh: false, isLanding: false, vector: new Map() });
  assert.ok(callsOf(stands(false)).includes('read'));
});

test('a proof that is of more than the session knows is no reason to prove again at once', () => {
  const driven = open();
  driven.receive({ kind: 'have', dataset: 2, isWhole: true, isFresh: false, isLanding: false, vector: new Map() });
  driven.nowMs += proofQuietMs;
  const callsOf = (effects: readonly SessionEffect[]): string[] =>
    effects.flatMap((effect) => (effect.kind === 'call' && effect.dataset === 'shop' ? [effect.call.kind] : []));
  assert.ok(callsOf(driven.step({ kind: 'alarm' })).includes('prove'));
  const vector = new Map([[`${self}-00000001` as OriginId, { stamp: 7 as Stamp, chain: emptyChain }]]);
  const proof = { vector, digest: new Map(), leftOut: [], held: 0 };
  const next = driven.step({ kind: 'result', dataset: 'shop', round: 0, result: { kind: 'prove', proof } });
  assert.deepEqual(callsOf(next), ['position']);
});

test('a peer that asks faster than it is answered, or reads nothing of the answers, takes no memory here (S13)', () => {
  const driven = open();
  const ask = (id: number): readonly SessionEffect[] =>
    driven.receive({ kind: 'ask', dataset: 2, id, question: { kind: 'digest' } });
  const isCall = (effect: SessionEffect): boolean => effect.kind === 'call' && effect.call.kind === 'answer';
  for (let id = 1; id <= askedMax; id++) assert.ok(ask(id).some(isCall));
  const over = ask(999);
  assert.ok(!over.some(isCall));
  const [failed] = driven.sent(over).filter((message) => message.kind === 'answer');
  assert.ok(failed?.kind === 'answer' && failed.answer.kind === 'failed' && failed.answer.code === 'USYNC-1507');
  const answer = { kind: 'sums', sums: [1] } as const;
  driven.step({ kind: 'result', dataset: 'shop', round: 0, result: { kind: 'answer', id: 1, answer } });
  assert.ok(ask(1000).some(isCall), 'an answer makes room');

  const frame = encodeMessage({ kind: 'ping', nonce: 1 });
  const step = (queuedBytes: number): readonly SessionEffect[] =>
    driven.session.step({ nowMs: driven.nowMs, wallMs: 0, queuedBytes }, { kind: 'frame', frame });
  assert.equal(closeOf(step(unreadBytesMax)), undefined);
  assert.equal(closeOf(step(unreadBytesMax + 1))?.code, 'USYNC-1507');
});

test('answers that were under way when the dataset failed count until they are given, and make no more room than that (S13)', () => {
  const driven = open();
  const ask = (id: number): boolean =>
    driven
      .receive({ kind: 'ask', dataset: 2, id, question: { kind: 'digest' } })
      .some((effect) => effect.kind === 'call' && effect.call.kind === 'answer');
  for (let id = 1; id <= askedMax; id++) assert.ok(ask(id));
  driven.step({ kind: 'failed', dataset: 'shop', round: 0, call: 'merge', code: 'USYNC-1201', text: 'locked' });
  driven.step({ kind: 'resume', dataset: 'shop' });
  assert.ok(!ask(askedMax + 1), 'the first ones still run');
  const answer = { kind: 'sums', sums: [1] } as const;
  for (let id = 1; id <= askedMax; id++)
    driven.step({ kind: 'result', dataset: 'shop', round: 0, result: { kind: 'answer', id, answer } });
  for (let id = 1; id <= askedMax; id++) assert.ok(ask(1_000 + id));
  assert.ok(!ask(9_999));
});

test('a second hello, garbage and numbers of unknown datasets do no harm', () => {
  const second = open();
  assert.equal(closeOf(second.step({ kind: 'frame', frame: encodeMessage(hello()) }))?.code, 'USYNC-1504');
  const garbage = open();
  assert.equal(closeOf(garbage.step({ kind: 'frame', frame: Uint8Array.of(200, 1, 2) }))?.code, 'USYNC-1504');
  const unknown = open();
  assert.equal(closeOf(unknown.receive({ kind: 'behind', dataset: 1 })), undefined);
});

test('a side that never greets is given up, a silent one is dead, one that stood still itself waits (S10)', () => {
  const mute = drive();
  mute.step({ kind: 'started' });
  mute.nowMs += helloTimeoutMs;
  assert.equal(closeOf(mute.step({ kind: 'alarm' }))?.code, 'USYNC-1502');

  const silent = open();
  let end: ReturnType<typeof closeOf>;
  const startMs = silent.nowMs;
  let effects: readonly SessionEffect[] = silent.step({ kind: 'drained' });
  while (!end && silent.nowMs < startMs + 60_000) {
    const alarm = effects.find((effect) => effect.kind === 'alarm');
    assert.ok(alarm);
    silent.nowMs = alarm.atMs;
    effects = silent.step({ kind: 'alarm' });
    end = closeOf(effects);
  }
  assert.equal(end?.code, 'USYNC-1505');
  assert.equal(silent.nowMs - startMs, deadAfterMs);

  const stopped = open();
  stopped.step({ kind: 'drained' });
  stopped.nowMs += 3_600_000;
  assert.equal(
    closeOf(stopped.step({ kind: 'alarm' })),
    undefined,
    'after an hour of SIGSTOP the peer is pinged first',
  );
});

test('round trip and clock offset are measured by pings', () => {
  const driven = open();
  driven.nowMs += 4_000;
  const ping = driven.sent(driven.step({ kind: 'alarm' })).find((message) => message.kind === 'ping');
  assert.ok(ping?.kind === 'ping');
  driven.nowMs += 30;
  driven.receive({ kind: 'pong', nonce: ping.nonce, wallMs: 5_000 });
  assert.equal(driven.session.status.roundTripMs, 30);
  assert.equal(driven.session.status.clockOffsetMs, 5_015);
});
