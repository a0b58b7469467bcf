import { readFile } from 'node:fs/promises';
import { createServer, type Server as PlainServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import type { HttpConfig } from '../config/config.js';
import { errorMessageOf, SyncError } from '../core/sync-error.js';

export interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Null where none is configured. Throws USYNC-1910. */
export async function readTls({ certificate, key }: HttpConfig): Promise<Tls | null> {
  if (certificate === undefined || key === undefined) return null;
  try {
    const tls = { cert: await readFile(certificate), key: await readFile(key) };
    // Throws where the key is of another certificate.
    createSecureContext(tls);
    return tls;
  } catch (error) {
    throw new SyncError('USYNC-1910', `The certificate of the page cannot be used: ${errorMessageOf(error)}.`, {
      cause: error,
    });
  }
}

/** An open address of the page. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly fetch: (request: Request, bindings: HttpBindings) => Response | Promise<Response>;
  readonly tls: Tls | null;
  readonly host: string;
  /** Absent: the usual one, or a free one where that is taken. */
  readonly port: number | undefined;
  /** Other limits for who sends slowly, in milliseconds. */
  readonly limits?: Partial<typeof serverLimits>;
}

/** Throws USYNC-1910 with the reason. */
export async function listenAt({ port, ...options }: ListenOptions): Promise<Listening> {
  if (port !== undefined) return listenOnce(options, port);
  try {
    return await listenOnce(options, defaultHttpPort);
  } catch (error) {
    if (!(error instanceof SyncError) || error.facts['reason'] !== 'EADDRINUSE') throw error;
    return listenOnce(options, 0);
  }
}

async function listenOnce(
  { fetch: answer, tls, host, limits = {} }: Omit<ListenOptions, 'port'>,
  port: number,
): Promise<Listening> {
  const serverOptions = { ...serverLimits, ...limits };
  const server = createAdaptorServer({
    fetch: (request, bindings) => answer(request, bindings as HttpBindings),
    overrideGlobalObjects: false,
    ...(tls === null
      ? { createServer, serverOptions }
      : { createServer: createSecureServer, serverOptions: { ...serverOptions, ...tls, minVersion: 'TLSv1.2' } }),
  }) as PlainServer;
  server.maxConnections = connectionsMax;
  await new Promise<void>((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        new SyncError('USYNC-1910', `The page cannot listen on ${host}:${port}: ${error.message}.`, {
          facts: { reason: error.code ?? '' },
          cause: error,
        }),
      ),
    );
    server.listen({ host, port }, done);
  });
  server.on('error', () => undefined);
  const address = server.address();
  const listeningPort = typeof address === 'object' && address !== null ? address.port : port;
  const shown = shownHost(host);
  return {
    host,
    port: listeningPort,
    url: `${tls === null ? 'http' : 'https'}://${shown}:${listeningPort}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Of "all addresses" the one that is always there. */
const shownHost = (host: string): string =>
  host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;

export const defaultHttpPort = 7421;
const connectionsMax = 1_024;
/** Times in milliseconds: who sends slowly is cut off. */
const serverLimits = {
  ...{ headersTimeout: 10_000, requestTimeout: 300_000, maxHeaderSize: 16_384 },
  // Node.js looks every 30 s when it is not told.
  connectionsCheckingInterval: 2_000,
};
