/** Goal: who watches is told at once, and no longer than it may. Method: streams and a webhook of a real engine. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
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
