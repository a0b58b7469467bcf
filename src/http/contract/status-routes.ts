import { z } from 'zod';
import { defineRoutes } from './route.js';
import { age, count, optionalTime, time } from './shared-schemas.js';
import { status } from './status-schemas.js';

const bare = z.object({ status: z.enum(['ok', 'unavailable']) });

/** What `usync doctor` finds. */
const finding = z.object({
  level: z.enum(['ok', 'warn', 'fail']),
  subject: z.string(),
  text: z.string(),
  next_step: z.string(),
});
export type Finding = z.infer<typeof finding>;

const process = z.object({
  uptime_seconds: z.number(),
  memory_bytes: count,
  event_loop_lag_ms: z.number(),
  live_clients: count,
});

const disk = z.object({ path: z.string(), free_bytes: count, total_bytes: count });

const health = z.object({
  findings: z.array(finding),
  process,
  disks: z.array(disk),
  journal: z.array(z.object({ dataset: z.string(), bytes: count, bytes_max: count })),
  errors: z.array(z.object({ code: z.string(), count, last_at: time, text: z.string() })),
  checked_at: time,
});
export type Health = z.infer<typeof health>;

const recovery = z.object({
  datasets: z.array(
    z.object({
      dataset: z.string(),
      kind: z.enum(['database', 'folder']),
      history_since: optionalTime.describe('How far back rows can be looked at and taken back; null: nothing yet.'),
      history_days: z.number(),
      journal_bytes: count,
      conflicts_open: count,
      conflicts_forgotten: count,
      kept_files: count.nullable(),
      kept_file_bytes: count.nullable(),
      last_audit: z.object({ at: time, rows: count, differing: count }).nullable(),
      went_back: z
        .object({ at: time, reason: z.string() })
        .nullable()
        .describe('When this server last found itself restored.'),
    }),
  ),
  age_ms: age,
});
export type Recovery = z.infer<typeof recovery>;

export const statusRoutes = defineRoutes({
  livez: {
    method: 'GET',
    path: '/livez',
    access: 'public',
    summary: 'The process answers.',
    answer: { kind: 'json', schema: bare },
  },
  readyz: {
    method: 'GET',
    path: '/readyz',
    access: 'public',
    summary: 'Every dataset is open. 503 otherwise. Says nothing of other servers.',
    answer: { kind: 'json', schema: bare },
  },
  metrics: {
    method: 'GET',
    path: '/metrics',
    access: 'metrics',
    summary: 'Figures in the text format of Prometheus.',
    answer: { kind: 'text' },
  },
  ping: {
    method: 'GET',
    path: '/api/sync/ping',
    access: 'viewer',
    summary: 'This server answers.',
    answer: {
      kind: 'json',
      schema: z.object({
        status: z.string(),
        timestamp: time,
        version: z.string().describe('Of this API: 1.0.0.'),
        server_id: z.string(),
        software_version: z.string(),
      }),
    },
  },
  status: {
    method: 'GET',
    path: '/api/sync/status',
    access: 'viewer',
    summary: 'Is everything in sync: the headline, the proof, what is not and why.',
    answer: { kind: 'json', schema: status },
  },
  syncStatus: {
    method: 'GET',
    path: '/api/sync/sync/status',
    access: 'viewer',
    summary: 'Whether something is on its way now.',
    answer: {
      kind: 'json',
      schema: z.object({
        active: z.boolean(),
        message: z.string(),
        type: z.enum(['success', 'info', 'warning', 'danger']),
      }),
    },
  },
  health: {
    method: 'GET',
    path: '/api/sync/health',
    access: 'viewer',
    summary: 'What the doctor finds, disk, journal, errors by code.',
    answer: { kind: 'json', schema: health },
  },
  recovery: {
    method: 'GET',
    path: '/api/sync/recovery',
    access: 'viewer',
    summary: 'How far back this server can look and take back.',
    answer: { kind: 'json', schema: recovery },
  },
  openapi: {
    method: 'GET',
    path: '/api/openapi.json',
    access: 'viewer',
    summary: 'The description of this API, OpenAPI 3.1.',
    answer: { kind: 'json', schema: z.looseObject({ openapi: z.string() }) },
  },
});
