/** Writing by clients of the older API: an ordinary write of an application, captured like any other. */
import { z } from 'zod';
import { defineRoutes } from './route.js';
import { count, time } from './shared-schemas.js';

const sourceServer = z.union([z.string(), z.number()]).optional();

/** One change as the older clients send it. `id` of the sender makes a repetition harmless. */
const givenChange = z.looseObject({
  id: z.union([z.string(), z.number()]).optional(),
  table: z.string().max(200),
  record_id: z.union([z.string(), z.number()]).optional(),
  operation: z.string().max(40),
  data: z.record(z.string(), z.unknown()).nullish(),
});

const given = {
  changes: z.array(givenChange).max(10_000),
  server_id: sourceServer,
  timestamp: z.string().max(60).optional(),
  dataset: z.string().optional().describe('The database; without it, the one that has the table.'),
};

/** What became of one change. */
export const receivedItem = z.object({
  index: count,
  table: z.string(),
  record_id: z.string().nullable(),
  status: z.enum(['applied', 'unchanged', 'repeated', 'rejected']),
  reason: z.string().nullable(),
});
export type ReceivedItem = z.infer<typeof receivedItem>;

const results = z.array(receivedItem);

export const receiveRoutes = defineRoutes({
  receiveChanges: {
    method: 'POST',
    path: '/api/sync/receive-changes',
    access: 'operator',
    summary: "Writes rows into this server's database, in one transaction, with one result a change.",
    body: z.object({ ...given, catchup_mode: z.boolean().optional() }),
    answer: {
      kind: 'json',
      schema: z.object({
        success: z.boolean().describe('No change was rejected.'),
        applied_count: count,
        timestamp: time,
        catchup_mode: z.boolean(),
        warnings: z.array(z.string()),
        results,
      }),
    },
  },
  receiveDatabase: {
    method: 'POST',
    path: '/api/sync/database',
    access: 'operator',
    summary: 'The same under its other name.',
    body: z.object(given),
    answer: { kind: 'json', schema: z.object({ message: z.string(), changes_applied: count, results }) },
  },
  receiveUniversal: {
    method: 'POST',
    path: '/api/sync/universal_receive',
    access: 'operator',
    summary: 'A batch of rows (database_batch) or of files (file_batch).',
    body: z.object({
      type: z.string().max(40),
      changes: z.array(z.looseObject({})).max(10_000),
      count: count.optional(),
      timestamp: z.union([z.string(), z.number()]).optional(),
    }),
    answer: {
      kind: 'json',
      schema: z.object({
        status: z.enum(['success', 'partial', 'failed']),
        sync_type: z.string(),
        total_changes: count,
        successful: count,
        errors: z.array(z.string()),
        timestamp: time,
        results,
      }),
    },
  },
});
