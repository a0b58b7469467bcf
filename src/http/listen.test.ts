// Goal: who sends slowly holds no connection for ever, and nobody else up. Method: raw sockets against short limits.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { listenAt, type Listening } from './listen.js';

async function listening(context: TestContext): Promise<Listening> {
  const server = await listenAt({
    fetch: async (request) => new Response(`read ${(await request.text()).length}`),
    ...{ tls: null, host: '127.0.0.1', port: 0 },
    limits: { headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 50 },
  });
  context.after(() => server.close());
  return server;
}

interface Slow {
  readonly socket: Socket;
  /** What the server said until it ended the connection. */
  readonly ended: Promise<string>;
}

function sendSlowly({ port }: Listening, beginning: string): Slow {
  const socket = connect(port, '127.0.0.1', () => socket.write(beginning));
  let said = '';
  socket.on('data', (bytes) => (said += bytes.toString()));
  socket.on('error', () => undefined);
  return { socket, ended: new Promise((resolve) => socket.once('close', () => resolve(said))) };
}

test('who does not finish the head of a request is cut off, while others are answered', async (context) => {
  const server = await listening(context);
  const slow = [1, 2, 3].map(() => sendSlowly(server, 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: a'));
  assert.equal(await (await fetch(server.url)).text(), 'read 0');
  for (const { ended } of slow) assert.match(await ended, /^HTTP\/1\.1 408 /);
});

test('who sends the body byte by byte is cut off when the time for a request is over', async (context) => {
  const server = await listening(context);
  const { socket, ended } = sendSlowly(server, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n');
  const drip = setInterval(() => socket.writable && socket.write('x'), 20);
  const said = await ended;
  clearInterval(drip);
  assert.doesNotMatch(said, / 200 /);
  assert.equal(await (await fetch(server.url, { method: 'POST', body: 'abc' })).text(), 'read 3');
});
