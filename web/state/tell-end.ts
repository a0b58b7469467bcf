import { effect } from '@preact/signals';
import type { Job } from '../../src/http/contract/job-schemas.js';
import { liveJobs, takeJob } from './live.js';
import { say } from './said.js';

/** Follows work that has no place of its own on the page: its bar goes when it ends, so what became of it is said. */
export function tellEnd(job: Job): void {
  takeJob(job);
  const stop = effect(() => {
    const now = liveJobs.value.get(job.id);
    if (now?.state === 'running') return;
    // After this run: an effect cannot end itself while it is being made.
    queueMicrotask(() => {
      stop();
      if (now !== undefined) sayEnd(now);
    });
  });
}

function sayEnd({ title, state, error, results }: Job): void {
  if (error !== null) return say('bad', `${title}: ${error.error}`, { nextStep: error.next_step, code: error.code });
  if (state === 'cancelled') return say('wait', `${title}: cancelled.`);
  const [failed, ...others] = results.filter(({ ok }) => !ok);
  if (failed === undefined) return say('ok', `${title}: ${results.length === 0 ? 'done.' : 'the same data, proven.'}`);
  const more = others.length === 0 ? '' : ` And ${others.length} more.`;
  say('bad', `${failed.item}: ${failed.message}${more}`, { code: failed.code });
}
