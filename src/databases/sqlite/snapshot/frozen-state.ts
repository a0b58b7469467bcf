import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openConnection, type Connection } from '../connection/driver.js';
import { startFileCopier, type FileCopier } from '../connection/file-copy.js';
import type { SqliteModule } from '../connection/sqlite-module.js';
import { beginReading } from '../connection/transaction.js';
import { openContext } from '../stores/open-context.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { whenFree } from '../stores/store-transaction.js';

/** The whole state as it was at one moment. Reading it takes no time from anybody: neither locks nor the calls of the replica. */
export interface FrozenState {
  readonly context: ReplicaContext;
  /** Forgets it; what it stood on is removed. */
  close(): void;
}

export interface FreezeOptions {
  /** Where a copy of the database may stand for a while. */
  readonly folder: string;
  readonly module?: SqliteModule;
}

/**
 * - In WAL mode a read transaction of a second connection is such a state: it holds up no writer.
 * - In the rollback journal modes a reader keeps every writer from committing, so the file is copied under the lock of a
 *   reader, which takes a second for gigabytes where reading them row by row takes minutes, and read from the copy.
 *
 * Throws where that cannot be had, for instance when there is no room for the copy: then the state is to be read under the lock.
 */
export function freezeState(context: ReplicaContext, options: FreezeOptions): Promise<FrozenState> {
  const mode = String(context.connection.prepare('PRAGMA journal_mode').get()?.[0]);
  return mode === 'wal' ? freezeReader(context, options) : freezeCopy(context, options);
}

async function freezeReader(context: ReplicaContext, { module }: FreezeOptions): Promise<FrozenState> {
  const connection = await startReading(context, module);
  return { context: contextOn(context, connection), close: () => connection.close() };
}

async function freezeCopy(context: ReplicaContext, { folder, module }: FreezeOptions): Promise<FrozenState> {
  const own = mkdtempSync(join(folder, 'copy-'));
  const remove = (): void => rmSync(own, { recursive: true, force: true });
  const path = join(own, 'database');
  let copier: FileCopier | null = null;
  try {
    copier = await startFileCopier();
    const reading = await startReading(context, module);
    try {
      await copier.copy({ from: context.connection.location, to: path });
    } finally {
      reading.close();
    }
    const connection = openConnection(path, module ? { module } : {});
    return {
      context: contextOn(context, connection),
      close() {
        connection.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  } finally {
    copier?.end();
  }
}

/** A connection of its own in a read transaction that has begun. */
function startReading(context: ReplicaContext, module: SqliteModule | undefined): Promise<Connection> {
  return whenFree(context.system, () => {
    const connection = openConnection(context.connection.location, module ? { module } : {});
    try {
      connection.exec('BEGIN DEFERRED');
      beginReading(connection);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  });
}

/** The same replica, with nothing in memory yet. */
const contextOn = (
  { dataset, identity, system, observe, adjust, propagatesSchema }: ReplicaContext,
  connection: Connection,
): ReplicaContext => openContext(connection, { dataset, identity, system, observe, adjust, propagatesSchema });

/** Beyond this a state is frozen: less is read sooner than a process is started. */
const frozenFromBytes = 2 * 1024 * 1024;

export const isWorthFreezing = ({ connection }: ReplicaContext): boolean =>
  connection.location !== ':memory:' &&
  (statSync(connection.location, { throwIfNoEntry: false })?.size ?? 0) > frozenFromBytes;
