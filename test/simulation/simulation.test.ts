// The simulation as CI runs it: a thousand seeds, and a thousand with constraints, a share of them twice with equal traces,
// and the plans that once failed. `npm run sim -- --seeds N --from S` runs more; docs/reliability.md says how to
// replay one, and what the left-out classes are for.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Plan } from './plan.js';
import { runPlan } from './run-plan.js';

/** How many times as many seeds as usual. */
const scale = Number(process.env['USYNC_SIM_SCALE'] ?? '1');
/** Generous: a run that takes longer has failed, and says so. */
const secondsMax = 900 * scale;

interface SeedClass {
  readonly what: string;
  readonly seeds: number;
  readonly from: number;
  readonly options: readonly string[];
}

/** Each class in short runs, which are many, and in whole ones. A count, not a time: what holds is known. */
const classes: readonly SeedClass[] = [
  {
    what: 'whatever happens to them, in short runs,',
    seeds: 500,
    from: 5_000_000,
    options: ['--without', 'restores,clocks', '--short'],
  },
  { what: 'whatever happens to them,', seeds: 60, from: 1, options: ['--without', 'restores,clocks'] },
  {
    what: 'that go back in time, are cloned, or have wrong clocks, in short runs,',
    seeds: 400,
    from: 6_000_000,
    options: ['--without', 'references,uniques', '--short'],
  },
  {
    what: 'that go back in time, are cloned, or have wrong clocks,',
    seeds: 40,
    from: 6_000,
    options: ['--without', 'references,uniques'],
  },
  {
    what: 'with constraints, rules, migrations and removed servers',
    seeds: 1_000,
    from: 11_000_000,
    options: ['--with', 'extras', '--without', 'restores,clocks,clones', '--short'],
  },
  {
    what: 'that join late',
    seeds: 36,
    from: 1,
    options: ['--with', 'joins', '--without', 'restores,clones,clocks,references,uniques,kills'],
  },
];

let seedsRun = 0;
for (const { what, seeds, from, options } of classes)
  void test(`servers ${what} agree and lose nothing, and a seed gives the same trace each time`, async () => {
    const count = Math.ceil(seeds * scale);
    const range = ['--seeds', String(count), '--from', String(from), '--within', String(secondsMax)];
    const { code, output } = await simulate([...range, ...options, '--jobs', '2', '--twice', '--twice-of', '20']);
    console.log(output);
    assert.equal(
      code,
      0,
      `replay with: npm run sim -- --seeds 1 --from SEED ${options.join(' ')} --verbose\n${output}`,
    );
    const ran = [...output.matchAll(/^(\d+) seeds from/gm)].reduce((sum, [, part]) => sum + Number(part), 0);
    assert.equal(ran, count, 'every seed was run');
    seedsRun += ran;
    console.log(`${ran} seeds here, ${seedsRun} so far`);
  });

function simulate(options: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.js', import.meta.url)), ...options]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? 1, output })));
}

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
