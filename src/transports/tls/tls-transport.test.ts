/**
 * Direct connections on the real thing: loopback sockets, real handshakes, foreign and broken peers.
 */
import assert from 'node:assert/strict';
import { connect as connectTcp, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { test } from 'node:test';
import { SyncError } from '../../core/sync-error.js';
import { decodeMessage } from '../../protocol/message-codec.js';
import { createRealSystem } from '../../system/real-system.js';
import { acceptChannels } from '../transport.acceptance.js';
import type { Channel, ListenOptions, Listening, Refusal, Transport } from '../transport.js';
import { createIdentity } from './identity.js';
import { createTlsTransport } from './tls-transport.js';

const system = createRealSystem();
const host = '127.0.0.1';
const server = createIdentity(system);
const client = createIdentity(system);
const serverTransport = createTlsTransport(server, system);
const clientTransport = createTlsTransport(client, system);

interface Listened {
  readonly listening: Listening;
  readonly channels: Channel[];
  readonly refusals: Refusal[];
  readonly next: () => Promise<Channel>;
}

async function listen(
  isTrusted: ListenOptions['isTrusted'],
  transport: Transport = serverTransport,
): Promise<Listened> {
  const channels: Channel[] = [];
  const refusals: Refusal[] = [];
  const listening = await transport.listen({
    host,
    port: 0,
    isTrusted,
    onChannel: (channel) => channels.push(channel),
    onRefused: (refusal) => refusals.push(refusal),
  });
  const next = async (): Promise<Channel> => {
    await until(() => channels.length > 0);
    const channel = channels.shift();
    assert.ok(channel);
    return channel;
  };
  return { listening, channels, refusals, next };
}

const dialTo = (port: number, fingerprint = server.fingerprint): Promise<Channel> =>
  clientTransport.dial({ host, port, fingerprint, timeoutMs: 3000 });

async function until(isDone: () => boolean, timeoutMs = 5000): Promise<void> {
  const untilMs = Date.now() + timeoutMs;
  while (!isDone()) {
    assert.ok(Date.now() < untilMs, 'it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const codeIs = (code: string) => (error: unknown) => error instanceof SyncError && error.code === code;

acceptChannels('tls', async () => {
  const { listening, next } = await listen(() => true);
  const dialled = await dialTo(listening.port);
  const accepted = await next();
  return { channels: [dialled, accepted], end: () => listening.close() };
});

test('both sides know the key of the other, and share a secret of this very channel', async () => {
  const { listening, next } = await listen((fingerprint) => fingerprint === client.fingerprint);
  const dialled = await dialTo(listening.port);
  const accepted = await next();
  assert.equal(dialled.peerFingerprint, server.fingerprint);
  assert.equal(accepted.peerFingerprint, client.fingerprint);
  assert.match(dialled.binding ?? '', /^[0-9a-f]{64}$/);
  assert.equal(dialled.binding, accepted.binding);
  const other = await dialTo(listening.port);
  assert.notEqual(other.binding, dialled.binding);
  await listening.close();
});

test('another key than the pinned one is refused by the dialler (T1)', async () => {
  const { listening } = await listen(() => true);
  await assert.rejects(dialTo(listening.port, client.fingerprint), codeIs('USYNC-1401'));
  await listening.close();
});

test('F46: an unknown key is refused before a frame is read, and is told why (T2)', async () => {
  const { listening, channels, refusals } = await listen(() => false);
  const dialled = await dialTo(listening.port);
  const frames: Uint8Array[] = [];
  let closed = 0;
  dialled.listen({ onFrame: (frame) => frames.push(frame), onDrain: () => undefined, onClose: () => closed++ });
  dialled.send(new Uint8Array(100));
  await until(() => closed === 1 && refusals.length === 1);
  assert.equal(channels.length, 0);
  assert.equal(refusals[0]?.code, 'USYNC-1401');
  const [first] = frames;
  assert.ok(first);
  const message = decodeMessage(first);
  assert.ok(message.kind === 'close' && message.code === 'USYNC-1401');
  await listening.close();
});

test('a client without a key is refused (T2)', async () => {
  const { listening, channels, refusals } = await listen(() => true);
  const socket = connectTls({ host, port: listening.port, rejectUnauthorized: false, ALPNProtocols: ['usync/1'] });
  socket.on('error', () => undefined);
  socket.on('secureConnect', () => socket.write('hello'));
  await until(() => refusals.length === 1 && socket.destroyed);
  assert.equal(refusals[0]?.code, 'USYNC-1401');
  assert.equal(channels.length, 0);
  await listening.close();
});

test('a server that is let in to pair may send little until it is admitted (T3)', async () => {
  const { listening, next } = await listen(() => 'pairing');
  const small = await dialTo(listening.port);
  const admitted = await next();
  let arrived = 0;
  const closes: string[] = [];
  const count = { onFrame: () => arrived++, onDrain: () => undefined, onClose: (why: string) => closes.push(why) };
  admitted.listen(count);
  small.send(new Uint8Array(1000));
  await until(() => arrived === 1);
  admitted.admit?.();
  small.send(new Uint8Array(500_000));
  await until(() => arrived === 2);
  const stranger = await dialTo(listening.port);
  (await next()).listen(count);
  stranger.send(new Uint8Array(50_000));
  await until(() => closes.length === 1);
  assert.equal(arrived, 2);
  await listening.close();
});

test('a port in use is named (T6)', async () => {
  const { listening } = await listen(() => true);
  await assert.rejects(
    serverTransport.listen({ host, port: listening.port, isTrusted: () => true, onChannel: () => undefined }),
    codeIs('USYNC-1500'),
  );
  await listening.close();
});

test('HTTP and garbage are refused within their first bytes (T6)', async () => {
  const { listening, channels, refusals } = await listen(() => true);
  for (const bytes of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\0\x01\x02'.repeat(50), 'SSH-2.0-OpenSSH_9\r\n']) {
    const socket = connectTcp({ host, port: listening.port });
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(bytes, 'latin1');
    await until(() => refusals.length === 1 && socket.destroyed);
    assert.equal(refusals.pop()?.code, 'USYNC-1502');
  }
  assert.equal(channels.length, 0);
  await listening.close();
});

test('an address that is no Universal Sync is told from one that does not answer', async () => {
  const http = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
  await new Promise<void>((resolve) => http.listen(0, host, resolve));
  const address = http.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  await assert.rejects(dialTo(port), codeIs('USYNC-1502'));
  await new Promise<void>((resolve) => void http.close(() => resolve()));
  await assert.rejects(dialTo(port), codeIs('USYNC-1501'));
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(port, host, resolve));
  await assert.rejects(
    clientTransport.dial({ host, port, fingerprint: server.fingerprint, timeoutMs: 200 }),
    codeIs('USYNC-1501'),
  );
  const controller = new AbortController();
  const dialling = clientTransport.dial({
    host,
    port,
    fingerprint: server.fingerprint,
    timeoutMs: 5000,
    signal: controller.signal,
  });
  controller.abort();
  await assert.rejects(dialling, codeIs('USYNC-1002'));
  silent.close();
});

test('a frame longer than allowed, or empty, ends the channel (T7)', async () => {
  for (const header of [Uint8Array.of(0xff, 0xff, 0xff, 0xff), Uint8Array.of(0, 0, 0, 0)]) {
    const { listening, next } = await listen(() => true);
    const socket = connectTls({
      host,
      port: listening.port,
      key: client.privateKeyPem,
      cert: client.certificatePem,
      rejectUnauthorized: false,
      ALPNProtocols: ['usync/1'],
    });
    socket.on('error', () => undefined);
    const channel = await next();
    const closes: string[] = [];
    channel.listen({ onFrame: () => assert.fail(), onDrain: () => undefined, onClose: (why) => closes.push(why) });
    socket.write(header);
    await until(() => closes.length === 1);
    assert.match(closes[0] ?? '', /framing/);
    await listening.close();
  }
});

test('connections that show no key are bounded in number, and shut out nobody who does (T5)', async () => {
  const { listening, refusals } = await listen(() => true);
  const sockets = Array.from({ length: 80 }, () =>
    connectTcp({ host, port: listening.port }).on('error', () => undefined),
  );
  await until(() => refusals.length === 80 - 32);
  assert.ok(refusals.every((refusal) => refusal.code === 'USYNC-1507'));
  const dialled = await dialTo(listening.port);
  assert.equal(dialled.peerFingerprint, server.fingerprint);
  for (const socket of sockets) socket.destroy();
  await listening.close();
});

interface Counted {
  readonly channel: Channel;
  isClosed: boolean;
}

function counted(channel: Channel): Counted {
  const box: Counted = { channel, isClosed: false };
  channel.listen({ onFrame: () => undefined, onDrain: () => undefined, onClose: () => (box.isClosed = true) });
  return box;
}

test('one key holds few connections that were not let in; the newest stay (T8)', async () => {
  for (const trust of ['pairing', true] as const) {
    const { listening, next } = await listen(() => trust);
    const accepted: Counted[] = [];
    for (let i = 0; i < 12; i++) {
      counted(await dialTo(listening.port));
      accepted.push(counted(await next()));
    }
    await until(() => accepted.filter(({ isClosed }) => !isClosed).length === 4);
    assert.deepEqual(
      accepted.map(({ isClosed }) => isClosed),
      accepted.map((_, i) => i < 8),
    );
    // Who is let in no longer counts.
    for (const { channel, isClosed } of accepted) if (!isClosed) channel.admit?.();
    for (let i = 0; i < 4; i++) {
      counted(await dialTo(listening.port));
      accepted.push(counted(await next()));
    }
    assert.equal(accepted.filter(({ isClosed }) => !isClosed).length, 8);
    await listening.close();
  }
});

test('keys of one address hold few connections that were not let in, however many they are (T8)', async () => {
  const { listening, next } = await listen(() => 'pairing');
  const accepted: Counted[] = [];
  for (let i = 0; i < 20; i++) {
    const transport = createTlsTransport(createIdentity(system), system);
    const { fingerprint } = server;
    counted(await transport.dial({ host, port: listening.port, fingerprint, timeoutMs: 3000 }));
    accepted.push(counted(await next()));
  }
  await until(() => accepted.filter(({ isClosed }) => !isClosed).length === 16);
  assert.equal(accepted.at(-1)?.isClosed, false);
  await listening.close();
});

test('a session is never resumed (T4)', async () => {
  const { listening, channels, refusals } = await listen(() => true);
  const open = (session?: Buffer): Promise<{ readonly isReused: boolean; readonly session: Buffer | undefined }> =>
    new Promise((resolve) => {
      const { privateKeyPem: key, certificatePem: cert } = client;
      const pinned = { key, cert, rejectUnauthorized: false, ALPNProtocols: ['usync/1'] };
      const socket = connectTls({ host, port: listening.port, ...pinned, ...(session ? { session } : {}) });
      let ticket: Buffer | undefined;
      socket.on('error', () => undefined);
      socket.on('session', (received) => (ticket = received));
      socket.resume();
      // Tickets come after the handshake.
      setTimeout(() => {
        const isReused = socket.isSessionReused();
        socket.destroy();
        resolve({ isReused, session: ticket });
      }, 150);
    });
  const first = await open();
  const second = await open(first.session);
  const isRefused = refusals.some((refusal) => refusal.code === 'USYNC-1401');
  assert.ok(!second.isReused || isRefused, 'a resumed session became a channel');
  assert.equal(channels.length, second.isReused ? 1 : 2);
  await listening.close();
});
