/** Long work: it goes on when the caller has gone, can be looked at and cancelled. */
import { z } from 'zod';
import { itemResult, optionalTime, time, workProgress } from './shared-schemas.js';

const jobKind = z.enum(['verify', 'audit', 'sync', 'join', 'undo', 'catchup', 'restore']);
export type JobKind = z.infer<typeof jobKind>;

export const job = z.object({
  id: z.string(),
  kind: jobKind,
  title: z.string(),
  state: z.enum(['running', 'done', 'failed', 'cancelled']),
  started_at: time,
  started_by: z.string(),
  ended_at: optionalTime,
  progress: workProgress,
  /** Per server, dataset or row, as far as the work got. */
  results: z.array(itemResult),
  /** What the work found: of `verify` a VerifyResult, of `join` a JoinResult, of `undo` an UndoResult. Null until then. */
  result: z.unknown(),
  error: z.object({ error: z.string(), code: z.string(), next_step: z.string() }).nullable(),
});
export type Job = z.infer<typeof job>;

/** The answer of every route that starts a job. */
export const startedJob = z.object({ message: z.string(), job });
export type StartedJob = z.infer<typeof startedJob>;
