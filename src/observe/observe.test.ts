/** The renderings of events: none may throw, flood or forget. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { System } from '../system/system.js';
import { createActivity } from './activity.js';
import { createCounters } from './counters.js';
import type { EventDetail, ObservedEvent } from './event.js';
import { createLogLines } from './log-lines.js';
import { createOpenProblems } from './open-problems.js';
import { createRecorder } from './recorder.js';

const failure = (count: number): EventDetail => ({
  kind: 'loop-failed',
  loop: 'drain shop',
  code: 'USYNC-1201',
  message: 'Database shop.db is locked.',
  nextStep: 'Wait.',
  count,
  retryInMs: 500,
});

const at = (atMs: number, detail: EventDetail, level: ObservedEvent['level'] = 'error'): ObservedEvent => ({
  ...detail,
  atMs,
  level,
});

const systemAt = (nowMs: number): System => ({
  nowMs: () => nowMs,
  monotonicMs: () => nowMs,
  randomBytes: (count) => new Uint8Array(count),
  after: () => () => {},
  pause: () => Promise.resolve(),
});

function lines(format: 'json' | 'text', level: ObservedEvent['level'] = 'info') {
  const written: string[] = [];
  const write = createLogLines({ level, format, isColoured: false, write: (line) => written.push(line) });
  return { written, write };
}

test('F43: a rendering that throws neither fails the operation nor the other renderings', () => {
  const recorder = createRecorder(systemAt(5));
  const seen: ObservedEvent[] = [];
  recorder.attach(() => {
    throw new Error('disk full');
  });
  recorder.attach((event) => seen.push(event));
  recorder.observe('info', { kind: 'server-joined', peer: 'b' });
  assert.deepEqual(seen, [{ kind: 'server-joined', peer: 'b', level: 'info', atMs: 5 }]);
  assert.deepEqual(recorder.failures(), { count: 1, last: 'disk full' });
});

test('F47: an error that repeats ten thousand times is a handful of lines with counts', () => {
  const { written, write } = lines('json');
  for (let count = 1; count <= 10_000; count += 1) write(at(count * 1_000, failure(count)));
  assert.ok(written.length < 10, `${written.length} lines`);
  const last = JSON.parse(written.at(-1) ?? '{}') as Record<string, unknown>;
  assert.equal(last['level'], 'error');
  assert.ok(Number(last['count']) > 1_000);
});

test('an error that comes back after a recovery is written at once', () => {
  const { written, write } = lines('text');
  write(at(0, failure(1)));
  write(at(10, { kind: 'loop-recovered', loop: 'drain shop', afterCount: 1 }, 'info'));
  write(at(20, failure(1)));
  assert.equal(written.length, 3);
  assert.match(
    written[2] ?? '',
    /drain shop failed: Database shop\.db is locked\. Wait\. \(USYNC-1201; tried again in 0\.5 s\)/,
  );
});

test('a JSON line holds time, level, kind, message and the fields of the event', () => {
  const { written, write } = lines('json');
  write(at(0, { kind: 'peer-connected', peer: 'pit-3', address: '10.0.0.3:7420' }, 'info'));
  assert.deepEqual(JSON.parse(written[0] ?? ''), {
    time: '1970-01-01T00:00:00.000Z',
    level: 'info',
    kind: 'peer-connected',
    message: 'Connected with pit-3 (10.0.0.3:7420).',
    peer: 'pit-3',
    address: '10.0.0.3:7420',
  });
});

test('a name with control characters cannot forge a second line', () => {
  const { written, write } = lines('text');
  write(at(0, { kind: 'server-joined', peer: 'x\n00:00:00 ERROR all lost\u001b[2J' }, 'info'));
  assert.ok(!/\p{Cc}/u.test(written[0] ?? ''));
});

test('events below the level are not written', () => {
  const { written, write } = lines('text', 'warn');
  write(at(0, { kind: 'server-joined', peer: 'b' }, 'info'));
  assert.equal(written.length, 0);
});

test('the activity is bounded and joins streams of one kind into sums', () => {
  const activity = createActivity(10);
  for (let count = 0; count < 500; count += 1)
    activity.add(at(count, { kind: 'captured', dataset: 'shop', changesets: 1, rows: 2 }, 'debug'));
  assert.deepEqual(
    activity.newest(5).map((event) => event.kind === 'captured' && [event.changesets, event.rows]),
    [[500, 1_000]],
  );
  for (let count = 0; count < 50; count += 1)
    activity.add(at(count, { kind: 'server-joined', peer: `server ${count}` }, 'info'));
  assert.equal(activity.newest(100).length, 10);
});

test('counters add up per dataset', () => {
  const counters = createCounters();
  counters.add(at(1, { kind: 'captured', dataset: 'shop', changesets: 2, rows: 7 }));
  counters.add(at(2, { kind: 'merged', dataset: 'shop', peer: 'b', changesets: 1, rows: 3 }));
  counters.add(at(3, failure(1)));
  const sums = counters.ofDataset('shop');
  assert.deepEqual([sums.capturedRows, sums.mergedRows, sums.lastCaptureMs, sums.lastMergeMs], [7, 3, 1, 2]);
  assert.equal(counters.read().loopFailures.get('drain shop'), 1);
});

test('a pause with a peer ends with the next proof, and whatever concerns a peer ends with its removal', () => {
  const problems = createOpenProblems();
  const pause = (peer: string): EventDetail => ({
    kind: 'loop-failed',
    loop: `sync shop with ${peer}`,
    code: 'USYNC-1002',
    message: 'It is not open.',
    nextStep: '',
    count: 1,
    retryInMs: 500,
  });
  problems.add(at(1, pause('b')));
  problems.add(at(1, pause('c')));
  problems.add(at(2, { kind: 'proof-failed', dataset: 'shop', peer: 'c', tables: ['item'] }));
  // The connection was lost meanwhile: nobody says any more that the pause is over.
  problems.add(at(3, { kind: 'proven', dataset: 'shop', peer: 'b', rows: 1 }));
  assert.deepEqual(
    problems.read().map(({ subject }) => subject),
    ['sync shop with c', 'dataset shop'],
  );
  problems.forgetPeer('c');
  assert.deepEqual(problems.read(), []);
});

test('F3: a problem stays until the opposite is a fact', () => {
  const problems = createOpenProblems();
  problems.add(at(1, failure(1)));
  problems.add(at(9_000_000, failure(2)));
  problems.add(at(9_000_001, { kind: 'proof-failed', dataset: 'shop', peer: 'b', tables: ['item'] }));
  assert.deepEqual(
    problems.read().map((problem) => [problem.code, problem.count, problem.sinceMs]),
    [
      ['USYNC-1201', 2, 1],
      ['USYNC-1302', 1, 9_000_001],
    ],
  );
  problems.add(at(9_000_002, { kind: 'proven', dataset: 'shop', peer: 'c', rows: 1 }));
  assert.equal(problems.read().length, 2);
  problems.add(at(9_000_003, { kind: 'proven', dataset: 'shop', peer: 'b', rows: 1 }));
  problems.add(at(9_000_004, { kind: 'loop-recovered', loop: 'drain shop', afterCount: 2 }));
  assert.deepEqual(problems.read(), []);
});
