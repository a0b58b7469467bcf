// The simulation as CI runs it: a few hundred seeds, each twice with equal traces, and the plans that once failed.
// `npm run sim -- --seeds N --from S` runs more; docs/reliability.md says how to replay one.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Plan } from './plan.js';
import { randomPlan } from './random-plan.js';
import { runPlan } from './run-plan.js';

const seedCount = Number(process.env['USYNC_SIM_SEEDS'] ?? 200);
const firstSeed = Number(process.env['USYNC_SIM_FROM'] ?? 1);
const blocks = 10;

for (let block = 0; block < blocks; block++) {
  const from = firstSeed + Math.floor((block * seedCount) / blocks);
  const to = firstSeed + Math.floor(((block + 1) * seedCount) / blocks);
  void test(`servers of seeds ${from} to ${to - 1} agree and lose nothing, whatever happens to them`, async () => {
    for (let seed = from; seed < to; seed++) {
      const { failure } = await runPlan(randomPlan(seed));
      assert.equal(
        failure && `${failure.promise}: ${failure.text}`,
        null,
        `replay with: npm run sim -- --seeds 1 --from ${seed} --verbose`,
      );
    }
  });
}

void test('a seed gives the same trace each time', async () => {
  for (let seed = firstSeed; seed < firstSeed + 10; seed++) {
    const first = await runPlan(randomPlan(seed));
    const second = await runPlan(randomPlan(seed));
    assert.equal(second.hash, first.hash, `seed ${seed}`);
    assert.ok(first.events > 0 && first.transactions > 0, `seed ${seed} did something`);
  }
});

const regressions = new URL('../../../test/simulation/regressions/', import.meta.url);
for (const name of readdirSync(regressions).filter((each) => each.endsWith('.json'))) {
  void test(`the plan ${name} that once failed holds`, async () => {
    const plan = JSON.parse(readFileSync(new URL(name, regressions), 'utf8')) as Plan;
    const { failure } = await runPlan(plan);
    assert.equal(
      failure && `${failure.promise}: ${failure.text}`,
      null,
      `replay with: npm run sim -- --plan test/simulation/regressions/${name} --verbose`,
    );
  });
}
