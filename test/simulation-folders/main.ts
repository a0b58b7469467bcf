/**
 * `npm run sim:folders -- --seeds N --from S`: runs seeds and says what broke. `--twice` runs each seed twice and compares
 * the traces; `--verbose` prints every step; `--minimise` makes failing plans smaller and writes them; `--plan FILE` runs a
 * kept plan; `--bug NAME` plants a bug; `--without KINDS` leaves kinds of steps out; `--crashes KIND`, `--interleaving N`,
 * `--mischief N`, `--pauseMsMax N`, `--busy N` and `--restores N` make other plans of the seeds; `--jobs N`; `--seconds N` begins no seed after that
 * time.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { randomFolderPlan, type FolderLimits, type FolderPlan } from './folder-plan.js';
import { minimiseFolderPlan } from './minimise-folder-plan.js';
import { plantedFolderBugs } from './planted-folder-bugs.js';
import { runFolderPlan, type FolderExtras } from './run-folder-plan.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    twice: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    minimise: { type: 'boolean', default: false },
    plan: { type: 'string' },
    bug: { type: 'string' },
    without: { type: 'string', default: '' },
    crashes: { type: 'string' },
    interleaving: { type: 'string' },
    mischief: { type: 'string' },
    pauseMsMax: { type: 'string' },
    busy: { type: 'string' },
    restores: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    seconds: { type: 'string', default: 'Infinity' },
  },
});

process.exitCode = Number(values.jobs) > 1 ? await runInParallel(Number(values.jobs)) : await runAlone();

async function runAlone(): Promise<number> {
  const bug = plantedFolderBugs.find(({ name }) => name === values.bug);
  if (values.bug !== undefined && !bug)
    throw new Error(`no such planted bug; there are: ${plantedFolderBugs.map(({ name }) => name).join('; ')}`);
  const extras: FolderExtras = {
    ...(bug ? { bug } : {}),
    ...(values.verbose ? { print: (text) => console.log(text) } : {}),
  };
  const startMs = performance.now();
  const failed: number[] = [];
  let count = 0;
  let edits = 0;
  for (const plan of plans()) {
    if (performance.now() - startMs > Number(values.seconds) * 1000) break;
    count++;
    const outcome = await runOnce(plan, extras);
    edits += outcome.edits;
    if (!outcome.holds) failed.push(plan.seed);
  }
  const seconds = (performance.now() - startMs) / 1000;
  const result = failed.length === 0 ? 'all hold' : `${failed.length} failed: ${failed.slice(0, 30).join(' ')}`;
  console.log(
    `${count} seeds from ${values.from}, ${edits} edits, ${result}, ${seconds.toFixed(1)} s (${((1000 * seconds) / Math.max(count, 1)).toFixed(0)} ms each)`,
  );
  return failed.length === 0 ? 0 : 1;
}

function plans(): FolderPlan[] {
  if (values.plan !== undefined) return [JSON.parse(readFileSync(values.plan, 'utf8')) as FolderPlan];
  const limits = limitsAsked();
  return Array.from({ length: Number(values.seeds) }, (_, at) => randomFolderPlan(Number(values.from) + at, limits));
}

function limitsAsked(): FolderLimits {
  const { crashes } = values;
  if (crashes !== undefined && crashes !== 'kill' && crashes !== 'power-loss')
    throw new Error('--crashes takes kill or power-loss');
  const numbers = (['interleaving', 'mischief', 'pauseMsMax', 'busy', 'restores'] as const).flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [[name, Number(value)] as const];
  });
  return {
    without: new Set(values.without.split(',').filter((name) => name !== '')),
    ...(crashes === undefined ? {} : { crashes }),
    ...Object.fromEntries(numbers),
  };
}

async function runOnce(plan: FolderPlan, extras: FolderExtras): Promise<{ holds: boolean; edits: number }> {
  if (values.verbose) console.log(JSON.stringify(plan.options));
  const { failure, hash, edits } = await runFolderPlan(plan, extras);
  if (failure === null && values.twice) {
    const again = await runFolderPlan(plan, extras);
    if (again.hash !== hash) console.log(`seed ${plan.seed}: NOT REPEATABLE: ${hash} then ${again.hash}`);
    return { holds: again.hash === hash, edits };
  }
  if (failure === null) return { holds: true, edits };
  console.log(`seed ${plan.seed}: ${failure.promise}: ${failure.text.slice(0, 2_000)}`);
  if (values.minimise) {
    const { plan: small, runs } = await minimiseFolderPlan(plan, failure.promise, extras.bug);
    const file = `folders-${failure.promise.toLowerCase()}-${plan.seed}.json`;
    writeFileSync(file, `${JSON.stringify(small, null, 1)}\n`);
    console.log(`  ${plan.steps.length} -> ${small.steps.length} steps in ${runs} runs, written to ${file}`);
  }
  return { holds: false, edits };
}

/** Each process takes a share of the seeds. */
async function runInParallel(jobs: number): Promise<number> {
  const share = Math.ceil(Number(values.seeds) / jobs);
  const own = new Set(['--seeds', '--from', '--jobs']);
  const rest = process.argv.slice(2).filter((text, at, all) => !own.has(text) && !own.has(all[at - 1] ?? ''));
  const codes = Array.from({ length: jobs }, (_, job) => {
    const count = String(Math.min(share, Number(values.seeds) - job * share));
    const from = String(Number(values.from) + job * share);
    const args = [fileURLToPath(import.meta.url), ...rest, '--seeds', count, '--from', from];
    const child = spawn(process.execPath, args, { stdio: 'inherit' });
    return new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
  });
  return Math.max(...(await Promise.all(codes)));
}
