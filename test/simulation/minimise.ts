/** Makes a failing plan smaller: fewer steps, fewer features, as long as the same promise is broken. */
import type { Plan, Step } from './plan.js';
import type { RunExtras } from './run-plan.js';
import { runPlan } from './run-plan.js';

export interface Minimised {
  readonly plan: Plan;
  readonly runs: number;
}

/** Delta debugging over the steps: drops ever smaller pieces until no single step can go. At most `runsMax` runs. */
export async function minimise(
  plan: Plan,
  promise: string,
  given: { readonly runsMax: number; readonly extras?: RunExtras },
): Promise<Minimised> {
  let best = plan;
  let runs = 0;
  const fails = async (candidate: Plan): Promise<boolean> => {
    if (runs >= given.runsMax) return false;
    runs++;
    const { failure } = await runPlan(candidate, given.extras?.bug ? { bug: given.extras.bug } : {});
    return failure?.promise === promise;
  };
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.steps.length;) {
      const steps: Step[] = best.steps.filter((_, index) => index < at || index >= at + size);
      const candidate: Plan = { ...best, steps };
      if (await fails(candidate)) best = candidate;
      else at += size;
    }
  }
  for (const simpler of simplerOptions(best)) {
    const candidate: Plan = { ...best, options: { ...best.options, ...simpler } };
    if (await fails(candidate)) best = candidate;
  }
  return { plan: best, runs };
}

function simplerOptions(plan: Plan): Partial<Plan['options']>[] {
  const { options } = plan;
  return [
    { skewMs: options.skewMs.map(() => 0) },
    { clockRate: options.clockRate.map(() => 1) },
    { latencyMsMax: 1 },
    { drainDelayMsMax: 1 },
    { bytesMax: 1_000_000 },
    { journalMode: 'wal' },
    { exchange: 'direct' },
  ];
}
