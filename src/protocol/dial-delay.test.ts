import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dialDelayMs } from './dial-delay.js';

test('F44: the first dial is at once; then the wait doubles up to the maximum', () => {
  assert.equal(dialDelayMs({ failures: 0, random: 0.9 }), 0);
  const waits = Array.from({ length: 12 }, (_, at) => dialDelayMs({ failures: at + 1, random: 1 }));
  assert.deepEqual(waits.slice(0, 4), [250, 500, 1000, 2000]);
  assert.equal(waits.at(-1), 30_000);
  assert.equal(dialDelayMs({ failures: 1e9, random: 1 }), 30_000);
});

test('half of the wait is random, so that servers do not come back together', () => {
  assert.equal(dialDelayMs({ failures: 3, random: 0 }), 500);
  assert.equal(dialDelayMs({ failures: 3, random: 0.5 }), 750);
});
