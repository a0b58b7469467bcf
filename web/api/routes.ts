import type { routeTable, RouteName } from '../../src/http/contract/route-table.js';

type Table = typeof routeTable;
type Address<N extends RouteName> = `${Table[N]['method']} ${Table[N]['path']}`;

/**
 * The routes that the page uses. The table of the server carries checks that the page has no use for, so only its types
 * come over: an address that is not in that table does not compile.
 */
export const routes = {
  acceptFolder: 'POST /api/sync/datasets/{dataset}/files/accept',
  putBackFolder: 'POST /api/sync/datasets/{dataset}/files/put-back',
  addToken: 'POST /api/sync/tokens',
  addUser: 'POST /api/sync/users',
  approveServer: 'POST /api/sync/servers/{id}/approve',
  cancelJob: 'POST /api/sync/jobs/{id}/cancel',
  changePassword: 'POST /api/sync/session/password',
  changeServer: 'PATCH /api/sync/servers/{id}',
  changeSettings: 'PATCH /api/sync/settings',
  changeUser: 'PATCH /api/sync/users/{id}',
  createInvite: 'POST /api/sync/invites',
  dismissConflicts: 'POST /api/sync/conflicts/dismiss',
  dropQuarantined: 'DELETE /api/sync/quarantine/{id}',
  endSession: 'DELETE /api/sync/sessions/{id}',
  fileContent: 'GET /api/sync/datasets/{dataset}/files/content',
  fileHistory: 'GET /api/sync/datasets/{dataset}/files/history',
  pathHistory: 'GET /api/sync/datasets/{dataset}/files/events',
  folderReport: 'GET /api/sync/datasets/{dataset}/files/report',
  getConfig: 'GET /api/sync/config',
  getAlerts: 'GET /api/sync/alerts',
  getHistory: 'GET /api/sync/history',
  getServer: 'GET /api/sync/servers/{id}',
  getServerLag: 'GET /api/sync/servers/{id}/lag',
  getSession: 'GET /api/sync/session',
  getSettings: 'GET /api/sync/settings',
  health: 'GET /api/sync/health',
  joinGroup: 'POST /api/sync/join',
  listAudit: 'GET /api/sync/audit',
  listChanges: 'GET /api/sync/changes',
  listConflicts: 'GET /api/sync/conflicts',
  listFiles: 'GET /api/sync/datasets/{dataset}/files',
  listInvites: 'GET /api/sync/invites',
  listJobs: 'GET /api/sync/jobs',
  listLogs: 'GET /api/sync/logs',
  listQuarantine: 'GET /api/sync/quarantine',
  listSessions: 'GET /api/sync/sessions',
  listTables: 'GET /api/sync/datasets/{dataset}/tables',
  listTokens: 'GET /api/sync/tokens',
  listUsers: 'GET /api/sync/users',
  logIn: 'POST /api/sync/session',
  logOut: 'DELETE /api/sync/session',
  pingServer: 'POST /api/sync/servers/{id}/ping',
  previewUndo: 'POST /api/sync/undo/preview',
  recovery: 'GET /api/sync/recovery',
  removeServer: 'DELETE /api/sync/servers/{id}',
  removeToken: 'DELETE /api/sync/tokens/{id}',
  removeUser: 'DELETE /api/sync/users/{id}',
  restoreConflict: 'POST /api/sync/conflicts/{id}/restore',
  restoreConflicts: 'POST /api/sync/conflicts/restore',
  restoreFile: 'POST /api/sync/datasets/{dataset}/files/restore',
  retryQuarantine: 'POST /api/sync/quarantine/retry',
  revokeInvite: 'DELETE /api/sync/invites/{id}',
  setUp: 'POST /api/sync/setup',
  setConfig: 'POST /api/sync/config',
  status: 'GET /api/sync/status',
  syncAll: 'POST /api/sync/sync/all',
  syncServer: 'POST /api/sync/servers/{id}/sync',
  testAlerts: 'POST /api/sync/alerts/test',
  undo: 'POST /api/sync/undo',
  verify: 'POST /api/sync/verify',
} as const satisfies { readonly [N in RouteName]?: Address<N> };

export type PageRoute = keyof typeof routes;
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** The address of a route with its parameters and questions filled in. */
export function addressOf(route: PageRoute, params: Readonly<Record<string, string>> = {}, query: Query = {}): string {
  const [, path = ''] = routes[route].split(' ');
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue;
    for (const each of typeof value === 'object' ? value : [value]) asked.append(name, String(each));
  }
  const text = asked.toString();
  return text === '' ? filled : `${filled}?${text}`;
}
