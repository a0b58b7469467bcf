/**
 * Direct connections: TLS 1.3, both sides prove their keys, the dialler pins the key it expects and the listener asks
 * whom it trusts before it reads a byte. Sessions are never resumed: a resumed one shows no certificate to pin.
 */
import { constants } from 'node:crypto';
import { connect as connectTls, createServer, type Server, type TLSSocket } from 'node:tls';
import type { OnReadOpts, Socket } from 'node:net';
import { errorMessageOf, SyncError } from '../../core/sync-error.js';
import { encodeMessage } from '../../protocol/message-codec.js';
import type { System } from '../../system/system.js';
import type { Channel, DialOptions, ListenOptions, Listening, Refusal, Transport } from '../transport.js';
import { networkOf } from '../../system/network-of.js';
import { createCrowd, type Crowd } from './crowd.js';
import { frameHeaderBytes } from './frame-reader.js';
import { fingerprintOfKey } from './identity.js';
import { createTlsChannel } from './tls-channel.js';

export interface TlsKey {
  readonly privateKeyPem: string;
  readonly certificatePem: string;
}

const alpn = 'usync/1';
const handshakeTimeoutMs = 8_000;
/** Connections that have not finished their handshake. A newcomer gets in; the oldest of a busy address goes. */
const handshakeLimits = { perPlaceMax: 32, totalMax: 64 };
/** Connections of one key that were not admitted yet. */
const greetingLimits = { perPlaceMax: 4, totalMax: Infinity };
/** The same of keys that are let in to pair or to wait, by address: keys cost nothing. */
const strangerLimits = { perPlaceMax: 16, totalMax: 64 };
/** Bytes that a connection may send before its handshake is done. */
const handshakeBytesMax = 48 * 1024;
const handshakeCheckMs = 250;

export function createTlsTransport(key: TlsKey, system: System): Transport {
  return {
    listen: (options) => listen(key, system, options),
    dial: (options) => dial(key, system, options),
  };
}

const secure = (key: TlsKey) =>
  ({
    key: key.privateKeyPem,
    cert: key.certificatePem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    rejectUnauthorized: false,
    ALPNProtocols: [alpn],
    secureOptions: constants.SSL_OP_NO_TICKET,
  }) as const;

async function listen(key: TlsKey, system: System, options: ListenOptions): Promise<Listening> {
  const sockets = new Set<Socket>();
  const refuse = (refusal: Refusal): void => options.onRefused?.(refusal);
  const server = createServer({ ...secure(key), requestCert: true, handshakeTimeout: handshakeTimeoutMs });
  guardHandshakes(server, system, refuse);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const crowds = { byKey: createCrowd(greetingLimits), byAddress: createCrowd(strangerLimits) };
  server.on('secureConnection', (socket) => accept(socket, { options, system, refuse, crowds }));
  await bind(server, options);
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : options.port;
  return {
    address: options.host,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

interface Handshake {
  readonly leave: () => void;
  cancel: () => void;
}

const noTimer = (): void => undefined;

/** Limits what connections cost before they have shown a key. */
function guardHandshakes(server: Server, system: System, refuse: (refusal: Refusal) => void): void {
  const handshaking = new Map<Socket, Handshake>();
  const crowd = createCrowd(handshakeLimits);
  server.on('connection', (socket: Socket) => {
    const remoteAddress = addressOf(socket);
    const drop = (): void => {
      socket.destroy();
      refuse({ remoteAddress, code: 'USYNC-1507', reason: 'too many connections at once that show no key' });
    };
    const handshake: Handshake = { leave: crowd.enter(networkOf(socket.remoteAddress ?? ''), drop), cancel: noTimer };
    const check = (): void => {
      if (socket.bytesRead > handshakeBytesMax) socket.destroy();
      else handshake.cancel = system.after(handshakeCheckMs, check);
    };
    handshake.cancel = system.after(handshakeCheckMs, check);
    handshaking.set(socket, handshake);
    socket.once('close', () => settle(socket));
  });
  const settle = (socket: Socket): void => {
    const handshake = handshaking.get(socket);
    handshake?.cancel();
    handshake?.leave();
    handshaking.delete(socket);
  };
  // The TLS socket and the socket below it have the same ports; the lower one is found by them.
  const settleBelow = (socket: TLSSocket): void => {
    for (const raw of handshaking.keys()) {
      if (raw.remotePort === socket.remotePort && raw.remoteAddress === socket.remoteAddress) settle(raw);
    }
  };
  server.prependListener('secureConnection', settleBelow);
  server.on('tlsClientError', (error, socket) => {
    const remoteAddress = addressOf(socket);
    socket.destroy();
    const { code, reason } = explainHandshake(error);
    // Who went away by itself, or was dropped above, needs no second word.
    if (/^(ECONNRESET|EPIPE)$/.test((error as NodeJS.ErrnoException).code ?? '')) return;
    refuse({ remoteAddress, code, reason });
  });
}

const addressOf = (socket: Socket): string => `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;

interface Accepting {
  readonly options: ListenOptions;
  readonly system: System;
  readonly refuse: (refusal: Refusal) => void;
  readonly crowds: { readonly byKey: Crowd; readonly byAddress: Crowd };
}

function accept(socket: TLSSocket, accepting: Accepting): void {
  const { options, system, refuse } = accepting;
  // Errors of a socket that is refused are nobody's concern, and must not end the process.
  socket.on('error', () => undefined);
  const remoteAddress = addressOf(socket);
  const fingerprint = peerFingerprintOf(socket);
  if (socket.alpnProtocol !== alpn) {
    socket.destroy();
    refuse({
      remoteAddress,
      code: 'USYNC-1502',
      reason: 'the other side does not ask for the protocol of Universal Sync',
    });
    return;
  }
  if (fingerprint === null || socket.isSessionReused()) {
    socket.destroy();
    refuse({ remoteAddress, code: 'USYNC-1401', reason: 'the other side shows no key' });
    return;
  }
  const trust = options.isTrusted(fingerprint);
  if (trust === false) {
    tellAndEnd(socket, system);
    refuse({ remoteAddress, code: 'USYNC-1401', reason: `the key ${fingerprint} is not known here` });
    return;
  }
  const isStranger = trust === 'pairing';
  options.onChannel(boundedChannel(socket, { ...accepting, fingerprint, isStranger }));
}

/** A key costs nothing to make, and one that is known may be held by a program that runs wild. */
function boundedChannel(
  socket: TLSSocket,
  {
    system,
    refuse,
    crowds,
    fingerprint,
    isStranger,
  }: Accepting & { readonly fingerprint: string; readonly isStranger: boolean },
): Channel {
  const leaves: (() => void)[] = [];
  const settle = (): void => {
    for (const leave of leaves.splice(0)) leave();
  };
  const channel = createTlsChannel({
    socket,
    system,
    peerFingerprint: fingerprint,
    isStranger,
    onAdmitted: settle,
  });
  const drop = (): void => {
    const text = 'Too many connections wait here to be let in.';
    channel.send(encodeMessage({ kind: 'close', code: 'USYNC-1507', text }));
    channel.close(text);
    refuse({
      remoteAddress: channel.remoteAddress,
      code: 'USYNC-1507',
      reason: 'too many connections wait to be let in',
    });
  };
  leaves.push(crowds.byKey.enter(fingerprint, drop));
  if (isStranger) leaves.push(crowds.byAddress.enter(networkOf(socket.remoteAddress ?? ''), drop));
  socket.once('close', settle);
  return channel;
}

/** A server that is not trusted learns why it is turned away; nothing that it sends is read. */
function tellAndEnd(socket: TLSSocket, system: System): void {
  const text = 'The key of your server is not known here.';
  const frame = encodeMessage({ kind: 'close', code: 'USYNC-1401', text });
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUInt32BE(frame.length);
  socket.end(Buffer.concat([header, frame]));
  const cancel = system.after(1_000, () => socket.destroy());
  socket.once('close', cancel);
}

function peerFingerprintOf(socket: TLSSocket): string | null {
  const certificate = socket.getPeerX509Certificate();
  return certificate ? fingerprintOfKey(certificate.publicKey) : null;
}

function bind(server: Server, { host, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${host}:${port}`;
      if (error.code === 'EADDRINUSE') {
        reject(new SyncError('USYNC-1500', `Another program listens on ${where}.`, { facts: { where }, cause: error }));
        return;
      }
      const text = `Universal Sync cannot listen on ${where}: ${error.message}.`;
      reject(new SyncError('USYNC-1101', text, { facts: { where }, cause: error }));
    });
    server.listen({ host, port }, () => {
      server.removeAllListeners('error');
      // After it listens, errors are of single connections and are reported there.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

interface Inlet {
  readonly onread: OnReadOpts;
  readonly listen: (take: (bytes: Uint8Array) => void) => void;
}

/** One buffer for all that a socket reads, instead of one for each record. */
function createInlet(): Inlet {
  const early: Uint8Array[] = [];
  let take: ((bytes: Uint8Array) => void) | null = null;
  return {
    onread: {
      buffer: new Uint8Array(readBytesMax),
      callback(count, buffer) {
        const bytes = buffer.subarray(0, count);
        if (take === null) early.push(bytes.slice());
        else take(bytes);
        return true;
      },
    },
    listen(listener) {
      take = listener;
      for (const bytes of early.splice(0)) listener(bytes);
    },
  };
}

/** TLS has no larger records. */
const readBytesMax = 16 * 1024;

function dial(key: TlsKey, system: System, options: DialOptions): Promise<Channel> {
  const where = `${options.host}:${options.port}`;
  return new Promise((resolve, reject) => {
    // No `session`: a resumed one would show no certificate. No server name: what counts is the key.
    const inlet = createInlet();
    const socket = connectTls({
      ...secure(key),
      ...{ onread: inlet.onread },
      host: options.host,
      port: options.port,
      servername: '',
      checkServerIdentity: () => undefined,
    });
    const settle = (): void => {
      cancelTimer();
      options.signal?.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      socket.removeListener('close', onClose);
    };
    const fail = (error: SyncError): void => {
      settle();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(new SyncError('USYNC-1002', `Connecting to ${where} was cancelled.`));
    const onClose = (): void => fail(new SyncError('USYNC-1501', `${where} closed the connection at once.`));
    const onError = (error: NodeJS.ErrnoException): void => fail(explainDial(where, error));
    const cancelTimer = system.after(options.timeoutMs, () =>
      fail(
        new SyncError('USYNC-1501', `${where} did not answer within ${options.timeoutMs} ms.`, { facts: { where } }),
      ),
    );
    socket.on('error', onError);
    socket.on('close', onClose);
    options.signal?.addEventListener('abort', onAbort);
    if (options.signal?.aborted) onAbort();
    socket.once('secureConnect', () => {
      const refusal = checkPin(socket, where, options.fingerprint);
      if (refusal) {
        fail(refusal);
        return;
      }
      settle();
      resolve(
        createTlsChannel({
          socket,
          system,
          peerFingerprint: options.fingerprint,
          isStranger: false,
          onRead: inlet.listen,
        }),
      );
    });
  });
}

function checkPin(socket: TLSSocket, where: string, fingerprint: string): SyncError | null {
  const shown = peerFingerprintOf(socket);
  if (shown === fingerprint) {
    if (socket.alpnProtocol === alpn) return null;
    return new SyncError('USYNC-1502', `${where} does not speak the protocol of Universal Sync.`, { facts: { where } });
  }
  const text = `${where} shows another key than the one that is pinned: it is another server, or something in between intercepts TLS.`;
  return new SyncError('USYNC-1401', text, { facts: { where, expected: fingerprint, shown } });
}

function explainDial(where: string, error: NodeJS.ErrnoException): SyncError {
  const { code } = explainHandshake(error);
  if (code === 'USYNC-1502') {
    return new SyncError('USYNC-1502', `${where} does not speak the protocol of Universal Sync.`, {
      facts: { where },
      cause: error,
    });
  }
  const text = `${where} cannot be reached: ${errorMessageOf(error)}.`;
  return new SyncError('USYNC-1501', text, { facts: { where }, cause: error });
}

/** OpenSSL's words for "this is no TLS 1.3" and Node's for "it went away", as codes. */
function explainHandshake(error: NodeJS.ErrnoException): { code: 'USYNC-1502' | 'USYNC-1501'; reason: string } {
  const isForeign = /^ERR_SSL_|EPROTO/.test(error.code ?? '');
  if (isForeign) return { code: 'USYNC-1502', reason: 'the other side does not speak TLS 1.3' };
  return { code: 'USYNC-1501', reason: `the handshake did not finish: ${error.message}` };
}
