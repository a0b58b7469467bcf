/**
 * Universal Sync for Node.js applications: the same engine that `usync run` runs, inside your own process.
 * It works beside any access to the database, also by other programs: capture is in the database itself.
 */
import { composeEngine } from './compose-engine.js';
import type { JournalConfig, TableConfig } from './config/config.js';
import { configOf } from './config/load-config.js';
import type { Engine } from './engine/engine.js';
import { packageVersion } from './package-version.js';
import type { Observe } from './observe/event.js';

export { errorCatalogue, type ErrorCode, type ErrorEntry } from './core/error-catalogue.js';
export { SyncError, type ErrorFacts } from './core/sync-error.js';
export type * from './engine/decisions.js';
export type * from './engine/engine.js';
export type * from './engine/engine-status.js';
export type { EventDetail, Observe, ObservedEvent } from './observe/event.js';
export type { Problem } from './observe/problem.js';
export type { ColumnConfig, JournalConfig, TableConfig } from './config/config.js';

export interface SyncOptions {
  /** What people call this server; the machine's name when absent. */
  readonly name?: string;
  /** Keys and state of this server. Never copy it to another one. */
  readonly dataFolder: string;
  /** Where other servers connect to this one; every address and port 7420 when absent. */
  readonly listen?: { readonly host?: string; readonly port?: number; readonly advertise?: readonly string[] };
  readonly datasets: readonly SyncDataset[];
  readonly journal?: Partial<JournalConfig>;
  /** Told of everything that happens. Must not throw; what it throws is left out. */
  readonly observe?: Observe;
}

export interface SyncDataset {
  /** The same name on two servers means the same dataset. */
  readonly name: string;
  /** The application's SQLite file, which exists and holds its tables. Either this or `folder`. */
  readonly sqlite?: string;
  /** A folder that exists. */
  readonly folder?: string;
  /** For a folder: what stays on this server, in the syntax of gitignore. */
  readonly ignore?: readonly string[];
  readonly landing?: 'bounded' | 'whole';
  readonly polite?: boolean;
  readonly schemaChanges?: 'none' | 'additive';
  readonly tables?: Readonly<Record<string, TableConfig>>;
}

/**
 * An engine that has not started: nothing is touched before `start()`. Throws `SyncError` USYNC-1101 with every mistake
 * in the options. Stop it before the process ends, or use `await using`.
 */
export function createSync({ observe, ...options }: SyncOptions): Engine {
  return composeEngine(configOf(options), { version: packageVersion(), observe: observe ?? (() => undefined) });
}
