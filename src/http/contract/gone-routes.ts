/** What the older API had and this one leaves out on purpose. */
import { defineRoutes, type Route } from './route.js';

const code =
  'Universal Sync distributes no program code: a server that could replace the code of another one would be a way in for anybody. Update each server by its package manager.';
const whole =
  'A database is never dumped or overwritten for a caller without the identity of a server. Add a server with a code (POST /api/sync/invites): it gets the data by a snapshot, and what it has itself is kept.';
const single =
  'Single operations in real time came without their order and were lost on a broken link. Servers of the group send changesets by themselves; a program writes into the database, or posts to /api/sync/receive-changes.';

const gone = (method: Route['method'], path: string, reason: string) =>
  ({ method, path, access: 'viewer', summary: 'Left out on purpose.', answer: { kind: 'gone', reason } }) as const;

export const goneRoutes = defineRoutes({
  goneUpdate: gone('POST', '/api/sync/update', code),
  goneUpdateStatus: gone('GET', '/api/sync/update/status', code),
  goneDump: gone('GET', '/api/sync/database/dump', whole),
  goneExport: gone('GET', '/api/sync/database/export', whole),
  goneOverwrite: gone('POST', '/api/sync/database/overwrite', whole),
  goneRealtime: gone('POST', '/api/sync/realtime', single),
  goneRealtimeReceive: gone('POST', '/api/sync/realtime/receive', single),
  goneReceiveOperation: gone('POST', '/api/realtime/receive', single),
});
