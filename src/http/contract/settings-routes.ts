import { z } from 'zod';
import { defineRoutes } from './route.js';
import { count, optionalTime } from './shared-schemas.js';

const setting = z.object({
  path: z.string().describe('As in the file: `listen.port`.'),
  value: z.unknown(),
  origin: z.enum(['default', 'file', 'environment', 'flag']),
  where: z.string(),
  kind: z.enum(['text', 'number', 'boolean', 'list']),
  choices: z.array(z.string()),
  help: z.string(),
  is_editable: z.boolean().describe('False where the environment or a flag sets it, or no file is used.'),
});
export type Setting = z.infer<typeof setting>;

const tableRules = z.object({
  dataset: z.string(),
  table: z.string(),
  exclude: z.boolean(),
  unique: z.string().nullable(),
  columns: z.record(z.string(), z.string()),
});

const oldConfig = z.object({
  sync_enabled: z.boolean(),
  sync_interval: z.number().describe('Seconds after which a database is looked at without any hint.'),
  file_watch_interval: z.number().describe('Seconds after which a folder is scanned without any hint.'),
  max_retry_attempts: z.number().nullable().describe('Null: a server is tried again for ever.'),
  connection_timeout: z.number(),
  catchup_enabled: z.boolean(),
  max_catchup_days: z.number(),
  catchup_batch_size: z.number().nullable(),
  catchup_check_interval: z.number(),
  server_id: z.string(),
});

const alertRule = z.object({
  name: z.string(),
  text: z.string(),
  state: z.enum(['quiet', 'firing']),
  since: optionalTime,
});

const alertTarget = z.object({
  kind: z.enum(['webhook', 'email']),
  /** Without user, password and query. */
  to: z.string(),
  sent: count,
  waiting: count.describe('What could not be delivered yet; it is tried again.'),
  last_sent: optionalTime,
  last_error: z.string().nullable(),
});

const alerts = z.object({ rules: z.array(alertRule), targets: z.array(alertTarget) });
export type Alerts = z.infer<typeof alerts>;

export const settingsRoutes = defineRoutes({
  getConfig: {
    method: 'GET',
    path: '/api/sync/config',
    access: 'viewer',
    summary: 'Settings under the names that older clients know, with the values that hold.',
    answer: { kind: 'json', schema: oldConfig },
  },
  setConfig: {
    method: 'POST',
    path: '/api/sync/config',
    access: 'admin',
    summary: 'Pauses or resumes syncing (sync_enabled). Says of every other key why it stays as it is.',
    body: z.looseObject({ sync_enabled: z.union([z.boolean(), z.stringbool()]).optional() }),
    answer: {
      kind: 'json',
      schema: z.object({
        message: z.string(),
        results: z.array(z.object({ key: z.string(), changed: z.boolean(), reason: z.string() })),
      }),
    },
  },
  getSettings: {
    method: 'GET',
    path: '/api/sync/settings',
    access: 'viewer',
    summary: 'Every setting, where it comes from, and whether it can be changed here.',
    answer: {
      kind: 'json',
      schema: z.object({
        file: z.string().nullable(),
        settings: z.array(setting),
        rules: z.array(tableRules),
        restart_needed: z.boolean().describe('The file was changed here since the start.'),
      }),
    },
  },
  changeSettings: {
    method: 'PATCH',
    path: '/api/sync/settings',
    access: 'admin',
    summary: 'Writes settings into the file; comments stay. They hold from the next start on.',
    body: z.object({ changes: z.record(z.string().max(100), z.unknown()) }),
    answer: {
      kind: 'json',
      schema: z.object({ message: z.string(), changed: z.array(z.string()), restart_needed: z.boolean() }),
    },
  },
  getAlerts: {
    method: 'GET',
    path: '/api/sync/alerts',
    access: 'viewer',
    summary: 'What is watched, what fires, and where it is told.',
    answer: { kind: 'json', schema: alerts },
  },
  testAlerts: {
    method: 'POST',
    path: '/api/sync/alerts/test',
    access: 'admin',
    summary: 'Sends a test to every target and says what became of it.',
    answer: {
      kind: 'json',
      schema: z.object({
        message: z.string(),
        results: z.array(z.object({ kind: z.string(), to: z.string(), ok: z.boolean(), error: z.string().nullable() })),
      }),
    },
  },
});
