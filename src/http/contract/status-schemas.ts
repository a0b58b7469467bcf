import { z } from 'zod';
import { server } from './server-schemas.js';
import { count, optionalTime, problem, time, workProgress } from './shared-schemas.js';

const syncState = z.enum(['starting', 'alone', 'in-sync', 'catching-up', 'waiting', 'degraded', 'stopping']);
export type SyncState = z.infer<typeof syncState>;

export const dataset = z.object({
  name: z.string(),
  kind: z.enum(['database', 'folder']),
  /** Where it is on this server. */
  place: z.string(),
  state: syncState,
  is_open: z.boolean(),
  origin: z.string().nullable(),
  journal_mode: z.string().nullable(),
  tables: count,
  rows: count.describe('Of a folder: its entries.'),
  held: count.describe('Rows kept back here with a reason; else the data is the same.'),
  quarantined: count,
  conflicts: count.describe('Those that nobody has decided about.'),
  left_out: z.array(z.string()).describe('Tables and columns of which the proof does not speak.'),
  not_compared: z.array(z.string()),
  journal_bytes: count,
  is_landing: z.boolean(),
  work: workProgress.nullable().describe('Long work of the database that runs now.'),
  is_fresh: z.boolean().describe('Not yet part of the dataset of the group.'),
  captured_changesets: count.describe('Since the start.'),
  merged_changesets: count.describe('Since the start.'),
  last_capture: optionalTime,
  last_merge: optionalTime,
  self_test: z.object({
    kind: z.enum(['not-run', 'passed', 'failed']),
    at: optionalTime,
    reason: z.string().nullable(),
  }),
  last_audit: z.object({ at: time, rows: count, differing: count }).nullable(),
  proven_at: optionalTime.describe('The oldest of the newest proofs with each member that carries it.'),
  folder: z
    .object({
      entries: count,
      bytes: count,
      pending: count.describe('Not yet on disk as the table says.'),
      waiting: count,
      left_out: count,
      problem: z.object({ code: z.string(), text: z.string() }).nullable(),
    })
    .nullable(),
});
export type Dataset = z.infer<typeof dataset>;

/** The fields up to `reliability_features` have the names that older clients know. */
export const status = z.object({
  overall_health: z.enum(['healthy', 'warning', 'critical']),
  timestamp: time,
  active_servers: count.describe('Members that are connected now, this one included.'),
  database_sync: z.object({
    active: z.boolean().describe('Every database is open and its self-test has passed.'),
    is_in_sync: z.boolean(),
    databases: count,
    rows: count,
    last_change: optionalTime,
  }),
  file_sync: z.object({
    active: z.boolean(),
    statistics: z.object({ folders: count, files: count, bytes: count, pending: count, waiting: count }),
  }),
  reliability_features: z
    .record(z.string(), z.boolean())
    .describe('Facts of now: each is true when it was just seen to work.'),
  state: syncState,
  is_in_sync: z.boolean().describe('Only with the proof of every dataset with every member that carries it.'),
  headline: z.string(),
  next_step: z.string().nullable(),
  proven_at: optionalTime,
  server: z.object({
    id: z.string(),
    name: z.string(),
    version: z.string(),
    fingerprint: z.string(),
    listen: z.string().nullable(),
    started_at: time,
    membership: z.enum(['alone', 'member', 'pending', 'removed']),
  }),
  datasets: z.array(dataset),
  servers: z.array(server),
  problems: z.array(problem).describe('Worst first.'),
  open_conflicts: count,
  quarantined: count,
});
export type Status = z.infer<typeof status>;
