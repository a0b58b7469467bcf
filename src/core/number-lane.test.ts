// Goal: servers that keep to their lanes take different numbers, and numbers only ever grow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneBlockSize, laneOf, lastBeforeLane } from './number-lane.js';

test('the next number is in the own lane and above the last one', () => {
  for (const lanes of [1, 2, 4, 8]) {
    for (let lane = 0; lane < lanes; lane++) {
      for (let last = 0n; last < 1200n; last++) {
        const set = lastBeforeLane(last, { lane, lanes });
        const block = set / BigInt(laneBlockSize);
        assert.equal(Number(block % BigInt(lanes)), lane, `after ${last} in lane ${lane} of ${lanes}`);
        assert.ok(set >= last && set - last <= BigInt(laneBlockSize * lanes));
        assert.equal(lastBeforeLane(set, { lane, lanes }), set, 'a lane is kept once it is reached');
      }
    }
  }
});

test('members share out the lanes; who is no member has none', () => {
  assert.deepEqual(laneOf(['a'], 'a'), { lane: 0, lanes: 1 });
  assert.deepEqual(laneOf(['a', 'b', 'c'], 'c'), { lane: 2, lanes: 4 });
  assert.equal(laneOf(['a', 'b'], 'x'), null);
});
