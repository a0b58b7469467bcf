// Clocks that are wrong: a stamp from far ahead is merged, and drags no other clock beyond the drift bound.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareCellStamps, stampAbove } from './cell-stamp.js';
import type { OriginId } from './origin.js';
import {
  clockAfterSeeing,
  clockDriftMaxMs,
  isStamp,
  msOfStamp,
  nextStamp,
  stampMax,
  stampOfMs,
  zeroStamp,
  type Stamp,
} from './stamp.js';

const nowMs = Date.UTC(2026, 5, 1);
const tenYearsMs = 3652 * 86_400_000;
const origin = 'bbbbbbbbbbbbbbbb-00000001' as OriginId;

test('a clock ten years ahead drags others by five minutes at most, however often it is seen', () => {
  let clock: Stamp = zeroStamp;
  for (let seen = 0; seen < 1000; seen++) {
    clock = clockAfterSeeing(clock, stampOfMs(nowMs + tenYearsMs + seen), nowMs);
    clock = nextStamp(clock, nowMs);
  }
  assert.ok(msOfStamp(clock) <= nowMs + clockDriftMaxMs + 1, 'a thousand stamps fit into one millisecond');
});

test('a clock a little ahead is followed, one behind changes nothing', () => {
  const ahead = stampOfMs(nowMs + 2_000);
  assert.equal(clockAfterSeeing(stampOfMs(nowMs), ahead, nowMs), ahead);
  assert.equal(clockAfterSeeing(stampOfMs(nowMs), stampOfMs(nowMs - tenYearsMs), nowMs), stampOfMs(nowMs));
});

test('an edit made after seeing a value from far ahead wins over it without a clock that is ahead', () => {
  const far = { stamp: stampOfMs(nowMs + tenYearsMs), origin };
  const edit = stampAbove(stampOfMs(nowMs), origin, far);
  assert.equal(edit.stamp, far.stamp + 1);
});

test('an edit made after seeing a value at the end of time wins over it, with a stamp that can be sent', () => {
  const last = { stamp: stampMax, origin };
  const edit = stampAbove(stampOfMs(nowMs), origin, last);
  const next = stampAbove(stampOfMs(nowMs), origin, edit);
  assert.ok(compareCellStamps(edit, last) > 0 && compareCellStamps(next, edit) > 0);
  assert.ok(isStamp(edit.stamp) && isStamp(next.stamp));
});

test('stamps of a clock beyond the end of time still grow, then and when it is set right', () => {
  const wrongMs = Date.UTC(9999, 0, 1);
  let last = stampOfMs(nowMs);
  for (const clockMs of [wrongMs, wrongMs, nowMs, nowMs]) {
    const next = nextStamp(last, clockMs);
    assert.ok(next > last && next < stampMax);
    last = next;
  }
});
