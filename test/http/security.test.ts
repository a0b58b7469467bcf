/** Goal: doors that a look with fresh eyes found stay shut. Method: real requests against a real engine. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load-config.js';
import { createSettingsFile } from '../../src/http/settings-file.js';
import { openAuditLog } from '../../src/http/access/audit-log.js';
import { openDiskDataFiles } from '../../src/system/disk-data-files.js';
import { createRealSystem } from '../../src/system/real-system.js';
import { groundOf, until } from '../engine/engine-ground.js';
import { cookieIn, openPage, pageHeaders, password } from './http-ground.js';

test('signing in ends the session that the browser held before, and its cookie is never taken over', async (context) => {
  const page = await openPage(await groundOf(context).add('a'));
  const signIn = (headers: Readonly<Record<string, string>>) =>
    page.as({ ...pageHeaders, ...headers })('POST', '/api/sync/session', { body: { name: 'ann', password } });
  const name = page.adminCookie.split('=')[0] ?? '';
  const planted = `${name}=${'A'.repeat(43)}`;
  const first = cookieIn(await signIn({ cookie: planted }));
  assert.notEqual(first, planted);
  const second = cookieIn(await signIn({ cookie: first }));
  assert.equal((await page.as({ ...pageHeaders, cookie: first })('GET', '/api/sync/session')).status, 401);
  assert.equal((await page.as({ ...pageHeaders, cookie: second })('GET', '/api/sync/session')).status, 200);
  assert.equal((await page.admin('GET', '/api/sync/session')).status, 200, 'those of other browsers go on');
});

test('a live stream ends with the time of its token, and asking for its head opens none', async (context) => {
  const a = await groundOf(context).add('a');
  const page = await openPage(a);
  const { json } = await page.admin('POST', '/api/sync/tokens', {
    body: { name: 't', scope: 'viewer', valid_days: 0.1 },
  });
  const headers = { authorization: `Bearer ${String(json?.['secret'])}` };
  const liveClients = async (): Promise<string> =>
    /^usync_live_clients (\d+)$/m.exec((await page.admin('GET', '/metrics')).text)?.[1] ?? '';
  assert.equal((await fetch(`${page.server.url}/api/sync/events`, { method: 'HEAD', headers })).status, 200);
  assert.equal(await liveClients(), '0');
  const answer = await fetch(`${page.server.url}/api/sync/events`, { headers });
  await until('it is open', async () => (await liveClients()) === '1');
  page.forward(3 * 3_600_000);
  a.database.exec("INSERT INTO item (name) VALUES ('news')");
  for await (const _ of answer.body as unknown as AsyncIterable<Uint8Array>);
  assert.equal(await liveClients(), '0');
});

test('an admin of the page cannot name files to be read, nor where the password of mail is sent', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'usync-settings-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'usync.yaml');
  writeFileSync(file, '# kept\nname: pit\n');
  const loaded = await loadConfig({ file, env: {}, flags: {}, folder, hostName: 'pit' });
  const settings = createSettingsFile({ ...loaded, file });
  for (const path of [
    'alerts.email.passwordFile',
    'alerts.email.server',
    'http.key',
    'http.certificate',
    'dataFolder',
  ]) {
    await assert.rejects(settings.change({ [path]: '/etc/shadow' }), /set in the file alone/);
    assert.equal(settings.read().settings.find((setting) => setting.path === path)?.is_editable, false, path);
  }
  await settings.change({ 'log.level': 'debug' });
  assert.match(readFileSync(file, 'utf8'), /# kept[\s\S]*level: debug/);
});

test('paths of uploads and deletions that lead out of the folder are refused, whatever they are written with', async (context) => {
  const a = await groundOf(context).add('a', '', 'uploads');
  const page = await openPage(a);
  const out = join(a.config.datasets[1]?.folder ?? '', '..', 'out.txt');
  const paths = ['../out.txt', 'in/../../out.txt', out, 'in/\u0000.txt', '', '..', '.'];
  // With the separators of another system: refused, or a name within the folder.
  for (const path of [...paths, '..\\out.txt', 'C:\\out.txt']) {
    const form = new FormData();
    form.set('file', new Blob(['x']), 'x');
    form.set('path', path);
    const { status } = await page.admin('POST', '/api/sync/files/upload', { form });
    const gone = await page.admin('POST', '/api/sync/files/delete', { body: { path } });
    if (paths.includes(path)) assert.deepEqual([status, gone.status], [400, 400], path);
    assert.ok(!existsSync(out), path);
  }
});

test('an upload over a private file leaves it private, and what was there or is deleted can be restored', async (context) => {
  const a = await groundOf(context).add('a', '', 'uploads');
  const page = await openPage(a);
  const file = join(a.config.datasets[1]?.folder ?? '', 'key.txt');
  writeFileSync(file, 'old', { mode: 0o600 });
  const form = new FormData();
  form.set('file', new Blob(['new']), 'x');
  form.set('path', 'key.txt');
  assert.equal((await page.admin('POST', '/api/sync/files/upload', { form })).status, 200);
  assert.deepEqual([readFileSync(file, 'utf8'), statSync(file).mode & 0o777], ['new', 0o600]);
  assert.equal((await page.admin('POST', '/api/sync/files/delete', { body: { path: 'key.txt' } })).status, 200);
  assert.ok(!existsSync(file));
  const { json } = await page.admin('GET', '/api/sync/datasets/uploads/files/history?path=key.txt');
  const kept = (json?.['history'] ?? []) as { readonly size: number; readonly reason: string }[];
  assert.deepEqual(
    kept.map(({ reason }) => reason),
    ['deleted', 'replaced'],
  );
});

test('a body that grows beyond the limit is refused although it did not say so before', async (context) => {
  const page = await openPage(await groundOf(context).add('a'));
  async function* pieces() {
    for (let at = 0; at < 40; at++) {
      yield new TextEncoder().encode('x'.repeat(64 * 1024));
      await Promise.resolve();
    }
  }
  const answer = await fetch(`${page.server.url}/api/sync/verify`, {
    method: 'POST',
    headers: { ...pageHeaders, cookie: page.adminCookie, 'content-type': 'application/json' },
    body: pieces(),
    duplex: 'half',
  } as unknown as RequestInit).then(
    ({ status }) => status,
    () => 413,
  );
  assert.equal(answer, 413);
  assert.equal((await page.admin('GET', '/api/sync/ping')).status, 200);
});

test('what people did can be read by an admin only, and an entry that was changed is told', async (context) => {
  const a = await groundOf(context).add('a');
  const page = await openPage(a);
  const token = await page.token('operator');
  assert.equal((await page.as({ authorization: `Bearer ${token}` })('GET', '/api/sync/audit')).status, 403);
  const path = join(a.config.dataFolder, 'http', 'audit.jsonl');
  await page.admin('POST', '/api/sync/verify', { body: {} });
  const text = readFileSync(path, 'utf8');
  assert.ok(!text.includes(token) && !text.includes(password));
  for (const server of a.closers.splice(0)) await server();
  writeFileSync(path, text.replace('"who":"ann"', '"who":"eve"'));
  const files = await openDiskDataFiles(join(a.config.dataFolder, 'http'), createRealSystem());
  assert.equal((await openAuditLog(files)).isIntact(), false);
});
