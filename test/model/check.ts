/**
 * Seeded random runs against the model. Usage:
 *   node build/test/model/check.js [seeds] [first seed] [rule=value ...]
 * e.g. `node build/test/model/check.js 2000 1 gapMarkers=false` switches one rule off and shows what breaks.
 */
import { pathToFileURL } from 'node:url';
import { finalRules, type Rules } from './model-rules.js';
import { checkWorld } from './promises.js';
import { stepWorld, untilQuiet } from './run.js';
import { createWorld, type World } from './world.js';

/** One run: random steps, then silence until nothing moves, then every promise is checked. Throws at the first broken one. */
export function runSeed(seed: number, rules: Rules = finalRules, atEnd?: (world: World) => void): World {
  const world = createWorld(seed, rules);
  for (let i = 0, steps = 20 + world.random.below(100); i < steps; i++) stepWorld(world);
  atEnd?.(world);
  untilQuiet(world);
  checkWorld(world);
  atEnd?.(world);
  return world;
}

export interface Failure {
  readonly seeds: number[];
  readonly message: string;
}

export interface CheckReport {
  readonly totals: Record<string, number>;
  readonly failures: ReadonlyMap<string, Failure>;
}

export function runSeeds(count: number, first: number, rules: Rules = finalRules): CheckReport {
  const totals: Record<string, number> = {};
  const failures = new Map<string, Failure>();
  for (let seed = first; seed < first + count; seed++) {
    try {
      const world = runSeed(seed, rules);
      for (const [name, value] of Object.entries(world.totals)) totals[name] = (totals[name] ?? 0) + value;
      totals['roundsMax'] = Math.max(totals['roundsMax'] ?? 0, world.rounds);
    } catch (error) {
      const message = error instanceof Error ? `${error.message.slice(0, 300)} ${placeOf(error)}` : String(error);
      const kind = message.split(/[ :]/)[0] ?? '';
      const failure = failures.get(kind) ?? { seeds: [], message };
      failure.seeds.push(seed);
      failures.set(kind, failure);
    }
  }
  return { totals, failures };
}

const placeOf = (error: Error): string =>
  (error.stack ?? '')
    .split('\n')
    .filter((line) => line.includes(' at ') && !line.includes('check-failure'))
    .slice(0, 2)
    .map((line) => line.trim().replace(/\(.*\//, '('))
    .join(' ');

function main([count = '2000', first = '1', ...broken]: readonly string[]): void {
  const switches = broken.map((text) => text.split('=')).map(([name = '', value = '']) => [name, value === 'true']);
  const rules: Rules = { ...finalRules, ...Object.fromEntries(switches) };
  const { totals, failures } = runSeeds(Number(count), Number(first), rules);
  console.log(JSON.stringify(totals));
  for (const [kind, { seeds, message }] of failures)
    console.log(`FAILED ${kind}: ${seeds.length} seeds (${seeds.slice(0, 5).join()}): ${message}`);
  if (failures.size === 0) console.log(`all ${count} seeds from ${first} hold`);
  process.exitCode = failures.size > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2));
