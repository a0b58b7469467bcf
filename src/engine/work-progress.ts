/** How far long work is. Counts are what was counted: where the whole is not known, `total` is null. */
export interface WorkProgress {
  /** What is done at the moment, for people. */
  readonly text: string;
  readonly done: number;
  readonly total: number | null;
  /** What is counted: "rows", "bytes". */
  readonly unit: string;
}

export interface WorkRate {
  readonly perSecond: number | null;
  readonly secondsLeft: number | null;
}

/** The rate is that of the whole work so far: it does not jump about. */
export function workRate({ done, total }: Pick<WorkProgress, 'done' | 'total'>, elapsedMs: number): WorkRate {
  if (done <= 0 || elapsedMs <= 0) return { perSecond: null, secondsLeft: null };
  const perSecond = done / (elapsedMs / 1_000);
  return { perSecond, secondsLeft: total === null ? null : Math.max(0, Math.round((total - done) / perSecond)) };
}

/** How long the present phase of long work runs: where another thing is counted, or the count begins anew, so does the rate. */
export function createPhaseClock(nowMs: () => number): (progress: Pick<WorkProgress, 'done' | 'unit'>) => number {
  let startMs = nowMs();
  let last: Pick<WorkProgress, 'done' | 'unit'> = { done: 0, unit: '' };
  return ({ done, unit }) => {
    if (done < last.done || (unit !== last.unit && last.done > 0)) startMs = nowMs();
    last = { done, unit };
    return nowMs() - startMs;
  };
}
