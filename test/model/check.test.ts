/**
 * Goal: the merge rules hold, and the checker bites. Method: seeded random worlds; then one rule after the other is
 * switched off, and the checker must find the damage within a bounded number of seeds.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runSeed, runSeeds } from './check.js';
import { finalRules, type Rules } from './model-rules.js';

it('every promise holds in 300 random worlds, with restores, clones and removed servers that go on among them', () => {
  const { totals, failures } = runSeeds(300, 1);
  assert.deepEqual([...failures.values()], []);
  for (const name of ['writes', 'confirmations', 'snapshots', 'removals', 'restores', 'clones', 'cuts'])
    assert.ok((totals[name] ?? 0) > 50, `${name}: ${totals[name]}`);
});

it('the same in 150 worlds whose tables reference themselves and each other in circles', () => {
  const { failures } = runSeeds(150, 1, { ...finalRules, hasCircles: true });
  assert.deepEqual([...failures.values()], []);
});

it('the same in 150 worlds whose columns and tables have merge rules of their own', () => {
  const { failures } = runSeeds(150, 1, { ...finalRules, hasColumnRules: true });
  assert.deepEqual([...failures.values()], []);
});

it('the same in 150 worlds with tables without a key', () => {
  const { failures } = runSeeds(150, 1, { ...finalRules, hasBags: true });
  assert.deepEqual([...failures.values()], []);
});

it('the same in 150 worlds whose servers lack tables and columns until they migrate, with all of the above', () => {
  const { failures } = runSeeds(150, 1, {
    ...finalRules,
    hasSkew: true,
    hasColumnRules: true,
    hasBags: true,
    hasCircles: true,
  });
  assert.deepEqual([...failures.values()], []);
});

describe('a broken rule is found', () => {
  /** Where to look first, so that the test is quick; any 1,000 seeds would do. */
  const cases: readonly {
    readonly rule: keyof Rules;
    readonly from: number;
    readonly promise: RegExp;
    /** In worlds with this. */
    readonly world?: readonly ('hasColumnRules' | 'hasBags' | 'hasSkew')[];
  }[] = [
    { rule: 'gapMarkers', from: 1, promise: /^(CAUSALITY|STREAM)/ },
    { rule: 'cellsGrow', from: 1, promise: /^(SEEN)/ },
    { rule: 'weakConfirmations', from: 1, promise: /^(WRITE|ENDLESS)/ },
    { rule: 'endsWhatIsBehind', from: 1, promise: /^(GHOST)/ },
    { rule: 'revivalClimbs', from: 10, promise: /^(ENDLESS)/ },
    { rule: 'losersDoNotNeed', from: 60, promise: /^(REVIVED)/ },
    { rule: 'nullIsDerived', from: 360, promise: /^(REFERENCE)/ },
    { rule: 'forksAreSeen', from: 1, promise: /^(STREAM|EQUAL|STATE)/ },
    { rule: 'snapshotsAreCompared', from: 20, promise: /^(DOUBLE)/ },
    { rule: 'cutsSpread', from: 20, promise: /^(DOUBLE)/ },
    { rule: 'stampsStay', from: 10_490, promise: /^(EQUAL|STATE)/ },
    { rule: 'tiesByValue', from: 150, promise: /^(ORDER|STATE|EQUAL)/ },
    { rule: 'doublesMerge', from: 1, promise: /^(DOUBLED)/ },
    { rule: 'circlesAreSettled', from: 160, promise: /^(UNCONFIRMED)/ },
    { rule: 'membersVouch', from: 1, promise: /^(VECTORS|LOST)/ },
    { rule: 'referencesFollow', from: 1, promise: /^(REFERENCE|CASCADE|REVIVED)/ },
    { rule: 'columnRulesHold', from: 1, promise: /^(RULE|LATEST)/, world: ['hasColumnRules'] },
    { rule: 'firstYieldsToDuty', from: 20, promise: /^(ENDLESS)/, world: ['hasColumnRules'] },
    { rule: 'ruledAreHeld', from: 1, promise: /^(ENDLESS)/, world: ['hasColumnRules'] },
    { rule: 'additionsAreApart', from: 1, promise: /^(COUNTER)/, world: ['hasColumnRules'] },
    { rule: 'additionsAreByRun', from: 1, promise: /^(COUNTER)/, world: ['hasColumnRules'] },
    { rule: 'rowsAreWhole', from: 1, promise: /^(MIXED)/, world: ['hasColumnRules'] },
    { rule: 'bagsCount', from: 1, promise: /^(BAG)/, world: ['hasBags'] },
    { rule: 'unknownWaits', from: 1, promise: /^(EQUAL|STATE)/, world: ['hasSkew'] },
    { rule: 'relativesDecide', from: 2080, promise: /^(DIGEST)/, world: ['hasSkew'] },
    { rule: 'rulesHoldForWaiting', from: 30, promise: /^(EQUAL|STATE)/, world: ['hasSkew', 'hasColumnRules'] },
  ];
  for (const { rule, from, promise, world } of cases)
    it(rule, () => {
      const worlds = Object.fromEntries((world ?? []).map((name) => [name, true]));
      const broken: Rules = { ...finalRules, ...worlds, [rule]: false };
      assert.match(firstFailure(broken, from, 40), promise);
    });
});

function firstFailure(rules: Rules, from: number, seeds: number): string {
  for (let seed = from; seed < from + seeds; seed++) {
    try {
      runSeed(seed, rules);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
  return 'nothing was found';
}
