import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { openFolder } from './compose-folder.js';
import type { Config, DatasetConfig } from './config/config.js';
import { errorCodeOf, SyncError } from './core/sync-error.js';
import { refuseHeld, takeEngineLock } from './databases/sqlite/connection/engine-lock.js';
import { openSqliteServerList } from './databases/sqlite/sqlite-server-list.js';
import { createWorkerReplica } from './databases/sqlite/worker/worker-replica.js';
import type { Replica } from './databases/replica.js';
import { createEngine } from './engine/create-engine.js';
import type { Engine, EngineAdapters, ReplicaOptions } from './engine/engine.js';
import type { Observe } from './observe/event.js';
import { refuseUnusable } from './refuse-unusable.js';
import { readBootId } from './system/boot-id.js';
import type { DataFiles } from './system/data-files.js';
import { openDiskDataFiles } from './system/disk-data-files.js';
import { createRealSystem } from './system/real-system.js';
import type { System } from './system/system.js';
import { loadIdentity } from './transports/tls/identity.js';
import { createTlsTransport } from './transports/tls/tls-transport.js';

export interface ComposeOptions {
  readonly version: string;
  /** Where events go beside the engine's own activity list: the log. */
  readonly observe: Observe;
}

/** The engine on SQLite files and direct TLS connections: the one place that names the concrete adapters. */
export function composeEngine(config: Config, { version, observe }: ComposeOptions): Engine {
  return createEngine({ ...config, version }, realAdapters(observe));
}

function realAdapters(observe: Observe): EngineAdapters {
  const system = createRealSystem();
  return {
    system,
    observe,
    openReplica,
    openListReplica: (options) => openInThread(options, system),
    openServerList: openSqliteServerList,
    openFiles: (folder) => openDiskDataFiles(folder, system),
    bootId: readBootId,
    async openTransport(files) {
      const identity = await loadIdentity(files, system);
      const { server, fingerprint } = identity;
      return { server, fingerprint, transport: createTlsTransport(identity, system) };
    },
    refuseUnusable: refuseUnusableDatabase,
    lockFolder: (files, owner) => lockFolder(files, owner, system),
  };
}

/** Loaded late: by then the worker of the first dataset loads the same in its own thread. */
async function openInThread(options: ReplicaOptions, system: System): Promise<Replica> {
  const { createSqliteReplica } = await import('./databases/sqlite/sqlite-replica.js');
  const { sqlite = '' } = options.dataset;
  return createSqliteReplica({ ...plainOptions(sqlite, options), identity: options.identity, system });
}

function openReplica(options: ReplicaOptions): Replica {
  const { sqlite, folder } = options.dataset;
  if (sqlite !== undefined)
    return createWorkerReplica({ ...plainOptions(sqlite, options), identity: options.identity });
  if (folder !== undefined) return openFolder(folder, options);
  throw new SyncError('USYNC-1101', `Dataset ${options.dataset.name} names neither a database nor a folder.`);
}

function plainOptions(sqlite: string, { dataset, dataFolder, observe }: ReplicaOptions) {
  const { name, tables, landing, polite, schemaChanges } = dataset;
  return {
    path: sqlite,
    dataset: name,
    observe,
    dataFolder,
    spoolFolder: join(dataFolder, 'spool', encodeURIComponent(name)),
    tables,
    propagatesSchema: schemaChanges === 'additive',
    pace: { landing, polite },
  };
}

/** Folders are left to their replica, which waits for them. */
function refuseUnusableDatabase({ sqlite, ...dataset }: DatasetConfig): void {
  if (sqlite === undefined) return;
  refuseUnusable({ ...dataset, sqlite });
  refuseHeld(realpathSync(sqlite));
}

/** The same lock as on a database: freed by the kernel, however the process ends. */
async function lockFolder(files: DataFiles, owner: string, system: System): Promise<{ release(): Promise<void> }> {
  const folder = files.path('engine').replace(/[/\\]engine$/, '');
  try {
    const lock = takeEngineLock({ realPath: files.path('engine'), server: owner, dataFolder: folder, system });
    return { release: () => Promise.resolve(lock.release()) };
  } catch (error) {
    if (!(error instanceof SyncError) || errorCodeOf(error) !== 'USYNC-1206') throw error;
    const { server, pid } = error.facts;
    const who = server === undefined ? 'Another engine' : `The engine of "${String(server)}" (process ${String(pid)})`;
    throw new SyncError('USYNC-1206', `${who} already works in the data folder ${folder}.`, {
      facts: error.facts,
      nextStep: error.nextStep,
      cause: error,
    });
  }
}
