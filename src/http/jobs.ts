import { errorCatalogue } from '../core/error-catalogue.js';
import { errorCodeOf, errorMessageOf, SyncError } from '../core/sync-error.js';
import { createPhaseClock, workRate, type WorkProgress } from '../engine/work-progress.js';
import { randomHex } from '../system/random.js';
import type { System } from '../system/system.js';
import type { Job, JobKind } from './contract/job-schemas.js';
import type { ItemResult } from './contract/shared-schemas.js';
import { jobsKeptMax, jobsRunningMax } from './http-limits.js';
import { isoTime } from './iso-time.js';

/** Long work that goes on when the caller has gone. Lives as long as the process: what was done stays in the audit log. */
export interface Jobs {
  /** Throws USYNC-1911 when too many run. */
  start(plan: JobPlan): Job;
  list(): readonly Job[];
  /** Throws USYNC-1908. */
  get(id: string): Job;
  cancel(id: string): Job;
  onChange(listener: (job: Job) => void): () => void;
  /** Cancels all and waits for their ends. */
  close(): Promise<void>;
}

export interface JobPlan {
  readonly kind: JobKind;
  readonly title: string;
  readonly startedBy: string;
  readonly unit: string;
  /** Resolves with what was found. */
  readonly work: (tools: JobTools) => Promise<unknown>;
}

export interface JobTools {
  readonly signal: AbortSignal;
  progress(change: Partial<WorkProgress>): void;
  result(item: ItemResult): void;
}

interface RunningJob {
  job: Job;
  readonly controller: AbortController;
  readonly phaseMs: ReturnType<typeof createPhaseClock>;
  ended: Promise<void>;
}

export function createJobs(system: System): Jobs {
  const byId = new Map<string, RunningJob>();
  const listeners = new Set<(job: Job) => void>();
  const put = (running: RunningJob, changes: Partial<Job>): void => {
    running.job = { ...running.job, ...changes };
    for (const listener of listeners) listener(running.job);
  };
  const find = (id: string): RunningJob => {
    const found = byId.get(id);
    if (found) return found;
    throw new SyncError('USYNC-1908', `There is no job ${id}.`, { nextStep: 'Jobs are forgotten at a restart.' });
  };
  return {
    start(plan) {
      if ([...byId.values()].filter(({ job }) => job.state === 'running').length >= jobsRunningMax)
        throw new SyncError('USYNC-1911', `${jobsRunningMax} jobs run already.`, {
          nextStep: 'Wait for one of them, or cancel one.',
        });
      const running = newJob(system, plan);
      byId.set(running.job.id, running);
      forgetOld(byId);
      running.ended = run(running, plan, { system, put });
      return running.job;
    },
    list: () => [...byId.values()].map(({ job }) => job).toReversed(),
    get: (id) => find(id).job,
    cancel(id) {
      const running = find(id);
      running.controller.abort();
      return running.job;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      for (const { controller } of byId.values()) controller.abort();
      await Promise.all([...byId.values()].map(({ ended }) => ended));
    },
  };
}

function newJob(system: System, { kind, title, startedBy, unit }: JobPlan): RunningJob {
  const job: Job = {
    id: randomHex(system, 8),
    kind,
    title,
    state: 'running',
    started_at: isoTime(system.nowMs()),
    started_by: startedBy,
    ended_at: null,
    progress: { done: 0, total: null, unit, text: 'Starting.', rate_per_second: null, seconds_left: null },
    results: [],
    result: null,
    error: null,
  };
  return {
    job,
    controller: new AbortController(),
    phaseMs: createPhaseClock(() => system.monotonicMs()),
    ended: Promise.resolve(),
  };
}

interface Runtime {
  readonly system: System;
  readonly put: (running: RunningJob, changes: Partial<Job>) => void;
}

async function run(running: RunningJob, plan: JobPlan, { system, put }: Runtime): Promise<void> {
  const { signal } = running.controller;
  const ended_at = (): string => isoTime(system.nowMs());
  try {
    // The answer that names the job goes out first.
    await Promise.resolve();
    const result = await plan.work({
      signal,
      progress: (change) => put(running, { progress: progressOf(running, change) }),
      result: (item) => put(running, { results: [...running.job.results, item] }),
    });
    const isCancelled = signal.aborted;
    const { progress } = running.job;
    put(running, {
      state: isCancelled ? 'cancelled' : 'done',
      ended_at: ended_at(),
      result,
      progress: {
        ...progress,
        text: isCancelled ? 'Cancelled.' : 'Done.',
        done: isCancelled ? progress.done : (progress.total ?? progress.done),
        seconds_left: null,
      },
    });
  } catch (error) {
    const code = errorCodeOf(error);
    put(running, {
      state: signal.aborted ? 'cancelled' : 'failed',
      ended_at: ended_at(),
      error: {
        error: errorMessageOf(error),
        code,
        next_step: error instanceof SyncError ? error.nextStep : errorCatalogue[code].nextStep,
      },
    });
  }
}

function progressOf(
  { job, phaseMs }: RunningJob,
  { done = job.progress.done, total, text = job.progress.text, unit }: Parameters<JobTools['progress']>[0],
): Job['progress'] {
  const all = total === undefined ? job.progress.total : total;
  const counted = unit ?? job.progress.unit;
  const { perSecond, secondsLeft } = workRate({ done, total: all }, phaseMs({ done, unit: counted }));
  return {
    ...{ done, total: all, text, unit: counted, seconds_left: secondsLeft },
    rate_per_second: perSecond === null ? null : Math.round(perSecond * 100) / 100,
  };
}

function forgetOld(byId: Map<string, RunningJob>): void {
  for (const [id, { job }] of byId) {
    if (byId.size <= jobsKeptMax) return;
    if (job.state !== 'running') byId.delete(id);
  }
}
