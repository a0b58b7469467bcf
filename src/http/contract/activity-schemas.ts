import { z } from 'zod';
import { columnValue, count, optionalTime, time } from './shared-schemas.js';

/** One event. The fields up to `sync_details` have the names that older clients know. */
export const activityEntry = z.object({
  id: z.string(),
  server_id: z.string().nullable().describe('The server that it is about, if one.'),
  sync_type: z.string().describe('The kind of the event.'),
  direction: z.enum(['in', 'out', 'none']),
  status: z.enum(['pending', 'in_progress', 'completed', 'failed']),
  started_at: time,
  completed_at: optionalTime,
  error_message: z.string().nullable(),
  items_synced: count,
  total_items: count,
  bytes_transferred: count.nullable(),
  sync_details: z.string().describe('One sentence.'),
  level: z.enum(['debug', 'info', 'warn', 'error']),
  server_name: z.string().nullable(),
  dataset: z.string().nullable(),
  code: z.string().nullable(),
});
export type ActivityEntry = z.infer<typeof activityEntry>;

/** What happened to one row or file. The fields up to `created_by_server` have the names that older clients know. */
export const change = z.object({
  id: z.string(),
  table: z.string(),
  record_id: z.string().describe('The key; several columns are separated by commas.'),
  operation: z.enum(['insert', 'update', 'delete', 'merge']),
  data: z.record(z.string(), z.unknown()).nullable().describe('The written columns; null for a delete.'),
  old_data: z.record(z.string(), z.unknown()).nullable().describe('Their values before, where they are known.'),
  timestamp: time,
  created_by_server: z.string(),
  dataset: z.string(),
  changeset: z.string().describe('Changes of one transaction share it.'),
  key: z.array(z.string()).describe('As the route of history takes it; empty where it is not known.'),
  server_name: z.string(),
  merged_at: time.describe('When it landed here.'),
  cells: z
    .array(z.object({ column: z.string(), from: z.string().nullable(), to: z.string() }))
    .describe('SQL literals.'),
});
export type Change = z.infer<typeof change>;

const rowVersion = z.object({
  kind: z.enum(['insert', 'update', 'end', 'merge']),
  by: z.string(),
  at: time,
  merged_at: time,
  cells: z.array(columnValue),
});

export const rowHistory = z.object({
  dataset: z.string(),
  table: z.string(),
  is_shown: z.boolean().describe('Whether a row is shown at the key now.'),
  is_whole: z.boolean().describe('False: the journal does not go back to the insert.'),
  versions: z.array(rowVersion).describe('Newest first.'),
});
export type RowHistory = z.infer<typeof rowHistory>;
