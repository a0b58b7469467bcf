/** Goal: who watches is told at once, and no longer than it may. Method: streams and a webhook of a real engine. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { liveClientsMax } from '../../src/http/http-limits.js';
import { groundOf, until } from '../engine/engine-ground.js';
import { openPage, pageHeaders, password, cookieIn } from './http-ground.js';

test('a live stream greets, tells the status and each event, and ends with its session', async (context) => {
  const a = await groundOf(context).add('a');
  const page = await openPage(a);
  const signed = await page.as(pageHeaders)('POST', '/api/sync/session', { body: { name: 'ann', password } });
  const cookie = cookieIn(signed);
  const answer = await fetch(`${page.server.url}/api/sync/events`, { headers: { cookie } });
  assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream/);
  let text = '';
  const ended = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of answer.body as unknown as AsyncIterable<Uint8Array>) text += decoder.decode(bytes);
  })();
  await until('hello and status', () => Promise.resolve(/event: hello\n/.test(text) && /event: status\n/.test(text)));
  await a.engine.invite();
  a.database.exec("INSERT INTO item (name) VALUES ('seen live')");
  await until('the event', () =>
    Promise.resolve(/event: activity\nid: \d+\ndata: .*"sync_type":"captured"/.test(text)),
  );
  for (const block of text.split('\n\n').filter((each) => each.includes('data: ')))
    assert.doesNotThrow(() => JSON.parse(block.split('data: ')[1] ?? '') as unknown);
  await page.as({ ...pageHeaders, cookie })('DELETE', '/api/sync/session');
  a.database.exec("INSERT INTO item (name) VALUES ('not seen any more')");
  await ended;
  assert.ok(!text.includes('not seen'));
});

test('256 may watch; the next one is refused with the reason, and gets in when another one goes', async (context) => {
  const page = await openPage(await groundOf(context).add('a'));
  const authorization = `Bearer ${await page.token('viewer')}`;
  const going = new AbortController();
  const watch = (signal: AbortSignal): Promise<Response> =>
    fetch(`${page.server.url}/api/sync/events`, { headers: { authorization }, signal });
  const [leaving, ...staying] = [new AbortController(), ...Array.from({ length: liveClientsMax - 1 }, () => going)];
  // An answer that nobody holds any more is closed by the client.
  const held: Response[] = [];
  for (const { signal } of [leaving, ...staying]) held.push(await watch(signal));
  assert.ok(held.every(({ status }) => status === 200));
  const refused = await page.admin('GET', '/api/sync/events');
  assert.equal(refused.status, 413);
  assert.equal(refused.json?.['code'], 'USYNC-1911');
  assert.match(String(refused.json?.['error']), /256 live connections are open already/);
  assert.equal((await page.admin('GET', '/api/sync/status')).status, 200, 'everything else goes on');
  leaving.abort();
  await until('one is let in', async () => {
    held.push(await watch(going.signal));
    return held.at(-1)?.status === 200;
  });
  assert.ok(held.length > liveClientsMax);
  going.abort();
});

test('a webhook is told of a test, and of what became of it', async (context) => {
  const bodies: string[] = [];
  const hook = createServer((request, answer) => {
    let body = '';
    request.on('data', (bytes: Buffer) => (body += bytes.toString()));
    request.on('end', () => {
      bodies.push(body);
      answer.writeHead(request.url === '/good' ? 204 : 500).end();
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  context.after(() => hook.close());
  const base = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`;
  const a = await groundOf(context).add('a');
  const page = await openPage(a, { alerts: { webhooks: [`${base}/good`, `${base}/bad`], afterSeconds: 60 } });
  const { json } = await page.admin('POST', '/api/sync/alerts/test');
  const results = (json ?? {})['results'] as { readonly ok: boolean; readonly to: string }[];
  assert.deepEqual(
    results.map(({ ok, to }) => [ok, to]),
    [
      [true, base],
      [false, base],
    ],
  );
  assert.deepEqual(
    bodies.map((body) => (JSON.parse(body) as { kind: string }).kind),
    ['test', 'test'],
  );
});
