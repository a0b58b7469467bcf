/** Goal: two servers find the same parting, whoever looks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { branchOrigin, isYounger, partingOf, type History } from './branch.js';
import { originOf } from './codec.arbitrary.js';
import type { Stamp } from './stamp.js';
import type { ChainHash } from './version-vector.js';

/** Stamps with a letter for the branch that they are of. */
function historyOf(...points: readonly string[]): History {
  return points.map((text, i) => {
    const stamp = Number.parseInt(text, 10) as Stamp;
    const prev = Number.parseInt(points[i - 1] ?? '0', 10) as Stamp;
    return { stamp, prev, chain: text.padStart(16, '0') as ChainHash };
  });
}
const stampsOf = (mine: History, theirs: History): readonly number[] | null => {
  const parting = partingOf(mine, theirs);
  return parting && [parting.mine.stamp, parting.theirs.stamp];
};

test('histories part after their last common changeset, from either side', () => {
  const [a, b] = [historyOf('1', '2', '5a', '9a'), historyOf('1', '2', '3b', '9b')];
  assert.deepEqual(stampsOf(a, b), [5, 3]);
  assert.deepEqual(stampsOf(b, a), [3, 5]);
});

test('histories that differ from their first changeset on part there', () => {
  assert.deepEqual(stampsOf(historyOf('4a', '6a'), historyOf('5b')), [4, 5]);
});

test('a history that is the beginning of the other does not part from it', () => {
  assert.equal(stampsOf(historyOf('1', '2'), historyOf('1', '2', '3')), null);
  assert.equal(stampsOf([], historyOf('1')), null);
});

test('where the common part is forgotten, the oldest that both reach back to counts', () => {
  const [a, b] = [historyOf('1', '2', '5a', '9a').slice(2), historyOf('1', '2', '3b', '7b', '9b').slice(3)];
  assert.deepEqual(stampsOf(a, b), [9, 7]);
  assert.equal(stampsOf(historyOf('1', '2a').slice(1), historyOf('1', '2', '3b').slice(2)), null);
});

test('the younger branch is the one with the higher first stamp; a tie goes by chain', () => {
  const [a, b] = [historyOf('5a'), historyOf('5b')];
  assert.ok(a[0] && b[0] && isYounger(b[0], a[0]) && !isYounger(a[0], b[0]));
});

test('a branch keeps its server in its name', () => {
  const name = branchOrigin(originOf(1), 'deadbeef00112233' as ChainHash);
  assert.equal(name, `${originOf(1).slice(0, 16)}-deadbeef`);
});
