import { z } from 'zod';
import { count, optionalTime, time } from './shared-schemas.js';

export const pending = z.object({
  /** Servers whose history is not complete on the other side; 0 means nothing is pending. */
  origins: count,
  changesets: count.nullable(),
  bytes: count.nullable(),
  behind_ms: z.number().nullable().describe('How far behind the newest pending change is.'),
});
export type Pending = z.infer<typeof pending>;

export const serverDataset = z.object({
  dataset: z.string(),
  state: z.enum(['proven', 'catching-up', 'differs', 'disconnected', 'not-carried']),
  pending_out: pending,
  pending_in: pending,
  proven_at: optionalTime,
  proven_rows: count.nullable(),
  reason: z.string().nullable(),
  next_step: z.string().nullable(),
});
export type ServerDataset = z.infer<typeof serverDataset>;

/** One server of the group, this one among them. The fields up to `is_healthy` have the names that older clients know. */
export const server = z.object({
  id: z.string(),
  name: z.string(),
  host: z.string().nullable(),
  port: z.int().nullable(),
  protocol: z.string(),
  is_active: z.boolean().describe('A member that is not paused here.'),
  is_primary: z.boolean().describe('Always false: no server is above the others.'),
  last_sync: optionalTime.describe('When it last acknowledged a change durably.'),
  last_ping: optionalTime.describe('When it was last heard.'),
  ping_success: z.boolean().describe('Connected now.'),
  sync_priority: z.int(),
  created_at: time,
  server_version: z.string().nullable(),
  server_id: z.string(),
  sync_enabled: z.boolean(),
  sync_database: z.boolean(),
  sync_instance_files: z.boolean(),
  sync_config_files: z.boolean(),
  sync_uploads: z.boolean(),
  connection_timeout: z.number(),
  retry_attempts: count.describe('Failed attempts in a row.'),
  last_error: z.string().nullable(),
  error_count: count,
  base_url: z.string().nullable(),
  is_healthy: z.boolean(),
  state: z.enum(['expected', 'pending', 'member', 'removed']).describe('expected: added here, has not joined yet.'),
  connection: z.enum(['self', 'connected', 'connecting', 'unreachable', 'paused', 'none']),
  since: optionalTime.describe('Since when the connection is in this state.'),
  is_self: z.boolean(),
  fingerprint: z.string().nullable(),
  addresses: z.array(z.string()),
  connected_to: z.string().nullable(),
  added_by: z.string(),
  removed_at: optionalTime,
  removed_by: z.string().nullable(),
  round_trip_ms: z.number().nullable(),
  clock_offset_ms: z.number().nullable().describe("Its clock minus this server's."),
  datasets: z.array(serverDataset),
  reason: z.string().nullable(),
  next_step: z.string().nullable(),
});
export type Server = z.infer<typeof server>;
