import { z } from 'zod';
import { startedJob } from './job-schemas.js';
import { defineRoutes } from './route.js';
import { age, count, optionalTime, time } from './shared-schemas.js';
import { dataset } from './status-schemas.js';

const datasetParams = z.object({ dataset: z.string().min(1).max(200) });

const table = z.object({
  name: z.string(),
  is_synced: z.boolean(),
  remark: z.string().describe('Why it is not synced, or what is special about it.'),
  key_kind: z.string(),
  rows: count,
  held: count,
  digest: z.string().nullable().describe('The hash over all rows; equal on two servers means equal rows.'),
  rule: z.string().describe('What happens to two rows with one unique value: merge, hold or rename.'),
});
export type Table = z.infer<typeof table>;

const verifyResult = z.object({
  is_equal: z.boolean(),
  at: time,
  took_ms: z.number(),
  comparisons: z.array(
    z.object({
      dataset: z.string(),
      server: z.string(),
      result: z.enum(['equal', 'differs', 'behind', 'unreachable']),
      rows: count,
      tables: z.array(
        z.object({
          table: z.string(),
          rows_here: count,
          rows_there: count,
          rows: z.array(z.object({ key: z.string(), where: z.enum(['here', 'there', 'both']) })),
          is_complete: z.boolean(),
        }),
      ),
      reason: z.string().nullable(),
      next_step: z.string().nullable(),
    }),
  ),
  audits: z
    .array(
      z.object({
        dataset: z.string(),
        at: time,
        rows: count,
        differing: count,
        tables: z.array(z.object({ table: z.string(), rows: count, differing: count })),
      }),
    )
    .describe('Only when asked for: every row read again and compared with what is kept of it.'),
});
/** The result of a job of kind `verify`. */
export type VerifyResult = z.infer<typeof verifyResult>;

export const dataRoutes = defineRoutes({
  listDatasets: {
    method: 'GET',
    path: '/api/sync/datasets',
    access: 'viewer',
    summary: 'The databases and folders that are kept identical.',
    answer: { kind: 'json', schema: z.object({ datasets: z.array(dataset), count }) },
  },
  listTables: {
    method: 'GET',
    path: '/api/sync/datasets/{dataset}/tables',
    access: 'viewer',
    summary: 'The tables of one database and the proof of each server.',
    params: datasetParams,
    answer: {
      kind: 'json',
      schema: z.object({
        dataset,
        tables: z.array(table),
        proofs: z.array(
          z.object({ server: z.string(), state: z.string(), proven_at: optionalTime, reason: z.string().nullable() }),
        ),
        age_ms: age,
      }),
    },
  },
  verify: {
    method: 'POST',
    path: '/api/sync/verify',
    access: 'operator',
    summary:
      'Compares the content with every connected server; names rows that differ. A job; its result is a VerifyResult.',
    body: z.object({
      dataset: z.string().optional(),
      audit: z.boolean().optional().describe('Also reads every own row again.'),
    }),
    answer: { kind: 'json', status: 202, schema: startedJob },
  },
});
