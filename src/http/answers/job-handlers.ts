import type { jobRoutes } from '../contract/job-routes.js';
import type { Handlers } from './handler.js';

export const jobHandlers: Handlers<keyof typeof jobRoutes> = {
  listJobs: (_, { jobs }) => ({ jobs: [...jobs.list()] }),
  getJob: ({ params }, { jobs }) => jobs.get(params.id),
  cancelJob: ({ params }, { jobs }) => jobs.cancel(params.id),
};
