// Folders as CI runs them: the seeds that once failed, a range of others, and some seeds twice with equal traces. With
// USYNC_SIM_FOLDER_COUNT and USYNC_SIM_FOLDER_FROM another range. `npm run sim:folders -- --seeds N --from S` runs more;
// docs/reliability.md says what is simulated.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { randomFolderPlan, type FolderLimits } from './folder-plan.js';
import { runFolderPlan } from './run-folder-plan.js';

const count = Number(process.env['USYNC_SIM_FOLDER_COUNT'] ?? '60');
const firstSeed = Number(process.env['USYNC_SIM_FOLDER_FROM'] ?? '50000');

/** Each found a fault of the folder replica that is mended; docs/reliability.md names the faults. */
const seedsThatFailed = [103, 111, 124, 133, 137, 143, 20073, 20115, 30185, 40293, 60058, 70173];

const mischief: FolderLimits = { interleaving: 0.02, mischief: 0.5 };
const restores: FolderLimits = { restores: 6 };
const slowKills: FolderLimits = { crashes: 'kill', interleaving: 0.02, pauseMsMax: 150 };
/** The same with other plans than seeds have by themselves. */
const limitedSeedsThatFailed: readonly (readonly [number, FolderLimits])[] = [
  [5022, mischief],
  [5111, mischief],
  [5123, slowKills],
  [5153, slowKills],
  [5184, mischief],
  [891021, mischief],
  [1010036, mischief],
  [2000004, restores],
  [2001185, restores],
  [4010511, { ...mischief, restores: 2 }],
  [5000068, { crashes: 'power-loss', interleaving: 0.02, mischief: 0.3, restores: 3 }],
];

for (const seed of seedsThatFailed) void test(`the seed ${seed} that once failed holds`, () => holds(seed));

for (const [seed, limits] of limitedSeedsThatFailed)
  void test(`the seed ${seed} that once failed with ${Object.keys(limits).join(', ')} holds`, () =>
    holds(seed, limits));

void test(`${count} seeds from ${firstSeed}: servers whose applications edit while engines and power fail end equal and lose nothing`, async () => {
  for (let seed = firstSeed; seed < firstSeed + count; seed++) await holds(seed);
});

void test('a seed gives the same trace each time', async () => {
  for (const seed of [1, 2, 3]) {
    const [first, second] = [await runFolderPlan(randomFolderPlan(seed)), await runFolderPlan(randomFolderPlan(seed))];
    assert.equal(second.hash, first.hash, `seed ${seed}`);
  }
});

test('a run closes what its killed processes had open', { skip: !existsSync('/proc/self/fd') }, async () => {
  const plan = randomFolderPlan(1, { crashes: 'kill' });
  const edits = { ...plan, steps: plan.steps.filter(({ kind }) => kind === 'edit' || kind === 'kill') };
  await runFolderPlan(edits);
  const open = readdirSync('/proc/self/fd').map((name) => linkAt(`/proc/self/fd/${name}`));
  // The lock of an engine goes with the engine, when its memory is collected.
  const isLeft = (target: string): boolean => target.includes('usync-folder-sim-') && !target.includes('-usync-lock');
  assert.deepEqual(open.filter(isLeft), []);
});

/** Empty for what was closed since it was listed. */
function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

async function holds(seed: number, limits: FolderLimits = {}): Promise<void> {
  const { failure } = await runFolderPlan(randomFolderPlan(seed, limits));
  const text = failure && `${failure.promise}: ${failure.text}`;
  const options = Object.entries(limits).map(([name, value]) => ` --${name} ${value}`);
  assert.equal(text, null, `replay with: npm run sim:folders -- --seeds 1 --from ${seed}${options.join('')} --verbose`);
}
