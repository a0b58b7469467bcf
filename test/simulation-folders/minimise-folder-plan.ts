/** Makes a failing plan smaller: fewer steps, as long as the same promise is broken. */
import type { FolderPlan } from './folder-plan.js';
import type { FolderBug } from './planted-folder-bugs.js';
import { runFolderPlan } from './run-folder-plan.js';

const runsMax = 300;

export async function minimiseFolderPlan(
  plan: FolderPlan,
  promise: string,
  bug: FolderBug | undefined,
): Promise<{ readonly plan: FolderPlan; readonly runs: number }> {
  let best = plan;
  let runs = 0;
  const fails = async (candidate: FolderPlan): Promise<boolean> => {
    if (runs++ >= runsMax) return false;
    const { failure } = await runFolderPlan(candidate, bug ? { bug } : {});
    return failure?.promise === promise;
  };
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = 0; at < best.steps.length;) {
      const candidate: FolderPlan = {
        ...best,
        steps: best.steps.filter((_, index) => index < at || index >= at + size),
      };
      if (await fails(candidate)) best = candidate;
      else at += size;
    }
  return { plan: best, runs };
}
