/**
 * Goal: the table of routes is the truth. Method: every route of the table is called over real HTTP on two real engines;
 * its answer must be exactly what the table describes, nobody gets in without the role that it names, and the values are
 * those that the engines and the files show.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { z } from 'zod';
import type { Route } from '../../src/http/contract/route.js';
import { routes, routeTable, type RouteName } from '../../src/http/contract/route-table.js';
import { failure } from '../../src/http/contract/shared-schemas.js';
import { assertInSync, groundOf, joinAll, namesOf, until, type TestServer } from '../engine/engine-ground.js';
import { endOfJob, fieldOf, openPage, pageHeaders, password, type Caller, type TestPage } from './http-ground.js';

interface Sample {
  readonly path?: string;
  readonly body?: unknown;
  readonly form?: FormData;
  /** Where there is nothing to act upon, the failure that says so. */
  readonly status?: number;
}

/** What each route is called with, in the order of the calls. A route that is missing here does not compile. */
type Samples = { readonly [N in RouteName]: (scene: Scene) => Sample | Promise<Sample> };

interface Scene {
  readonly a: TestServer;
  readonly b: TestServer;
  readonly page: TestPage;
  readonly call: Caller;
}

const nothing = (): Sample => ({});
const at = (path: string, body?: unknown): Sample => ({ path, ...(body !== undefined && { body }) });

async function first(call: Caller, path: string, list: string): Promise<Readonly<Record<string, unknown>>> {
  const { json, text } = await call('GET', path);
  const [found] = (json?.[list] ?? []) as Readonly<Record<string, unknown>>[];
  assert.ok(found, `${path}: ${text}`);
  return found;
}

function uploadForm(): FormData {
  const form = new FormData();
  form.set('file', new Blob(['some content']), 'x');
  form.set('path', 'sub/<b>"x\'.txt');
  return form;
}

const since = '2020-01-01T00:00:00Z';

const samples: Samples = {
  livez: nothing,
  readyz: nothing,
  metrics: nothing,
  ping: nothing,
  status: nothing,
  syncStatus: nothing,
  health: nothing,
  recovery: nothing,
  openapi: nothing,
  listServers: nothing,
  addServer: () => ({ body: { name: 'later', host: '10.1.2.3', port: '7420' } }),
  getServer: () => at('/api/sync/servers/b'),
  getServerLag: () => at('/api/sync/servers/b/lag'),
  changeServer: () => at('/api/sync/servers/b', { is_active: true }),
  removeServer: () => at('/api/sync/servers/later'),
  approveServer: async ({ b }) =>
    at('/api/sync/servers/b/approve', { fingerprint: (await b.engine.status()).server.fingerprint }),
  pingServer: () => at('/api/sync/servers/b/ping'),
  syncServer: () => at('/api/sync/servers/b/sync', { sync_type: 'full' }),
  syncAll: nothing,
  syncForce: () => ({ body: { server_id: 'b' } }),
  scanCatchup: nothing,
  catchupStatus: nothing,
  listInvites: nothing,
  createInvite: () => ({ body: { valid_minutes: 5, is_pre_approved: true } }),
  revokeInvite: async ({ call }) =>
    at(`/api/sync/invites/${String((await first(call, '/api/sync/invites', 'invites'))['id'])}`),
  joinGroup: () => ({ body: { code: 'no code', dry_run: true } }),
  listLogs: () => at('/api/sync/logs?page=1&per_page=3&server_id=b'),
  listChanges: () => at(`/api/sync/changes?since=${since}&catchup_mode=true`),
  listDatabaseChanges: () => at(`/api/sync/database/changes?since=${since}&limit=1`),
  getHistory: () => at('/api/sync/history?table=item&key=1'),
  events: nothing,
  listDatasets: nothing,
  listTables: () => at('/api/sync/datasets/shop/tables'),
  verify: () => ({ body: { dataset: 'shop', audit: true } }),
  listConflicts: () => at('/api/sync/conflicts?state=all'),
  getConflict: async ({ call }) => at(`/api/sync/conflicts/${await conflictId(call)}`),
  restoreConflict: async ({ call }) => at(`/api/sync/conflicts/${await conflictId(call)}/restore`),
  restoreConflicts: async ({ call }) => ({ body: { ids: [await conflictId(call), 'ffff'] } }),
  dismissConflicts: async ({ call }) => ({ body: { ids: [await conflictId(call)] } }),
  listQuarantine: nothing,
  retryQuarantine: nothing,
  dropQuarantined: () => ({ path: '/api/sync/quarantine/ffff', status: 404 }),
  previewUndo: () => ({ body: { server: 'b', since } }),
  undo: () => ({ body: { server: 'b', since: '2099-01-01T00:00:00+02:00' } }),
  uploadFile: () => ({ form: uploadForm() }),
  listFiles: () => at('/api/sync/datasets/uploads/files?path=sub'),
  folderReport: () => at('/api/sync/datasets/uploads/files/report'),
  fileHistory: () => at('/api/sync/datasets/uploads/files/history'),
  pathHistory: () => at('/api/sync/datasets/uploads/files/events?path=sub'),
  restoreFile: () => ({ path: '/api/sync/datasets/uploads/files/restore', body: { id: 77 }, status: 404 }),
  acceptFolder: () => at('/api/sync/datasets/uploads/files/accept'),
  putBackFolder: () => at('/api/sync/datasets/uploads/files/put-back'),
  fileContent: () => at(`/api/sync/datasets/uploads/files/content?path=${encodeURIComponent('sub/<b>"x\'.txt')}`),
  checksums: nothing,
  downloadFile: () => at(`/api/sync/files/download?path=${encodeURIComponent('sub/<b>"x\'.txt')}&base_folder=uploads`),
  deleteFile: () => ({ body: { path: 'sub/<b>"x\'.txt' } }),
  listJobs: nothing,
  getJob: async ({ call }) => at(`/api/sync/jobs/${String((await first(call, '/api/sync/jobs', 'jobs'))['id'])}`),
  cancelJob: async ({ call }) =>
    at(`/api/sync/jobs/${String((await first(call, '/api/sync/jobs', 'jobs'))['id'])}/cancel`),
  getConfig: nothing,
  setConfig: () => ({ body: { sync_enabled: true, sync_interval: 5, other: 1 } }),
  getSettings: nothing,
  changeSettings: () => ({ body: { changes: { 'log.level': 'debug' } }, status: 400 }),
  getAlerts: nothing,
  testAlerts: nothing,
  setUp: () => ({ body: { token: 'wrong', name: 'eve', password }, status: 403 }),
  logIn: () => ({ body: { name: 'ann', password } }),
  getSession: nothing,
  changePassword: () => ({ body: { current: password, password } }),
  listSessions: nothing,
  endSession: () => ({ path: '/api/sync/sessions/none', status: 404 }),
  listUsers: nothing,
  addUser: () => ({ body: { name: 'bob', password, role: 'viewer' } }),
  changeUser: async ({ call }) => at(`/api/sync/users/${await userId(call, 'bob')}`, { role: 'operator' }),
  removeUser: async ({ call }) => at(`/api/sync/users/${await userId(call, 'bob')}`),
  listTokens: nothing,
  addToken: () => ({ body: { name: 'x', scope: 'viewer', valid_days: 1 } }),
  removeToken: async ({ call }) => {
    const { json } = await call('GET', '/api/sync/tokens');
    const tokens = (json?.['tokens'] ?? []) as { readonly id: string; readonly name: string }[];
    return at(`/api/sync/tokens/${tokens.find(({ name }) => name === 'x')?.id ?? ''}`);
  },
  listAudit: nothing,
  receiveChanges: () => ({
    body: {
      server_id: 7,
      changes: [{ id: 1, table: 'item', record_id: '501', operation: 'INSERT', data: { name: 'sent' } }],
    },
  }),
  receiveDatabase: () => ({ body: { changes: [{ table: 'nope', operation: 'insert', data: {} }] } }),
  receiveUniversal: () => ({ body: { type: 'database_batch', changes: [], count: 0 } }),
  goneUpdate: nothing,
  goneUpdateStatus: nothing,
  goneDump: nothing,
  goneExport: nothing,
  goneOverwrite: nothing,
  goneRealtime: nothing,
  goneRealtimeReceive: nothing,
  goneReceiveOperation: nothing,
  logOut: nothing,
};

const conflictId = async (call: Caller): Promise<string> =>
  String((await first(call, '/api/sync/conflicts?state=all', 'conflicts'))['id']);

async function userId(call: Caller, name: string): Promise<string> {
  const { json } = await call('GET', '/api/sync/users');
  const users = (json?.['users'] ?? []) as { readonly id: string; readonly name: string }[];
  return users.find((each) => each.name === name)?.id ?? '';
}

async function sceneOf(context: TestContext): Promise<Scene> {
  const ground = groundOf(context);
  const a = await ground.add('a', "INSERT INTO item (name) VALUES ('one'), ('two')", 'uploads');
  const b = await ground.add('b', '', 'uploads');
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  await b.engine.stop('both write meanwhile');
  a.database.exec("UPDATE item SET name = 'by a' WHERE id = 1");
  b.database.exec("UPDATE item SET name = 'by b' WHERE id = 1; INSERT INTO item (id, name) VALUES (300, 'only b')");
  await b.restart();
  await assertInSync([a, b]);
  const page = await openPage(a);
  return { a, b, page, call: page.admin };
}

/** As the table says, and nothing besides: what the schema does not name would be stripped by it. */
function assertDescribed(name: RouteName, route: Route, value: unknown): void {
  if (route.answer.kind !== 'json') return;
  const parsed = route.answer.schema.safeParse(value);
  assert.ok(parsed.success, `${name}: ${parsed.error ? z.prettifyError(parsed.error) : ''}`);
  assert.deepEqual(value, parsed.data, name);
}

test('F42, F46: every route answers as the table describes it, and asks for the role that it names', async (context) => {
  const scene = await sceneOf(context);
  const { page } = scene;
  const tokens = {
    metrics: await page.token('metrics'),
    viewer: await page.token('viewer'),
    operator: await page.token('operator'),
  };
  const lower = { metrics: null, viewer: tokens.metrics, operator: tokens.viewer, admin: tokens.operator };
  for (const [name, make] of Object.entries(samples) as [RouteName, Samples[RouteName]][]) {
    const route: Route = routeTable[name];
    const sample = await make(scene);
    const path = sample.path ?? route.path;
    const stranger = await page.as(pageHeaders)(route.method, path, sample);
    if (route.access !== 'public') {
      assert.equal(stranger.status, 401, `${name} without authentication: ${stranger.text}`);
      assert.ok(failure.safeParse(stranger.json).success, name);
      const token = lower[route.access];
      if (token !== null) {
        const refused = await page.as({ authorization: `Bearer ${token}` })(route.method, path, sample);
        assert.equal(refused.status, 403, `${name} with a lower role: ${refused.text}`);
      }
    }
    if (route.answer.kind === 'events') continue;
    // Who signs in ends the session that the browser had before, so what is open to all is asked by nobody.
    const answer = route.access === 'public' ? stranger : await page.admin(route.method, path, sample);
    const described =
      route.answer.kind === 'gone' ? 410 : route.answer.kind === 'json' ? (route.answer.status ?? 200) : 200;
    assert.equal(answer.status, sample.status ?? described, `${name}: ${answer.text}`);
    if (answer.status >= 400) assert.ok(failure.safeParse(answer.json).success, `${name}: ${answer.text}`);
    else assertDescribed(name, route, answer.json);
  }
  assert.deepEqual(Object.keys(samples).toSorted(), routes.map(([name]) => name).toSorted());
});

test('the description of the API names every route with its role, and docs/openapi.json is that description', async (context) => {
  const ground = groundOf(context);
  const page = await openPage(await ground.add('a'));
  const { json } = await page.admin('GET', '/api/openapi.json');
  const paths = json?.['paths'] as Readonly<Record<string, Readonly<Record<string, { readonly 'x-role': string }>>>>;
  for (const [name, { path, method, access }] of routes)
    assert.equal(paths[path]?.[method.toLowerCase()]?.['x-role'], access, name);
  const file = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')) as object;
  assert.deepEqual({ ...file, info: null }, { ...json, info: null });
});

test('every figure that a dashboard or an alert rule names is told, and so are the ages of what was acknowledged', async (context) => {
  const { a, call } = await sceneOf(context);
  a.database.exec("INSERT INTO item (name) VALUES ('measured')");
  await until('it is acknowledged', async () =>
    /usync_replication_latency_seconds_count\{peer="b"\} [1-9]/.test((await call('GET', '/metrics')).text),
  );
  await endOfJob(call, await call('POST', '/api/sync/verify', { body: { audit: true } }));
  await until('a round trip is known', async () =>
    (await call('GET', '/metrics')).text.includes('usync_peer_round_trip_seconds{'),
  );
  const { text } = await call('GET', '/metrics');
  assert.match(text, /^usync_replication_latency_seconds_bucket\{peer="b",le="\+Inf"\} \d+$/m);
  assert.match(text, /^usync_http_request_duration_seconds_count\{method="GET",route="\/metrics"\} [1-9]/m);
  const told = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  // Without a certificate nothing is told of its end.
  const unknown = ['contrib/grafana-dashboard.json', 'contrib/prometheus-alerts.yml']
    .flatMap((file) => [
      ...readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8').matchAll(/\b(?:usync|process|nodejs)_\w+/g),
    ])
    .map(([name]) => name.replace(/_bucket$/, ''))
    .filter((name) => !told.has(name));
  assert.deepEqual(unknown, ['usync_cert_expiry_timestamp_seconds']);
});

test('F37: values are facts: a server that stopped is not responding, and a sync with it says so', async (context) => {
  const { b, call } = await sceneOf(context);
  const healthy = (await call('POST', '/api/sync/servers/b/ping')).json;
  assert.equal(healthy?.['success'], true);
  assert.equal((await endOfJob(call, await call('POST', '/api/sync/sync/all')))['state'], 'done');
  await b.engine.stop('the test stops it');
  await until(
    'the ping fails',
    async () => (await call('POST', '/api/sync/servers/b/ping')).json?.['success'] === false,
  );
  const ping = (await call('POST', '/api/sync/servers/b/ping')).json;
  assert.notEqual(ping?.['last_error'], null);
  const server = fieldOf(await call('GET', '/api/sync/servers/b'), 'server') as Readonly<Record<string, unknown>>;
  assert.deepEqual([server['ping_success'], server['is_healthy']], [false, false]);
  const status = (await call('GET', '/api/sync/status')).json;
  assert.deepEqual([status?.['is_in_sync'], status?.['active_servers'], status?.['proven_at']], [false, 1, null]);
  const job = await endOfJob(call, await call('POST', '/api/sync/servers/b/sync'));
  const [result] = job['results'] as { readonly ok: boolean; readonly message: string }[];
  assert.equal(result?.ok, false);
  const scan = fieldOf(await call('POST', '/api/sync/catchup/scan'), 'results') as { readonly success: boolean }[];
  assert.deepEqual(
    scan.map(({ success }) => success),
    [false],
  );
});

test('a server that is connected and does not answer is not responding, whatever was seen of it before', async (context) => {
  const { a } = await sceneOf(context);
  // As when the process of b is stopped: the connection stands, the question stays open.
  const silent = Object.create(a.engine) as TestServer['engine'];
  const ping = {
    isAnswered: false,
    roundTripMs: null,
    reason: 'b did not answer within 5 s.',
    nextStep: 'Look there.',
  };
  silent.ping = () => Promise.resolve({ ...ping, atMs: Date.now() + 60_000 });
  const { admin: call } = await openPage({
    ...a,
    engine: silent,
    config: { ...a.config, dataFolder: `${a.config.dataFolder}-2` },
  });
  const shown = async () => {
    const server = fieldOf(await call('GET', '/api/sync/servers/b'), 'server') as Readonly<Record<string, unknown>>;
    return [server['connection'], server['ping_success'], server['is_healthy'], server['last_error']];
  };
  await until('b is proven', async () => (await shown())[2] === true);
  assert.deepEqual(await shown(), ['connected', true, true, null]);
  await call('POST', '/api/sync/servers/b/ping');
  assert.deepEqual(await shown(), ['connected', false, false, 'b did not answer within 5 s.']);
});

test('F45: no caller, not even an admin, can send program code or a whole database: those routes are gone, and say why', async (context) => {
  const page = await openPage(await groundOf(context).add('a'));
  const gone = routes.filter(([, { answer }]) => answer.kind === 'gone');
  assert.ok(gone.some(([, { path }]) => path === '/api/sync/update'));
  for (const [name, { method, path }] of gone) {
    const answer = await page.admin(method, path, method === 'POST' ? { body: { files: [{ path: 'app.py' }] } } : {});
    assert.equal(answer.status, 410, name);
    assert.match(String(answer.json?.['error']), /\w{4}/, name);
  }
});

test('taking back goes from dataset to dataset, tells each, and ends between two of them when it is cancelled', async (context) => {
  const { a, b, call } = await sceneOf(context);
  const sinceNow = new Date(Date.now() - 1_000).toISOString();
  b.database.exec("INSERT INTO item (id, name) VALUES (777, 'by mistake')");
  await until('it is at a', () => Promise.resolve(namesOf(a.database).includes('by mistake')));
  const cut = await a.engine.undo(
    { server: 'b', sinceMs: Date.parse(sinceNow), isDryRun: false },
    { signal: AbortSignal.abort() },
  );
  assert.deepEqual([cut.steps, cut.notDone, cut.leftOut], [[], ['shop'], ['uploads']]);
  assert.ok(namesOf(a.database).includes('by mistake'));
  const job = await endOfJob(call, await call('POST', '/api/sync/undo', { body: { server: 'b', since: sinceNow } }));
  const results = job['results'] as { readonly item: string; readonly message: string }[];
  assert.deepEqual(
    results.map(({ item }) => item),
    ['shop', 'uploads'],
  );
  assert.match(results[1]?.message ?? '', /is a folder/);
  assert.deepEqual((job['result'] as { readonly left_out: unknown }).left_out, ['uploads']);
  assert.match(results[0]?.message ?? '', /^[1-9]\d* changes? (?:was|were) taken back/);
  assert.ok(!namesOf(a.database).includes('by mistake'));
});

test('what happened with a server is found by its id, also while nobody watches', async (context) => {
  const { call } = await sceneOf(context);
  const { server_id: id } = fieldOf(await call('GET', '/api/sync/servers/b'), 'server') as {
    readonly server_id: string;
  };
  const logs = async (query: string) =>
    fieldOf(await call('GET', `/api/sync/logs?${query}`), 'logs') as {
      readonly server_id: string;
      server_name: string;
    }[];
  await until('its events have its id', async () =>
    (await logs('per_page=1000')).every(({ server_id, server_name }) => server_name !== 'b' || server_id === id),
  );
  const ofIt = await logs(`server_id=${id}`);
  assert.ok(ofIt.length > 0);
  assert.deepEqual(ofIt, await logs('server_id=b'));
});

test('a time that is none is refused, not guessed', async (context) => {
  const { admin: call } = await openPage(await groundOf(context).add('a', '', 'uploads'));
  for (const path of ['changes', 'database/changes', 'files/checksums']) {
    const answer = await call('GET', `/api/sync/${path}?since=yesterday`);
    assert.deepEqual([answer.status, answer.json?.['field']], [400, 'since'], path);
  }
});

test('a paused server gets nothing until it is resumed, and both sides say why', async (context) => {
  const { a, b, call } = await sceneOf(context);
  const change = async (body: object): Promise<unknown[]> => {
    const answer = await call('PATCH', '/api/sync/servers/b', { body });
    return [fieldOf(answer, 'message'), fieldOf(answer, 'ignored')];
  };
  assert.deepEqual(await change({ name: 'c', sync_priority: 2 }), [
    'Nothing of b was changed.',
    ['name', 'sync_priority'],
  ]);
  assert.deepEqual(await change({ is_active: false }), ['b is paused.', []]);
  a.database.exec("INSERT INTO item (name) VALUES ('while paused')");
  await until('the connection is gone', async () => {
    const answer = await call('GET', '/api/sync/servers/b');
    return (fieldOf(answer, 'server') as { readonly connection: string }).connection === 'paused';
  });
  await until('the other side knows', async () => {
    const [peer] = (await b.engine.status()).peers;
    return peer?.reason?.includes('paused') === true;
  });
  assert.ok(!namesOf(b.database).includes('while paused'));
  assert.equal((await call('PATCH', '/api/sync/servers/b', { body: { is_active: true } })).status, 200);
  await assertInSync([a, b]);
  assert.ok(namesOf(b.database).includes('while paused'));
});

test('rows that are sent are written once, captured, and reach the other server; what does not fit is told alone', async (context) => {
  const { a, b, call } = await sceneOf(context);
  const send = (changes: readonly unknown[]) =>
    call('POST', '/api/sync/receive-changes', { body: { server_id: 'old-1', changes } });
  const changes = [
    { id: 1, table: 'item', record_id: '900', operation: 'insert', data: { id: 900, name: 'sent', price: 3 } },
    { id: 2, table: 'item', record_id: '901', operation: 'UPSERT', data: { name: "O'Brien; DROP TABLE item" } },
    { id: 3, table: 'item', record_id: '1', operation: 'update', data: { nope: 1 } },
    { id: 4, table: 'secret', record_id: '1', operation: 'delete' },
    { id: 5, table: 'item', record_id: '2', operation: 'soft_delete' },
  ];
  const sent = await send(changes);
  const statusesOf = (answer: typeof sent) =>
    (fieldOf(answer, 'results') as { status: string }[]).map(({ status }) => status);
  assert.deepEqual(statusesOf(sent), ['applied', 'applied', 'rejected', 'rejected', 'rejected']);
  assert.deepEqual([sent.json?.['success'], sent.json?.['applied_count']], [false, 2]);
  a.database.exec("UPDATE item SET name = 'changed since' WHERE id = 900");
  assert.deepEqual(statusesOf(await send(changes.slice(0, 1))), ['repeated']);
  await assertInSync([a, b]);
  assert.deepEqual(b.database.prepare('SELECT id, name FROM item WHERE id >= 900 ORDER BY id').all(), [
    [900n, 'changed since'],
    [901n, "O'Brien; DROP TABLE item"],
  ]);
  const listed = await call('GET', '/api/sync/changes?dataset=shop&limit=2');
  const [newest] = fieldOf(listed, 'changes') as Readonly<Record<string, unknown>>[];
  assert.deepEqual(
    [newest?.['operation'], newest?.['record_id'], newest?.['data'], newest?.['old_data']],
    ['update', '900', { name: 'changed since' }, { name: 'sent' }],
  );
  assert.notEqual(listed.json?.['next'], null);
});

test('a file that is sent reaches the other server; paths that lead out and databases are refused', async (context) => {
  const { a, b, call } = await sceneOf(context);
  const folderOf = ({ config }: TestServer): string => config.datasets[1]?.folder ?? '';
  const batch = (changes: readonly unknown[]) =>
    call('POST', '/api/sync/universal_receive', { body: { type: 'file_batch', changes } });
  const { json } = await batch([
    { path: 'notes\\today.txt', content: 'hello', operation: 'update' },
    { path: '../outside.txt', content: 'x' },
    { path: 'app.db', content: Buffer.from('SQLite format 3\0').toString('base64'), is_binary: true },
    { path: 'wrong.txt', content: 'x', hash: 'ff' },
  ]);
  assert.deepEqual([json?.['status'], json?.['successful']], ['partial', 1]);
  await until('the file is at b', () => Promise.resolve(existsSync(join(folderOf(b), 'notes/today.txt'))));
  assert.equal(readFileSync(join(folderOf(b), 'notes/today.txt'), 'utf8'), 'hello');
  assert.ok(!existsSync(join(folderOf(a), '../outside.txt')));
  for (const path of ['../a.db', '/etc/passwd', 'notes/../../a.db', 'notes/\0', '.usync-folder/id'])
    assert.equal((await call('GET', `/api/sync/files/download?path=${encodeURIComponent(path)}`)).status, 400, path);
  const answer = await call('GET', '/api/sync/files/download?path=notes/today.txt');
  assert.equal(answer.text, 'hello');
  assert.match(answer.headers.get('content-disposition') ?? '', /^attachment;/);
});
