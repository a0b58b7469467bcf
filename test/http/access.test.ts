/**
 * Goal: nobody gets in who should not, and what is foreign stays harmless. Method: real requests against a real engine;
 * the clock of the API is set forward where time matters.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseStrictJson } from '../../src/http/strict-json.js';
import { groundOf } from '../engine/engine-ground.js';
import { cookieIn, fieldOf, openPage, pageHeaders, password } from './http-ground.js';

test('the set-up link works once, and what is kept of passwords, sessions and tokens is only their hashes', async (context) => {
  const a = await groundOf(context).add('a');
  const page = await openPage(a);
  const secret = await page.token('viewer');
  const again = { token: page.server.setupLink?.split('token=')[1], name: 'eve', password };
  assert.equal((await page.as(pageHeaders)('POST', '/api/sync/setup', { body: again })).status, 403);
  const folder = join(a.config.dataFolder, 'http');
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    assert.equal(statSync(path).mode & 0o077, 0, name);
    const text = readFileSync(path, 'utf8');
    for (const hidden of [password, secret, page.adminCookie.split('=')[1] ?? ''])
      assert.ok(!text.includes(hidden), `${name} holds a secret`);
  }
});

test('a request with a cookie that another site may have caused changes nothing', async (context) => {
  const page = await openPage(await groundOf(context).add('a'));
  const cookie = page.adminCookie;
  const body = { name: 'eve', password, role: 'admin' };
  const refused: Readonly<Record<string, string>>[] = [
    { cookie },
    { cookie, 'x-usync-request': '1', 'sec-fetch-site': 'cross-site' },
    { cookie, 'x-usync-request': '1', 'sec-fetch-site': 'same-site' },
    { cookie, 'x-usync-request': '1', origin: 'http://evil.example' },
    { cookie, 'x-usync-request': '1', origin: 'null' },
  ];
  for (const headers of refused) {
    const answer = await page.as(headers)('POST', '/api/sync/users', { body });
    assert.equal(answer.status, 403, JSON.stringify(headers));
    assert.equal(answer.json?.['code'], 'USYNC-1905');
  }
  const cross = { cookie, 'sec-fetch-site': 'cross-site' };
  assert.equal((await page.as(cross)('GET', '/api/sync/status')).status, 403);
  const plain = await page.admin('POST', '/api/sync/users', {
    headers: { 'content-type': 'text/plain' },
    body: JSON.stringify(body),
  });
  assert.equal(plain.status, 400);
  const users = fieldOf(await page.admin('GET', '/api/sync/users'), 'users') as unknown[];
  assert.equal(users.length, 1);
});

test('a foreign host name is refused, also where nothing is asked for', async (context) => {
  const page = await openPage(await groundOf(context).add('a'));
  const statusFor = (host: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(page.server.url);
      request({ port, path: '/livez', headers: { host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  for (const host of ['localhost', '127.0.0.1:1', '[::1]:80']) assert.equal(await statusFor(host), 200, host);
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1'])
    assert.equal(await statusFor(host), 421, host);
});

test('failed sign-ins make the next one wait, for one that knows the password too', async (context) => {
  const page = await openPage(await groundOf(context).add('a'));
  const call = page.as(pageHeaders);
  const logIn = (given: string) => call('POST', '/api/sync/session', { body: { name: 'ann', password: given } });
  for (let attempt = 0; attempt < 4; attempt++) assert.equal((await logIn('wrong')).status, 401);
  const waiting = await logIn(password);
  assert.deepEqual([waiting.status, waiting.json?.['code']], [429, 'USYNC-1904']);
  assert.ok(Number(waiting.headers.get('retry-after')) >= 1);
  page.forward(60_000);
  assert.equal((await logIn(password)).status, 201);
});

test('sessions end by time, by a changed password and by being disabled; tokens by time', async (context) => {
  const page = await openPage(await groundOf(context).add('a'));
  await page.admin('POST', '/api/sync/users', { body: { name: 'bob', password, role: 'viewer' } });
  const signIn = async () =>
    page.as({
      ...pageHeaders,
      cookie: cookieIn(await page.as(pageHeaders)('POST', '/api/sync/session', { body: { name: 'bob', password } })),
    });
  const [one, two] = [await signIn(), await signIn()];
  assert.equal(
    (await one('POST', '/api/sync/session/password', { body: { current: password, password: `${password}!` } })).status,
    200,
  );
  assert.equal((await one('GET', '/api/sync/session')).status, 200);
  assert.equal((await two('GET', '/api/sync/session')).status, 401);
  const { id } = (fieldOf(await page.admin('GET', '/api/sync/users'), 'users') as { id: string; name: string }[]).find(
    ({ name }) => name === 'bob',
  ) ?? { id: '' };
  await page.admin('PATCH', `/api/sync/users/${id}`, { body: { is_disabled: true } });
  assert.equal((await one('GET', '/api/sync/session')).status, 401);
  const made = await page.admin('POST', '/api/sync/tokens', { body: { name: 't', scope: 'viewer', valid_days: 0.1 } });
  const byToken = page.as({ authorization: `Bearer ${String(made.json?.['secret'])}` });
  assert.equal((await byToken('GET', '/api/sync/ping')).status, 200);
  page.forward(3 * 3_600_000);
  assert.equal((await byToken('GET', '/api/sync/ping')).status, 401);
  assert.equal((await page.admin('GET', '/api/sync/session')).status, 200);
  page.forward(13 * 3_600_000);
  assert.equal((await page.admin('GET', '/api/sync/session')).status, 401);
});

test('the last admin stays one, and every change is in a log whose entries hold together', async (context) => {
  const page = await openPage(await groundOf(context).add('a'));
  const users = fieldOf(await page.admin('GET', '/api/sync/users'), 'users') as { readonly id: string }[];
  const id = users[0]?.id ?? '';
  for (const body of [{ role: 'viewer' }, { is_disabled: true }])
    assert.equal((await page.admin('PATCH', `/api/sync/users/${id}`, { body })).status, 409);
  assert.equal((await page.admin('DELETE', `/api/sync/users/${id}`)).status, 409);
  const log = await page.admin('GET', '/api/sync/audit');
  const actions = (fieldOf(log, 'audit') as { action: string; outcome: string; who: string }[]).map(
    ({ action, outcome, who }) => `${who} ${action} ${outcome}`,
  );
  assert.deepEqual(actions, [
    'ann removeUser refused',
    'ann changeUser refused',
    'ann changeUser refused',
    'ann setUp done',
  ]);
  assert.equal(log.json?.['is_intact'], true);
});

test('every answer carries the strict headers, and the cookie is out of reach of scripts', async (context) => {
  const page = await openPage(await groundOf(context).add('a'));
  const answers = [
    await page.admin('GET', '/api/sync/status'),
    await page.as({})('GET', '/livez'),
    await page.as({})('GET', '/sync/'),
    await page.as({})('GET', '/nothing'),
  ];
  for (const { headers } of answers) {
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('access-control-allow-origin'), null);
  }
  const signed = await page.as(pageHeaders)('POST', '/api/sync/session', { body: { name: 'ann', password } });
  assert.match(signed.headers.get('set-cookie') ?? '', /HttpOnly; SameSite=Strict/);
  assert.deepEqual(Object.keys((await page.as({})('GET', '/readyz')).json ?? {}), ['status']);
});

test('JSON with a name twice, with __proto__, too deep or too large is refused', async (context) => {
  const page = await openPage(await groundOf(context).add('a'));
  const bad = [
    '{"a":1,"a":2}',
    '{"__proto__":{}}',
    '['.repeat(40) + ']'.repeat(40),
    '{',
    `{"x":"${'y'.repeat(1_100_000)}"}`,
  ];
  for (const body of bad) {
    const { status } = await page.admin('POST', '/api/sync/verify', { body });
    assert.ok(status === 400 || status === 413, `${status} ${body.slice(0, 40)}`);
  }
  assert.deepEqual(parseStrictJson('{"a":[{"a":"\\"a\\":"},{"a":1}],"b":"a"}'), {
    a: [{ a: '"a":' }, { a: 1 }],
    b: 'a',
  });
});
