// Each planted bug must be seen by the oracle within a few seeds that hold without it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan, Step } from './plan.js';
import type { PlantedBug } from './planted-bug.js';
import { plantedBugs } from './planted-bugs.js';
import { limitsWithout, randomPlan } from './random-plan.js';
import { runPlan } from './run-plan.js';

const seedsMax = 40;
const firstSeed = 1;
/** Small runs: the point is the bug, not the mixture. */
const limits = {
  ...limitsWithout(['references', 'uniques', 'collations', 'kills', 'schemaChanges', 'restores'], 'direct'),
  serversMax: 3,
  stepsMax: 25,
};

/** The plan of a seed, with what the bug needs: a partition in which all write, or after which journals are cut, or an older image put back. */
function planFor(bug: PlantedBug, seed: number): Plan {
  const plan = randomPlan(seed, { ...limits, extras: bug.with ? [bug.with] : [] });
  const { writingMs, links } = plan.options;
  const at = (part: number): number => Math.floor(part * writingMs);
  const write = (atMs: number, server: number): Step => ({
    atMs,
    kind: 'write',
    server,
    seed: atMs,
    statements: 3,
    rollsBack: false,
  });
  const steps: Record<NonNullable<PlantedBug['needs']>, () => Step[]> = {
    pruning: () => [
      ...links.map(([from, to]): Step => ({ atMs: at(0.2), kind: 'cut', from, to })),
      ...plan.options.skewMs.flatMap((_, server): Step[] => [
        write(at(0.5), server),
        { atMs: at(0.99), kind: 'prune', server },
      ]),
    ],
    conflicts: () => [
      ...links.map(([from, to]): Step => ({ atMs: at(0.5), kind: 'cut', from, to })),
      ...plan.options.skewMs.flatMap((_, server): Step[] => [
        { ...write(at(0.7), server), seed: seed * 10 + server, statements: 12 } as Step,
      ]),
    ],
    restore: () => [
      { atMs: at(0.2), kind: 'backup', server: 1 },
      write(at(0.3), 1),
      { atMs: at(0.7), kind: 'restore', server: 1, isNoticed: false, downMs: 10 },
      write(at(0.8), 1),
      write(at(0.9), 0),
    ],
  };
  const added = bug.needs ? steps[bug.needs]() : [];
  const all = [...plan.steps, ...added].toSorted((a, b) => a.atMs - b.atMs);
  if (bug.needs !== 'conflicts') return { ...plan, steps: all };
  const weights = { ...plan.options.statementWeights, insert: 3, update: 12 };
  return { ...plan, steps: all, options: { ...plan.options, statementWeights: weights } };
}

for (const bug of plantedBugs) {
  void test(`the oracle sees the planted bug "${bug.name}": ${bug.what}`, async () => {
    for (let seed = firstSeed; seed < firstSeed + seedsMax; seed++) {
      const plan = planFor(bug, seed);
      const { failure } = await runPlan(plan, { bug });
      // A seed that fails by itself proves nothing.
      if (!failure || (await runPlan(plan)).failure) continue;
      assert.ok(bug.caughtAs.includes(failure.promise), `seed ${seed} broke ${failure.promise}: ${failure.text}`);
      return;
    }
    assert.fail(`not seen in seeds ${firstSeed} to ${firstSeed + seedsMax - 1}`);
  });
}
