/** Who may do what: first set-up, sessions, users, tokens, the log of what people did. */
import { z } from 'zod';
import { defineRoutes } from './route.js';
import { message, optionalTime, pageQuery, pagination, role, time } from './shared-schemas.js';

const userName = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._@ -]{0,62}$/u, 'letters, digits, space and ._@- ; begins with a letter or digit');
const password = z.string().min(10, 'at least 10 characters').max(256);
const idParams = z.object({ id: z.string() });

export const user = z.object({
  id: z.string(),
  name: z.string(),
  role,
  is_disabled: z.boolean(),
  created_at: time,
  last_login: optionalTime,
});
export type User = z.infer<typeof user>;

export const session = z.object({
  user,
  /** Unsafe requests need this header with any value: `X-Usync-Request`. */
  expires_at: time.describe('At the latest; without use it ends earlier.'),
  server_name: z.string(),
  server_id: z.string(),
  version: z.string(),
});
export type Session = z.infer<typeof session>;

const openSession = z.object({
  id: z.string(),
  user: z.string(),
  created_at: time,
  last_used: time,
  expires_at: time,
  address: z.string(),
  agent: z.string(),
  is_current: z.boolean(),
});
export type OpenSession = z.infer<typeof openSession>;

export const token = z.object({
  id: z.string(),
  name: z.string(),
  scope: z.enum(['metrics', 'viewer', 'operator', 'admin']),
  created_at: time,
  created_by: z.string(),
  expires_at: optionalTime,
  last_used: optionalTime,
});
export type Token = z.infer<typeof token>;

const auditEntry = z.object({
  sequence: z.int(),
  at: time,
  who: z.string().describe('A user, a token ("token NAME"), or "command line".'),
  address: z.string(),
  action: z.string().describe('The name of the route.'),
  subject: z.string().describe('What it was done to.'),
  outcome: z.enum(['done', 'refused', 'failed']),
  detail: z.string(),
  hash: z.string().describe('Over this entry and the one before it.'),
});
export type AuditEntry = z.infer<typeof auditEntry>;

export const accessRoutes = defineRoutes({
  setUp: {
    method: 'POST',
    path: '/api/sync/setup',
    access: 'public',
    summary: 'Makes the first user, an admin, with the one-time token of the set-up link. Signs in.',
    body: z.object({ token: z.string().min(1).max(200), name: userName, password }),
    answer: { kind: 'json', status: 201, schema: session },
  },
  logIn: {
    method: 'POST',
    path: '/api/sync/session',
    access: 'public',
    summary: 'Signs in: sets the cookie of a session.',
    body: z.object({ name: z.string().max(200), password: z.string().max(1_000) }),
    answer: { kind: 'json', status: 201, schema: session },
  },
  getSession: {
    method: 'GET',
    path: '/api/sync/session',
    access: 'viewer',
    summary: 'Who is signed in. 401 with code USYNC-1901 while no user was set up, else USYNC-1900.',
    answer: { kind: 'json', schema: session },
  },
  logOut: {
    method: 'DELETE',
    path: '/api/sync/session',
    access: 'viewer',
    summary: 'Signs out.',
    answer: { kind: 'json', schema: message },
  },
  changePassword: {
    method: 'POST',
    path: '/api/sync/session/password',
    access: 'viewer',
    summary: 'Changes the own password; ends all other sessions of this user.',
    body: z.object({ current: z.string().max(1_000), password }),
    answer: { kind: 'json', schema: message },
  },
  listSessions: {
    method: 'GET',
    path: '/api/sync/sessions',
    access: 'viewer',
    summary: 'The own open sessions; for an admin those of all.',
    answer: { kind: 'json', schema: z.object({ sessions: z.array(openSession) }) },
  },
  endSession: {
    method: 'DELETE',
    path: '/api/sync/sessions/{id}',
    access: 'viewer',
    summary: 'Ends an own session; for an admin any.',
    params: idParams,
    answer: { kind: 'json', schema: message },
  },
  listUsers: {
    method: 'GET',
    path: '/api/sync/users',
    access: 'admin',
    summary: 'All users.',
    answer: { kind: 'json', schema: z.object({ users: z.array(user) }) },
  },
  addUser: {
    method: 'POST',
    path: '/api/sync/users',
    access: 'admin',
    summary: 'Adds a user.',
    body: z.object({ name: userName, password, role }),
    answer: { kind: 'json', status: 201, schema: user },
  },
  changeUser: {
    method: 'PATCH',
    path: '/api/sync/users/{id}',
    access: 'admin',
    summary: 'Changes role or password, or disables a user. The last enabled admin stays one.',
    params: idParams,
    body: z.object({ role: role.optional(), password: password.optional(), is_disabled: z.boolean().optional() }),
    answer: { kind: 'json', schema: user },
  },
  removeUser: {
    method: 'DELETE',
    path: '/api/sync/users/{id}',
    access: 'admin',
    summary: 'Removes a user and ends the sessions.',
    params: idParams,
    answer: { kind: 'json', schema: message },
  },
  listTokens: {
    method: 'GET',
    path: '/api/sync/tokens',
    access: 'admin',
    summary: 'All API tokens, without their secrets.',
    answer: { kind: 'json', schema: z.object({ tokens: z.array(token) }) },
  },
  addToken: {
    method: 'POST',
    path: '/api/sync/tokens',
    access: 'admin',
    summary: 'Makes a token. Its secret is shown this once.',
    body: z.object({
      name: z.string().min(1).max(63),
      scope: z.enum(['metrics', 'viewer', 'operator', 'admin']),
      valid_days: z.number().positive().max(3_650).nullish(),
    }),
    answer: { kind: 'json', status: 201, schema: z.object({ token, secret: z.string() }) },
  },
  removeToken: {
    method: 'DELETE',
    path: '/api/sync/tokens/{id}',
    access: 'admin',
    summary: 'Revokes a token.',
    params: idParams,
    answer: { kind: 'json', schema: message },
  },
  listAudit: {
    method: 'GET',
    path: '/api/sync/audit',
    access: 'admin',
    summary: 'What people and programs did here, newest first.',
    query: z.object({ ...pageQuery, who: z.string().optional() }),
    answer: {
      kind: 'json',
      schema: z.object({
        audit: z.array(auditEntry),
        is_intact: z.boolean().describe('The chain of hashes holds.'),
        pagination,
      }),
    },
  },
});
