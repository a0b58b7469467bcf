// Goal: the oracle of the simulation of folders bites. Method: a plan that is known to find a planted defect finds it, and
// holds without the defect.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomFolderPlan } from './folder-plan.js';
import { plantedFolderBugs } from './planted-folder-bugs.js';
import { runFolderPlan } from './run-folder-plan.js';

for (const bug of plantedFolderBugs) {
  const { name, seed, limits } = bug;
  if (seed === null) continue;
  void test(`it is found when ${name}`, async () => {
    const plan = randomFolderPlan(seed, limits);
    assert.notEqual((await runFolderPlan(plan, { bug })).failure, null);
    assert.equal((await runFolderPlan(plan)).failure, null, 'the plan holds without the defect');
  });
}
