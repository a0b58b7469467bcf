import type { Problem } from '../../observe/problem.js';
import type { System } from '../../system/system.js';

/** A problem that is there, and whether people were told of it. */
export interface Watched {
  readonly problem: Problem;
  readonly sinceMs: number;
  /** Monotonic: a clock that is set makes no problem last. */
  readonly firstMs: number;
  readonly isTold: boolean;
}

export interface ProblemChange {
  readonly kind: 'begun' | 'ended';
  readonly problem: Problem;
}

/** Notes in `watched` what is there now. A problem that comes and goes within the time is never told, nor is its end. */
export function problemChanges(
  watched: Map<string, Watched>,
  problems: readonly Problem[],
  { system, afterMs }: { readonly system: System; readonly afterMs: number },
): ProblemChange[] {
  const nowMs = system.monotonicMs();
  const changes: ProblemChange[] = [];
  const present = new Set<string>();
  for (const problem of problems) {
    const name = `${problem.code} ${problem.subject}`;
    present.add(name);
    const known = watched.get(name) ?? { problem, sinceMs: system.nowMs(), firstMs: nowMs, isTold: false };
    const isDue = !known.isTold && nowMs - known.firstMs >= afterMs;
    watched.set(name, { ...known, problem, isTold: known.isTold || isDue });
    if (isDue) changes.push({ kind: 'begun', problem });
  }
  for (const [name, { problem, isTold }] of watched) {
    if (present.has(name)) continue;
    watched.delete(name);
    if (isTold) changes.push({ kind: 'ended', problem });
  }
  return changes;
}
