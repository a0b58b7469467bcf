/** What every route works with. Made once, when the engine has started. */
import type { Config } from '../config/config.js';
import type { Engine } from '../engine/engine.js';
import type { System } from '../system/system.js';
import type { Access } from './access/access.js';
import type { AuditLog } from './access/audit-log.js';
import type { Caller } from './access/caller.js';
import type { Alerts } from './alerts/alerts.js';
import type { Finding } from './contract/status-routes.js';
import type { Jobs } from './jobs.js';
import type { KeptAnswers } from './kept-answers.js';
import type { LagSeries } from './lag-series.js';
import type { LiveFeed } from './live-feed.js';
import type { RequestTimes } from './metrics/request-times.js';
import type { SettingsFile } from './settings-file.js';
import type { StatusReader } from './status-reader.js';
import type { ExpectedServers } from './expected-servers.js';
import type { ProcessFigures } from '../system/process-figures.js';

export interface ApiContext {
  readonly engine: Engine;
  readonly config: Config;
  readonly version: string;
  readonly serverId: string;
  readonly system: System;
  readonly access: Access;
  readonly audit: AuditLog;
  readonly jobs: Jobs;
  readonly live: LiveFeed;
  readonly status: StatusReader;
  readonly lag: LagSeries;
  readonly kept: KeptAnswers;
  readonly settings: SettingsFile;
  readonly expected: ExpectedServers;
  readonly alerts: Alerts;
  /** What `usync doctor` looks at, besides what the engine tells. */
  readonly doctor: () => readonly Finding[];
  readonly figures: ProcessFigures;
  readonly requestTimes: RequestTimes;
  /** When the certificate of the page ends; null without one. */
  readonly certificateEndsMs: number | null;
  readonly isSecure: boolean;
  /** A first user is there: the page may be served on the address of the configuration. */
  readonly onSetUp: () => void;
}

/** One request, once its sender is known and its input is checked. */
export interface ApiCall {
  readonly caller: Caller;
  readonly agent: string;
  readonly signal: AbortSignal;
  readonly lastEventId: string | null;
  /** How long the caller would wait for what is read now rather than told from before. */
  readonly patienceMs: number;
  /** The file of an upload. */
  readonly file: Uint8Array | null;
  /** For the log of what people did: what it was done to, where the path does not tell; and who it turned out to be. */
  tellAudit(subject: string, who?: string): void;
  setCookie(secret: string | null): void;
  /** For answers whose fields are all taken: the header `Age`, unless it is 0. */
  tellAge(ageMs: number): void;
}
