import { z } from 'zod';
import { activityEntry } from './activity-schemas.js';
import { startedJob } from './job-schemas.js';
import { defineRoutes } from './route.js';
import { server } from './server-schemas.js';
import { count, optionalTime, time } from './shared-schemas.js';

const serverParams = z.object({ id: z.string().min(1).max(200) });
const portNumber = z.coerce.number().int().min(1).max(65_535);

export const serverRoutes = defineRoutes({
  listServers: {
    method: 'GET',
    path: '/api/sync/servers',
    access: 'viewer',
    summary: 'All servers of the group, this one first, removed ones last.',
    answer: { kind: 'json', schema: z.object({ servers: z.array(server), count }) },
  },
  addServer: {
    method: 'POST',
    path: '/api/sync/servers',
    access: 'admin',
    summary: 'Expects a server: makes a code for it. It is trusted only when its key has been approved.',
    body: z.object({
      name: z.string().min(1).max(63),
      host: z.string().min(1).max(255),
      port: portNumber.default(7420),
      protocol: z.string().max(20).optional(),
    }),
    answer: {
      kind: 'json',
      status: 201,
      schema: z.object({ message: z.string(), server, code: z.string(), command: z.string(), expires_at: time }),
    },
  },
  getServer: {
    method: 'GET',
    path: '/api/sync/servers/{id}',
    access: 'viewer',
    summary: 'One server with its latest events.',
    params: serverParams,
    answer: { kind: 'json', schema: z.object({ server, activity: z.array(activityEntry) }) },
  },
  getServerLag: {
    method: 'GET',
    path: '/api/sync/servers/{id}/lag',
    access: 'viewer',
    summary: 'How far behind it was, as far as this run remembers: looks after something happened, oldest first.',
    params: serverParams,
    answer: {
      kind: 'json',
      schema: z.object({
        samples: z.array(
          z.object({
            at: time,
            behind_ms: count.nullable().describe('Null while it was not connected.'),
            round_trip_ms: z.number().nullable(),
          }),
        ),
      }),
    },
  },
  changeServer: {
    method: 'PATCH',
    path: '/api/sync/servers/{id}',
    access: 'admin',
    summary: 'Changes where a server is reached, or pauses it. Says what was changed, and which fields are not for it.',
    params: serverParams,
    body: z.looseObject({
      host: z.string().min(1).max(255).optional(),
      port: portNumber.optional(),
      is_active: z.boolean().optional(),
      sync_enabled: z.boolean().optional(),
    }),
    answer: { kind: 'json', schema: z.object({ message: z.string(), server, ignored: z.array(z.string()) }) },
  },
  removeServer: {
    method: 'DELETE',
    path: '/api/sync/servers/{id}',
    access: 'admin',
    summary:
      'Removes a server: its key is revoked everywhere; its changes up to now stay. Forgets one that was expected.',
    params: serverParams,
    answer: { kind: 'json', schema: z.object({ message: z.string(), server: server.nullable() }) },
  },
  approveServer: {
    method: 'POST',
    path: '/api/sync/servers/{id}/approve',
    access: 'admin',
    summary: 'Lets a server in that waits. With a fingerprint: only if it is the one of its key.',
    params: serverParams,
    body: z.object({ fingerprint: z.string().max(200).optional() }),
    answer: { kind: 'json', schema: z.object({ message: z.string(), server }) },
  },
  pingServer: {
    method: 'POST',
    path: '/api/sync/servers/{id}/ping',
    access: 'operator',
    summary: 'Asks a server now and waits for its answer.',
    params: serverParams,
    answer: {
      kind: 'json',
      schema: z.object({
        success: z.boolean(),
        last_ping: optionalTime,
        last_error: z.string().nullable(),
        round_trip_ms: z.number().nullable(),
        next_step: z.string().nullable(),
      }),
    },
  },
  syncServer: {
    method: 'POST',
    path: '/api/sync/servers/{id}/sync',
    access: 'operator',
    summary: 'Captures what is new, connects, and follows until this server holds the proof. A job.',
    params: serverParams,
    body: z.object({ sync_type: z.string().max(40).optional() }),
    answer: { kind: 'json', status: 202, schema: startedJob },
  },
  syncAll: {
    method: 'POST',
    path: '/api/sync/sync/all',
    access: 'operator',
    summary: 'The same for all servers. A job with one result a server.',
    answer: { kind: 'json', status: 202, schema: startedJob },
  },
  syncForce: {
    method: 'POST',
    path: '/api/sync/sync/force',
    access: 'operator',
    summary: 'The same for all servers or one, with a verification afterwards. A job.',
    body: z.object({ server_id: z.union([z.string(), z.number()]).optional() }),
    answer: { kind: 'json', status: 202, schema: startedJob },
  },
  scanCatchup: {
    method: 'POST',
    path: '/api/sync/catchup/scan',
    access: 'operator',
    summary: 'Looks which servers are behind, and wakes what they wait for.',
    answer: {
      kind: 'json',
      schema: z.object({
        message: z.string(),
        servers_processed: count,
        results: z.array(
          z.object({
            server_id: z.string(),
            server_name: z.string(),
            success: z.boolean().describe('Connected and proven equal.'),
            state: z.string(),
            reason: z.string().nullable(),
            next_step: z.string().nullable(),
          }),
        ),
        timestamp: time,
      }),
    },
  },
  catchupStatus: {
    method: 'GET',
    path: '/api/sync/catchup/status',
    access: 'viewer',
    summary: 'Which servers are behind.',
    answer: {
      kind: 'json',
      schema: z.object({
        catchup_enabled: z.boolean(),
        max_catchup_days: z
          .number()
          .describe('For how long the journal is kept; after that a snapshot closes the gap.'),
        servers_needing_catchup: z.array(server),
        recent_catchup_logs: z.array(activityEntry),
        timestamp: time,
      }),
    },
  },
  listInvites: {
    method: 'GET',
    path: '/api/sync/invites',
    access: 'admin',
    summary: 'Invites that are open or were used lately. Codes are shown once, when they are made.',
    answer: {
      kind: 'json',
      schema: z.object({
        invites: z.array(
          z.object({
            id: z.string(),
            expires_at: time,
            is_pre_approved: z.boolean(),
            state: z.enum(['open', 'used', 'expired']),
            used_by: z.string().nullable().describe('Fingerprint of the key that used it.'),
          }),
        ),
      }),
    },
  },
  createInvite: {
    method: 'POST',
    path: '/api/sync/invites',
    access: 'admin',
    summary: 'A one-time code for one new server. The first one founds the group.',
    body: z.object({
      valid_minutes: z.number().min(1).max(525_600).optional(),
      is_pre_approved: z.boolean().optional(),
    }),
    answer: {
      kind: 'json',
      status: 201,
      schema: z.object({
        id: z.string(),
        code: z.string(),
        command: z.string().describe('What to run on the new server.'),
        expires_at: time,
        is_pre_approved: z.boolean(),
      }),
    },
  },
  revokeInvite: {
    method: 'DELETE',
    path: '/api/sync/invites/{id}',
    access: 'admin',
    summary: 'Makes a code useless.',
    params: z.object({ id: z.string() }),
    answer: { kind: 'json', schema: z.object({ message: z.string() }) },
  },
  joinGroup: {
    method: 'POST',
    path: '/api/sync/join',
    access: 'admin',
    summary:
      'Joins the group that a code names, or only tells what joining would do. A job; its result is a JoinResult.',
    body: z.object({
      code: z.string().min(1).max(4_096),
      dry_run: z.boolean().optional(),
      choice: z.enum(['same-rows', 'distinct-rows']).optional(),
    }),
    answer: { kind: 'json', status: 202, schema: startedJob },
  },
});

/** The result of a job of kind `join`. */
const joinResult = z.object({
  state: z.enum(['joined', 'pending', 'previewed']),
  was_member: z.boolean().describe('It was in this group before, so the code did nothing.'),
  invited_by: z.string(),
  datasets: z.array(
    z.object({
      dataset: z.string(),
      preview: z
        .object({
          is_unclear: z.boolean().describe('A person must say whether rows of equal numbers are the same rows.'),
          tables: z.array(
            z.object({
              table: z.string(),
              same: count,
              differing: count,
              apart: count,
              only_here: count,
              only_there: count,
            }),
          ),
        })
        .nullable(),
    }),
  ),
});
export type JoinResult = z.infer<typeof joinResult>;
