import { z } from 'zod';
import { job } from './job-schemas.js';
import { defineRoutes } from './route.js';

const jobParams = z.object({ id: z.string() });

export const jobRoutes = defineRoutes({
  listJobs: {
    method: 'GET',
    path: '/api/sync/jobs',
    access: 'viewer',
    summary: 'Jobs that run, and those that ended since the start, newest first.',
    answer: { kind: 'json', schema: z.object({ jobs: z.array(job) }) },
  },
  getJob: {
    method: 'GET',
    path: '/api/sync/jobs/{id}',
    access: 'viewer',
    summary: 'One job.',
    params: jobParams,
    answer: { kind: 'json', schema: job },
  },
  cancelJob: {
    method: 'POST',
    path: '/api/sync/jobs/{id}/cancel',
    access: 'operator',
    summary: 'Cancels a job. What it has done stays done.',
    params: jobParams,
    answer: { kind: 'json', schema: job },
  },
});
