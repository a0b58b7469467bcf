import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProgressView, progressLine } from './progress-view.js';

const rows = (done: number, total: number | null) => ({ text: 'shop: item was read.', done, total, unit: 'rows' });

test('a bar shows the share, the rate and the time that is left', () => {
  assert.equal(
    progressLine(rows(40_000, 100_000), { elapsedMs: 5_000, hasBar: true }),
    '[########            ] 40 %  shop: item was read. 40,000 of 100,000 rows; 8,000 a second; about 8.0 s left',
  );
});

test('where the whole is not known there is no bar and no time left, only what was counted', () => {
  const receiving = { text: 'shop: receiving', done: 3_000_000, total: null, unit: 'bytes' };
  assert.equal(
    progressLine(receiving, { elapsedMs: 2_000, hasBar: true }),
    'shop: receiving 3.0 MB so far; 1.5 MB a second',
  );
  assert.equal(
    progressLine({ ...receiving, done: 0, text: 'Connecting.' }, { elapsedMs: 1, hasBar: true }),
    'Connecting.',
  );
});

test('names of tables cannot steer the terminal', () => {
  const line = progressLine({ ...rows(1, 2), text: '\u001b[2J\u202eevil' }, { elapsedMs: 1_000, hasBar: true });
  assert.doesNotMatch(line, /[\p{Cc}\u202e]/u);
});

function place(isTerminal: boolean) {
  const lines: string[] = [];
  const clock = { ms: 0 };
  const write = (line: string): void => void lines.push(line);
  const view = createProgressView({
    terminal: { say: write, sayOver: isTerminal ? write : null },
    nowMs: () => clock.ms,
  });
  return { lines, clock, view };
}

test('on a terminal the line is drawn at most ten times a second, at the end in any case, and taken away', () => {
  const { lines, clock, view } = place(true);
  for (let done = 1; done <= 1_000; done++) {
    clock.ms += 1;
    view.show(rows(done, 1_000));
  }
  view.end();
  assert.ok(lines.length <= 13, String(lines.length));
  assert.match(lines.at(-2) ?? '', /^\[#{20}\] 100 %/);
  assert.equal(lines.at(-1), '');
});

test('elsewhere plain lines come now and then, and new words at once', () => {
  const { lines, clock, view } = place(false);
  view.show({ ...rows(0, null), text: 'Connecting.' });
  view.show({ ...rows(0, null), text: 'Let in.' });
  for (let done = 1; done <= 30; done++) {
    clock.ms += 1_000;
    view.show(rows(done, 1_000));
  }
  view.end();
  assert.deepEqual(lines.slice(0, 2), ['Connecting.', 'Let in.']);
  assert.ok(lines.length >= 4 && lines.length <= 6, lines.join('\n'));
  for (const line of lines) assert.doesNotMatch(line, /^\[|\r/);
});

test('where another thing is counted, the rate and the time that is left begin anew', () => {
  const { lines, clock, view } = place(true);
  clock.ms = 10_000;
  view.show({ text: 'shop: receiving.', done: 100_000, total: 100_000, unit: 'rows' });
  view.show({ text: 'shop: writing.', done: 0, total: 100_000, unit: 'rows' });
  clock.ms = 12_000;
  view.show({ text: 'shop: writing.', done: 50_000, total: 100_000, unit: 'rows' });
  assert.match(lines[0] ?? '', /10,000 a second/);
  assert.match(lines.at(-1) ?? '', /25,000 a second; about 2.0 s left/);
});

test('what is over before the patience ends leaves no line', () => {
  const lines: string[] = [];
  const clock = { ms: 0 };
  const terminal = { say: (line: string) => void lines.push(line), sayOver: null };
  const view = createProgressView({ terminal, nowMs: () => clock.ms, patienceMs: 1_000 });
  view.show(rows(0, 10));
  view.show(rows(10, 10));
  assert.deepEqual(lines, []);
  clock.ms = 1_000;
  view.show(rows(3, 10));
  assert.equal(lines.length, 1);
});
