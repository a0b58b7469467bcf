/** The page and the API of one running engine, from its start to its end. */
import { X509Certificate } from 'node:crypto';
import type { LoadedConfig } from '../config/load-config.js';
import type { Engine } from '../engine/engine.js';
import type { DataFiles } from '../system/data-files.js';
import { openProcessFigures } from '../system/process-figures.js';
import type { System } from '../system/system.js';
import { openAccess } from './access/access.js';
import { openAuditLog } from './access/audit-log.js';
import { makeSetupToken, setupLink, urlFile } from './access/setup-link.js';
import { startAlerts } from './alerts/alerts.js';
import type { ApiContext } from './api-context.js';
import type { Assets } from './assets.js';
import type { Finding } from './contract/status-routes.js';
import { createApp } from './create-app.js';
import { openExpectedServers } from './expected-servers.js';
import { createJobs } from './jobs.js';
import { isLoopbackHost } from './known-hosts.js';
import { createKeptAnswers } from './kept-answers.js';
import { createLagSeries } from './lag-series.js';
import { readTls } from './listen.js';
import { createLiveFeed } from './live-feed.js';
import { createRequestTimes } from './metrics/request-times.js';
import { openPageAddress, type PageAddress } from './page-address.js';
import { portNote } from './port-note.js';
import { createSettingsFile } from './settings-file.js';
import { createStatusReader } from './status-reader.js';

export interface HttpServer {
  /** Where the page is: `http://127.0.0.1:7421`. */
  readonly url: string;
  /** For the first user; null when there is one. */
  readonly setupLink: string | null;
  /** Why it listens on loopback although the configuration names another address; null when it does as it was told. */
  readonly restriction: string | null;
  /** Why it has not the usual port; null when it has, or one that the configuration names. */
  readonly portNote: string | null;
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
  readonly onListening?: (address: Pick<HttpServer, 'url' | 'restriction'>) => void;
}

export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { loaded, system, setupFiles } = options;
  const { http } = loaded.config;
  const tls = await readTls(http);
  let address: PageAddress | null = null;
  const { id } = (await options.engine.status()).server;
  const context = await openContext(options, {
    serverId: id,
    isSecure: tls !== null,
    certificateEndsMs: tls && Date.parse(new X509Certificate(tls.cert).validTo),
    onSetUp: () => void system.after(widenAfterMs, () => void widen().catch(() => undefined)),
  });
  const app = createApp({
    context,
    assets: options.assets,
    hostRules: () => ({ hosts: http.hosts, isLoopback: isLoopbackHost(address?.host ?? '127.0.0.1') }),
    // Cookies know no port: two servers of one machine must not sign each other out.
    cookieName: `${tls === null ? 'usync' : '__Host-usync'}-${id.slice(0, 8)}`,
  });
  const opened = await openPageAddress({ http, tls, fetch: app.fetch, hasUsers: () => context.access.hasUsers() });
  address = opened;
  /** The first user is there: what was kept on loopback may be reached as the configuration says. */
  const widen = async (): Promise<void> => {
    if (!(await opened.widen())) return;
    await setupFiles.write(urlFile, opened.url);
    options.onListening?.(opened);
  };
  await setupFiles.write(urlFile, opened.url);
  return {
    get url() {
      return opened.url;
    },
    get restriction() {
      return opened.restriction;
    },
    portNote: portNote(http, opened.url),
    setupLink: context.access.hasUsers() ? null : setupLink(opened.url, await makeSetupToken(setupFiles, system)),
    async close() {
      await setupFiles.remove(urlFile);
      context.alerts.close();
      context.live.close();
      context.lag.close();
      context.status.close();
      await opened.close();
      await context.jobs.close();
      await context.access.flush();
      context.figures.close();
    },
  };
}

async function openContext(
  { engine, loaded, file, version, system, files, setupFiles, doctor, passwordCostBits }: HttpServerOptions,
  given: Pick<ApiContext, 'serverId' | 'isSecure' | 'onSetUp' | 'certificateEndsMs'>,
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
    lag: createLagSeries({ engine, status, system }),
    kept: createKeptAnswers(system, () => engine.isAtWork()),
    figures: openProcessFigures(),
    requestTimes: createRequestTimes(),
  };
}

/** The answer to the set-up goes out first. */
const widenAfterMs = 1_000;
