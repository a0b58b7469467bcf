// Each planted bug must be seen by the oracle within a few seeds that hold without it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plantedBugs } from './planted-bugs.js';
import { randomPlan } from './random-plan.js';
import { runPlan } from './run-plan.js';

const seedsMax = 60;
const firstSeed = 1;

for (const bug of plantedBugs) {
  void test(`the oracle sees the planted bug "${bug.name}": ${bug.what}`, async () => {
    for (let seed = firstSeed; seed < firstSeed + seedsMax; seed++) {
      const plan = randomPlan(seed);
      const { failure } = await runPlan(plan, { bug });
      if (!failure) continue;
      assert.ok(bug.caughtAs.includes(failure.promise), `seed ${seed} broke ${failure.promise}: ${failure.text}`);
      const clean = await runPlan(plan);
      assert.equal(clean.failure, null, `seed ${seed} holds without the bug`);
      return;
    }
    assert.fail(`not seen in seeds ${firstSeed} to ${firstSeed + seedsMax - 1}`);
  });
}
