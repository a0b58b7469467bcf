import { z } from 'zod';
import { activityEntry, change, rowHistory } from './activity-schemas.js';
import { job } from './job-schemas.js';
import { defineRoutes } from './route.js';
import { age, count, flag, pageQuery, pagination, time } from './shared-schemas.js';
import { status } from './status-schemas.js';

const changesAnswer = z.object({
  changes: z.array(change),
  count,
  timestamp: time,
  server_id: z.string(),
  next: z.string().nullable().describe('Give it as `before` for older ones; null at the end.'),
  is_whole: z.boolean().describe('False: the journal does not go back to `since`.'),
  age_ms: age,
});
export type ChangesAnswer = z.infer<typeof changesAnswer>;

const changesQuery = {
  since: z.string().max(40).optional().describe('ISO 8601; without a zone it is UTC.'),
  dataset: z.string().optional(),
  table: z.string().optional(),
  server_id: z.string().optional().describe('Only what this server wrote: its id or name.'),
  operation: z.enum(['insert', 'update', 'delete', 'merge']).optional(),
  before: z.string().max(4_000).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
};

export const activityRoutes = defineRoutes({
  listLogs: {
    method: 'GET',
    path: '/api/sync/logs',
    access: 'viewer',
    summary: 'Events of this server since its start, newest first.',
    query: z.object({
      ...pageQuery,
      server_id: z.string().optional(),
      dataset: z.string().optional(),
      level: z.enum(['debug', 'info', 'warn', 'error']).optional().describe('The least important to show.'),
      sync_type: z.string().optional(),
    }),
    answer: { kind: 'json', schema: z.object({ logs: z.array(activityEntry), pagination }) },
  },
  listChanges: {
    method: 'GET',
    path: '/api/sync/changes',
    access: 'viewer',
    summary: 'Changes of rows and files with their values before and after, newest first.',
    query: z.object({ ...changesQuery, catchup_mode: flag }),
    answer: { kind: 'json', schema: changesAnswer },
  },
  listDatabaseChanges: {
    method: 'GET',
    path: '/api/sync/database/changes',
    access: 'viewer',
    summary: 'The same for databases alone.',
    query: z.object(changesQuery),
    answer: { kind: 'json', schema: changesAnswer },
  },
  getHistory: {
    method: 'GET',
    path: '/api/sync/history',
    access: 'viewer',
    summary: 'What happened to one row of a database, as far back as the journal goes.',
    query: z.object({
      dataset: z.string().optional(),
      table: z.string(),
      key: z.union([z.string(), z.array(z.string()).max(64)]).describe('Repeat it, one for each column of the key.'),
      limit: z.coerce.number().int().min(1).max(1_000).default(100),
    }),
    answer: { kind: 'json', schema: rowHistory.extend({ age_ms: age }) },
  },
  events: {
    method: 'GET',
    path: '/api/sync/events',
    access: 'viewer',
    summary: 'Live events. `Last-Event-ID` gives what was missed, as far as it is remembered.',
    answer: {
      kind: 'events',
      events: {
        hello: z.object({ server_id: z.string(), server_name: z.string(), version: z.string(), timestamp: time }),
        activity: activityEntry,
        /** When it changed, at most once a second; at least every ten seconds. */
        status,
        job,
      },
    },
  },
});
