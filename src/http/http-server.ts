/** The page and the API of one running engine, from its start to its end. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server as PlainServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import type { LoadedConfig } from '../config/load-config.js';
import { errorMessageOf, SyncError } from '../core/sync-error.js';
import type { Engine } from '../engine/engine.js';
import type { DataFiles } from '../system/data-files.js';
import { openProcessFigures } from '../system/process-figures.js';
import type { System } from '../system/system.js';
import { openAccess } from './access/access.js';
import { openAuditLog } from './access/audit-log.js';
import { makeSetupToken, setupLink, urlFile } from './access/setup-link.js';
import { startAlerts } from './alerts.js';
import type { ApiContext } from './api-context.js';
import type { Assets } from './assets.js';
import type { Finding } from './contract/status-routes.js';
import { createApp } from './create-app.js';
import { openExpectedServers } from './expected-servers.js';
import { createJobs } from './jobs.js';
import { isLoopbackHost } from './known-hosts.js';
import { createLiveFeed } from './live-feed.js';
import { createRequestTimes } from './metrics/request-times.js';
import { createSettingsFile } from './settings-file.js';
import { createStatusReader } from './status-reader.js';

export interface HttpServer {
  /** Where the page is: `http://127.0.0.1:7421`. */
  readonly url: string;
  /** For the first user; null when there is one. */
  readonly setupLink: string | null;
  /** Why it listens on loopback although the configuration names another address; null when it does as it was told. */
  readonly restriction: string | null;
  close(): Promise<void>;
}

export interface HttpServerOptions {
  readonly engine: Engine;
  readonly loaded: LoadedConfig;
  /** The configuration file; null for none. */
  readonly file: string | null;
  readonly version: string;
  readonly system: System;
  /** A folder of its own within the data folder. */
  readonly files: DataFiles;
  readonly setupFiles: DataFiles;
  readonly assets: Assets;
  readonly doctor: () => readonly Finding[];
  readonly passwordCostBits?: number;
  /** Called when it listens elsewhere than before. */
  readonly onListening?: (url: string) => void;
}

export const defaultHttpPort = 7421;

export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { loaded, system, setupFiles } = options;
  const { http } = loaded.config;
  const tls = await readTls(http);
  const state: HttpState = { listening: null, isClosed: false };
  const context = await openContext(options, {
    isSecure: tls !== null,
    certificateEndsMs: tls && Date.parse(new X509Certificate(tls.cert).validTo),
    onSetUp: () => void system.after(widenAfterMs, () => void widen().catch(() => undefined)),
  });
  const { id } = (await options.engine.status()).server;
  const app = createApp({
    context,
    assets: options.assets,
    hostRules: () => ({ hosts: http.hosts, isLoopback: isLoopbackHost(state.listening?.host ?? '127.0.0.1') }),
    // Cookies know no port: two servers of one machine must not sign each other out.
    cookieName: `${tls === null ? 'usync' : '__Host-usync'}-${id.slice(0, 8)}`,
  });
  const listen = (): Promise<Listening> =>
    listenAt({ fetch: app.fetch, tls, host: allowedHost(context, http.host, tls !== null), port: http.port });
  /** The first user is there: what was kept on loopback may be reached as the configuration says. */
  const widen = async (): Promise<void> => {
    const before = state.listening;
    if (state.isClosed || before === null || allowedHost(context, http.host, tls !== null) === before.host) return;
    await before.close();
    state.listening = await listen();
    await setupFiles.write(urlFile, state.listening.url);
    options.onListening?.(state.listening.url);
  };
  state.listening = await listen();
  const { url, host } = state.listening;
  await setupFiles.write(urlFile, url);
  return {
    get url() {
      return state.listening?.url ?? url;
    },
    setupLink: context.access.hasUsers() ? null : setupLink(url, await makeSetupToken(setupFiles, system)),
    restriction: host === http.host ? null : restrictionText(http.host, tls !== null),
    async close() {
      state.isClosed = true;
      await setupFiles.remove(urlFile);
      context.alerts.close();
      context.live.close();
      context.status.close();
      await state.listening?.close();
      await context.jobs.close();
      await context.access.flush();
      context.figures.close();
    },
  };
}

interface HttpState {
  listening: Listening | null;
  isClosed: boolean;
}

type HttpConfig = LoadedConfig['config']['http'];

/** Loopback alone until a user and a certificate are there. */
const allowedHost = ({ access }: ApiContext, host: string, isSecure: boolean): string =>
  isLoopbackHost(host) || (isSecure && access.hasUsers()) ? host : '127.0.0.1';

const restrictionText = (host: string, isSecure: boolean): string =>
  isSecure
    ? `The page is served on 127.0.0.1 until the first user is set up, then on ${host}.`
    : `The page is served on 127.0.0.1 alone: ${host} needs "http.certificate" and "http.key".`;

interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

async function readTls({ certificate, key }: HttpConfig): Promise<Tls | null> {
  if (certificate === undefined || key === undefined) return null;
  try {
    return { cert: await readFile(certificate), key: await readFile(key) };
  } catch (error) {
    throw new SyncError('USYNC-1910', `The certificate of the page cannot be read: ${errorMessageOf(error)}.`, {
      cause: error,
    });
  }
}

async function openContext(
  { engine, loaded, file, version, system, files, setupFiles, doctor, passwordCostBits }: HttpServerOptions,
  given: Pick<ApiContext, 'isSecure' | 'onSetUp' | 'certificateEndsMs'>,
): Promise<ApiContext> {
  const { config } = loaded;
  const jobs = createJobs(system);
  const status = createStatusReader(engine, system);
  const expected = await openExpectedServers(files);
  return {
    ...{ engine, config, version, system, jobs, status, expected, doctor, ...given },
    access: await openAccess({ files, setupFiles, system, passwordCostBits }),
    audit: await openAuditLog(files),
    settings: createSettingsFile({ ...loaded, file }),
    alerts: startAlerts({ config, system, status }),
    live: createLiveFeed({ engine, config, version, system, jobs, status, expected }),
    figures: openProcessFigures(),
    requestTimes: createRequestTimes(),
  };
}

interface Listening {
  readonly host: string;
  readonly url: string;
  close(): Promise<void>;
}

interface ListenOptions {
  readonly fetch: (request: Request, bindings: HttpBindings) => Response | Promise<Response>;
  readonly tls: Tls | null;
  readonly host: string;
  /** Absent: the usual one, or a free one where that is taken. */
  readonly port: number | undefined;
}

async function listenAt({ port, ...options }: ListenOptions): Promise<Listening> {
  if (port !== undefined) return listenOnce(options, port);
  try {
    return await listenOnce(options, defaultHttpPort);
  } catch (error) {
    if (!(error instanceof SyncError) || error.facts['reason'] !== 'EADDRINUSE') throw error;
    return listenOnce(options, 0);
  }
}

async function listenOnce({ fetch: answer, tls, host }: Omit<ListenOptions, 'port'>, port: number): Promise<Listening> {
  const server = createAdaptorServer({
    fetch: (request, bindings) => answer(request, bindings as HttpBindings),
    overrideGlobalObjects: false,
    ...(tls === null
      ? { createServer, serverOptions: serverLimits }
      : { createServer: createSecureServer, serverOptions: { ...serverLimits, ...tls, minVersion: 'TLSv1.2' } }),
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
  const shown = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host;
  return {
    host,
    url: `${tls === null ? 'http' : 'https'}://${shown}:${listeningPort}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The answer to the set-up goes out first. */
const widenAfterMs = 1_000;
const connectionsMax = 1_024;
/** Times in milliseconds: who sends slowly is cut off. */
const serverLimits = { headersTimeout: 10_000, requestTimeout: 300_000, maxHeaderSize: 16_384 };
