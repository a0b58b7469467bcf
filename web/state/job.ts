import { useSignal } from '@preact/signals';
import type { Job, StartedJob } from '../../src/http/contract/job-schemas.js';
import { liveJobs, takeJob } from './live.js';

export interface FollowedJob {
  /** Null before it was started. */
  readonly job: Job | null;
  readonly isRunning: boolean;
  readonly start: (begin: () => Promise<StartedJob>) => Promise<void>;
  readonly forget: () => void;
}

/** Starts long work and follows it by the live connection. */
export function useJob(): FollowedJob {
  const id = useSignal<string | null>(null);
  const job = id.value === null ? null : (liveJobs.value.get(id.value) ?? null);
  return {
    job,
    isRunning: job?.state === 'running',
    async start(begin) {
      const started = await begin();
      takeJob(started.job);
      id.value = started.job.id;
    },
    forget() {
      id.value = null;
    },
  };
}
