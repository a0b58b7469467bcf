// The simulation as CI runs it: as many seeds as fit into some minutes on two cores, a share of them twice with equal
// traces, and the plans that once failed. `npm run sim -- --seeds N --from S` runs more; docs/reliability.md says how to
// replay one, and what the left-out classes are for.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Plan } from './plan.js';
import { runPlan } from './run-plan.js';

const seedCount = process.env['USYNC_SIM_SEEDS'] ?? '400';
const firstSeed = Number(process.env['USYNC_SIM_FROM'] ?? '1');
const seconds = Number(process.env['USYNC_SIM_SECONDS'] ?? '120');
/** The classes are run apart, each with short runs, which are many, and with whole ones. */
const classes = [
  { what: 'whatever happens to them', leftOut: 'restores,clocks', short: 5_000_000, whole: 0 },
  {
    what: 'that go back in time, are cloned, or have wrong clocks',
    leftOut: 'references,uniques',
    short: 6_000_000,
    whole: 5_999,
  },
];
const runs = classes.flatMap(({ what, leftOut, short, whole }) => [
  { what: `${what}, in short runs,`, leftOut, before: short - 1, size: ['--short'], seconds: (seconds * 7) / 12 },
  { what, leftOut, before: whole, size: [], seconds: (seconds * 5) / 12 },
]);

for (const { what, leftOut, before, size, seconds: limit } of runs)
  void test(`servers ${what} agree and lose nothing, and a seed gives the same trace each time`, async () => {
    const count = ['--seeds', seedCount, '--from', String(before + firstSeed), '--seconds', String(limit)];
    const options = [...count, '--without', leftOut, ...size];
    const { code, output } = await simulate([...options, '--jobs', '2', '--twice', '--twice-of', '20']);
    console.log(output);
    assert.equal(
      code,
      0,
      `replay with: npm run sim -- --seeds 1 --from SEED --without ${leftOut} ${size.join(' ')} --verbose\n${output}`,
    );
    assert.match(output, /^[1-9]\d* seeds from/m, 'seeds were run');
  });

void test('servers that join late agree with the rest and lose nothing', async () => {
  const options = ['--seeds', '36', '--from', String(firstSeed), '--seconds', String(seconds / 4)];
  const without = 'restores,clones,clocks,references,uniques,kills';
  const { code, output } = await simulate([...options, '--with', 'joins', '--without', without, '--jobs', '2']);
  console.log(output);
  assert.equal(code, 0, `replay with: --seeds 1 --from SEED --with joins --without ${without}\n${output}`);
  assert.match(output, /^[1-9]\d* seeds from/m, 'seeds were run');
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
