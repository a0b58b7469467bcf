// Goal: long work is a job: the request that starts it is answered at once, its progress is told, and it can be cancelled.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRealSystem } from '../system/real-system.js';
import type { Job } from './contract/job-schemas.js';
import { createJobs } from './jobs.js';

test('F40: work that waits for a peer holds up no request, tells its progress, and ends when it is cancelled', async () => {
  const jobs = createJobs(createRealSystem());
  const told: Job[] = [];
  jobs.onChange((job) => told.push(job));
  const started = jobs.start({
    ...{ kind: 'sync', title: 'Sync with a peer that hangs', startedBy: 'ann', unit: 'servers' },
    async work(tools) {
      tools.progress({ done: 1, total: 2, text: 'b answered' });
      tools.result({ item: 'b', ok: true, message: 'equal', code: null });
      await new Promise<void>((resolve) => tools.signal.addEventListener('abort', () => resolve(), { once: true }));
    },
  });
  assert.deepEqual([started.state, started.progress.done], ['running', 0], 'answered before any work is done');
  while (told.length < 2) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([jobs.get(started.id).progress.done, jobs.get(started.id).results.length], [1, 1]);
  jobs.cancel(started.id);
  await jobs.close();
  const { state, ended_at } = jobs.get(started.id);
  assert.equal(state, 'cancelled');
  assert.notEqual(ended_at, null);
});

test('F40: a job that fails says why, and is never a success', async () => {
  const jobs = createJobs(createRealSystem());
  const { id } = jobs.start({
    ...{ kind: 'sync', title: 'Sync', startedBy: 'ann', unit: 'servers' },
    work: () => Promise.reject(new Error('the peer went away')),
  });
  while (jobs.get(id).state === 'running') await new Promise((resolve) => setImmediate(resolve));
  assert.equal(jobs.get(id).state, 'failed');
  assert.match(JSON.stringify(jobs.get(id).error), /the peer went away/);
});
