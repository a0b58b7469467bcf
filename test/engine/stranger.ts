/** Keys that nobody listed, on connections of their own: they say what they like. */
import type { ServerId } from '../../src/core/origin.js';
import type { HelloMessage, Message } from '../../src/protocol/message.js';
import { decodeHello, decodeMessage, encodeMessage } from '../../src/protocol/message-codec.js';
import { protocolVersionMax } from '../../src/protocol/protocol-limits.js';
import { createRealSystem } from '../../src/system/real-system.js';
import { createIdentity, type Identity } from '../../src/transports/tls/identity.js';
import { createTlsTransport } from '../../src/transports/tls/tls-transport.js';
import type { Channel } from '../../src/transports/transport.js';
import type { TestServer } from './engine-ground.js';

const system = createRealSystem();

export interface Stranger {
  readonly identity: Identity;
  readonly channel: Channel;
  /** What came, the hello first. */
  readonly received: Message[];
  isClosed: boolean;
  send(message: Message): void;
}

export const newKey = (): Identity => createIdentity(system);

/** Dials a running server with a key of its own. */
export async function strangerTo({ config, engine }: TestServer, identity = newKey()): Promise<Stranger> {
  const { server } = await engine.status();
  const { host, port } = config.listen;
  const channel = await createTlsTransport(identity, system).dial({
    host,
    port,
    fingerprint: server.fingerprint,
    timeoutMs: 5_000,
  });
  const received: Message[] = [];
  const stranger: Stranger = {
    identity,
    channel,
    received,
    isClosed: false,
    send: (message) => channel.send(encodeMessage(message)),
  };
  channel.listen({
    onFrame: (frame) => {
      const hello = received.length === 0 ? decodeHello(frame, () => true) : null;
      const message = hello ?? decodeMessage(frame);
      received.push(message);
      // It lives: a silent one would be given up anyway.
      if (message.kind === 'ping') stranger.send({ kind: 'pong', nonce: message.nonce, wallMs: Date.now() });
    },
    onDrain: () => undefined,
    onClose: () => (stranger.isClosed = true),
  });
  return stranger;
}

export const helloOf = (server: ServerId, change: Partial<HelloMessage> = {}): HelloMessage => ({
  kind: 'hello',
  versionMin: 1,
  versionMax: protocolVersionMax,
  server,
  name: 'stranger',
  bootNonce: '5'.repeat(32),
  addresses: [],
  datasets: ['shop'],
  pairing: null,
  ...change,
});
