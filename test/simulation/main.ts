/**
 * `npm run sim -- --seeds N --from S`: runs seeds and says what broke. Options: `--twice` runs each seed twice and compares
 * the traces; `--verbose` prints every step; `--minimise` makes failing plans smaller and writes them; `--plan FILE` runs
 * a kept plan; `--bug NAME` plants a bug; `--exchange direct|session`; `--jobs N`; `--without FEATURES`; `--with FEATURES` (joins, extras or some of them); `--stop` ends at
 * the first failure, `--short` makes short runs, `--seconds N` begins no seed after that time; `--within N` fails when not all seeds were run by then; `--except 1,2` leaves seeds out; `--twice-of N` runs only every N-th seed twice.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { minimise } from './minimise.js';
import type { Plan } from './plan.js';
import { plantedBugs } from './planted-bugs.js';
import { limitsWith, limitsWithout, randomPlan, shortLimits } from './random-plan.js';
import { runPlan, type RunExtras } from './run-plan.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    twice: { type: 'boolean', default: false },
    'twice-of': { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
    minimise: { type: 'boolean', default: false },
    plan: { type: 'string' },
    bug: { type: 'string' },
    exchange: { type: 'string' },
    without: { type: 'string', default: '' },
    with: { type: 'string', default: '' },
    jobs: { type: 'string', default: '1' },
    stop: { type: 'boolean', default: false },
    seconds: { type: 'string', default: 'Infinity' },
    within: { type: 'string', default: 'Infinity' },
    except: { type: 'string', default: '' },
    short: { type: 'boolean', default: false },
  },
});

const seeds = Number(values.seeds);
const from = Number(values.from);
const jobs = Number(values.jobs);
process.exitCode = jobs > 1 ? await runInParallel() : await runAlone();

async function runAlone(): Promise<number> {
  const bug = plantedBugs.find(({ name }) => name === values.bug);
  if (values.bug !== undefined && !bug)
    throw new Error(
      `no planted bug is called ${values.bug}; there are: ${plantedBugs.map(({ name }) => name).join(', ')}`,
    );
  const extras: RunExtras = {
    ...(bug ? { bug } : {}),
    ...(values.verbose ? { print: (text) => console.log(text) } : {}),
  };
  const plans = values.plan === undefined ? plansOfSeeds() : [JSON.parse(readFileSync(values.plan, 'utf8')) as Plan];
  const startMs = performance.now();
  const groups = new Map<string, number[]>();
  let count = 0;
  let transactions = 0;
  for (const plan of plans) {
    const passed = (performance.now() - startMs) / 1000;
    if (passed > Number(values.seconds)) break;
    if (passed > Number(values.within)) {
      groups.set('TIME', [plan.seed]);
      console.log(`only ${count} of ${plans.length} seeds were run in ${values.within} s`);
      break;
    }
    count++;
    if (values.verbose) console.log(JSON.stringify({ options: plan.options, tables: plan.tables }, null, 1));
    const failed = await runOnce(plan, extras);
    transactions += failed.transactions;
    if (failed.promise === null) continue;
    groups.set(failed.promise, [...(groups.get(failed.promise) ?? []), plan.seed]);
    if (values.stop) break;
  }
  for (const [promise, failing] of groups)
    console.log(`FAILED ${promise}: ${failing.length} seeds: ${failing.slice(0, 20).join(' ')}`);
  const seconds = (performance.now() - startMs) / 1000;
  console.log(
    `${count} seeds from ${plans[0] && values.plan === undefined ? from : (plans[0]?.seed ?? from)}, ${transactions} transactions, ${groups.size === 0 ? 'all hold' : `${[...groups.values()].flat().length} failed`}, ${seconds.toFixed(1)} s (${((1000 * seconds) / Math.max(count, 1)).toFixed(0)} ms each)`,
  );
  return groups.size === 0 ? 0 : 1;
}

function plansOfSeeds(): Plan[] {
  const names = (text: string): string[] => text.split(',').filter((name) => name !== '');
  const all = limitsWith(names(values.with), limitsWithout(names(values.without), values.exchange));
  const limits = values.short ? shortLimits(all) : all;
  const left = new Set(names(values.except).map(Number));
  return Array.from({ length: seeds }, (_, at) => from + at)
    .filter((seed) => !left.has(seed))
    .map((seed) => randomPlan(seed, limits));
}

async function runOnce(plan: Plan, extras: RunExtras): Promise<{ promise: string | null; transactions: number }> {
  const outcome = await runPlan(plan, extras);
  if (values.verbose)
    console.log(`seed ${plan.seed} trace ${outcome.hash} events ${outcome.events} virtual ${outcome.virtualMs} ms`);
  const { failure, transactions } = outcome;
  if (!failure && values.twice && plan.seed % Number(values['twice-of']) === 0) {
    const again = await runPlan(plan, extras);
    if (again.hash === outcome.hash) return { promise: null, transactions };
    console.log(`seed ${plan.seed}: NOT REPEATABLE: ${outcome.hash} then ${again.hash}`);
    return { promise: 'NOT REPEATABLE', transactions };
  }
  if (!failure) return { promise: null, transactions };
  console.log(`seed ${plan.seed}: ${failure.promise}: ${failure.text.slice(0, 2_000)}`);
  if (values.minimise) {
    const { plan: small, runs } = await minimise(plan, failure.promise, { runsMax: 300, extras });
    const file = `sim-${failure.promise.toLowerCase().replaceAll(' ', '-')}-${plan.seed}.json`;
    writeFileSync(file, `${JSON.stringify(small, null, 1)}\n`);
    console.log(
      `  made smaller in ${runs} runs: ${plan.steps.length} -> ${small.steps.length} steps, written to ${file}`,
    );
  }
  return { promise: failure.promise, transactions };
}

/** Each process takes a share of the seeds. */
async function runInParallel(): Promise<number> {
  const share = Math.ceil(seeds / jobs);
  const rest = process.argv
    .slice(2)
    .filter((_, at, all) => !['--seeds', '--from', '--jobs'].some((name) => all[at] === name || all[at - 1] === name));
  const codes = await Promise.all(
    Array.from({ length: jobs }, (_, job) => {
      const child = spawn(
        process.execPath,
        [
          fileURLToPath(import.meta.url),
          ...rest,
          '--seeds',
          String(Math.min(share, seeds - job * share)),
          '--from',
          String(from + job * share),
        ],
        { stdio: 'inherit' },
      );
      return new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
    }),
  );
  return Math.max(...codes);
}
