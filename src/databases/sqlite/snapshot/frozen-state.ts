import { mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SyncError } from '../../../core/sync-error.js';
import { openConnection, type Connection } from '../connection/driver.js';
import { startFileCopier, type FileCopier } from '../connection/file-copy.js';
import { fileIdentityOf, isSameFile, type FileIdentity } from '../connection/file-identity.js';
import type { SqliteModule } from '../connection/sqlite-module.js';
import { capturedState, capturingLooksMax } from './captured-state.js';
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
  /** Takes in what applications wrote meanwhile. */
  readonly capture: () => Promise<unknown>;
}

/**
 * - In WAL mode a read transaction of a second connection is such a state: it holds up no writer.
 * - In the rollback journal modes a reader keeps every writer from committing, so the file is copied under the lock of a
 *   reader, which takes a second for gigabytes where reading them row by row takes minutes, and read from the copy.
 *
 * Throws USYNC-1208 when another file stands at the path by now, and something else where such a state cannot be had, for
 * instance when there is no room for the copy: then it is to be read under the lock.
 */
export function freezeState(context: ReplicaContext, options: FreezeOptions): Promise<FrozenState> {
  return isWal(context) ? freezeReader(context, options) : freezeCopy(context, options);
}

const isWal = ({ connection }: ReplicaContext): boolean =>
  connection.prepare('PRAGMA journal_mode').get()?.[0] === 'wal';

async function freezeReader(context: ReplicaContext, options: FreezeOptions): Promise<FrozenState> {
  const reading = await startReading(context, options);
  return { context: reading, close: () => reading.connection.close() };
}

async function freezeCopy(context: ReplicaContext, options: FreezeOptions): Promise<FrozenState> {
  const { folder, module } = options;
  const { location } = context.connection;
  refuseWithoutRoom(folder, location);
  const own = mkdtempSync(join(folder, 'copy-'));
  const remove = (): void => rmSync(own, { recursive: true, force: true });
  const path = join(own, 'database');
  let copier: FileCopier | null = null;
  try {
    // Before the look at what is captured: it takes a while, and applications write meanwhile.
    copier = await startFileCopier();
    const reading = await startReading(context, options);
    if (isWal(reading)) {
      // The application has changed the mode meanwhile: what it wrote since is not in the file, and the file changes.
      remove();
      return { context: reading, close: () => reading.connection.close() };
    }
    try {
      await copier.copy({ from: location, to: path });
    } finally {
      reading.connection.close();
    }
    const copy = contextOn(context, openConnection(path, module ? { module } : {}));
    return {
      context: copy,
      close() {
        copy.connection.close();
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

/** The copy, and the chunks that are read from it, must not take the last room from the application. */
function refuseWithoutRoom(folder: string, location: string): void {
  const { bavail, bsize } = statfsSync(folder);
  const { size } = statSync(location);
  if (bavail * bsize < 2 * size) throw new Error(`the disk of ${folder} has no room for a copy of ${size} bytes`);
}

/**
 * A connection of its own in a read transaction, in which nothing is written that was not captured: such rows have no stamp
 * yet. Applications write at any moment, so that is asked within it, and again after they were captured.
 */
async function startReading(
  context: ReplicaContext,
  { module, capture }: Pick<FreezeOptions, 'module' | 'capture'>,
): Promise<ReplicaContext> {
  const identity = fileIdentityOf(context.connection.location);
  for (let look = 1; look <= capturingLooksMax; look++) {
    if (look > 1) await capture();
    const reading = await whenFree(context.system, () => readingOf(context, { module, identity }));
    if (reading) return reading;
  }
  throw new Error('applications wrote between each two looks');
}

interface Reading {
  readonly module: SqliteModule | undefined;
  readonly identity: FileIdentity | null;
}

/** Null when something is not captured yet. */
function readingOf(context: ReplicaContext, { module, identity }: Reading): ReplicaContext | null {
  const { location } = context.connection;
  // Opening would make a file where one is put in the place of another.
  if (identity === null || !isSameFile(identity, fileIdentityOf(location)))
    throw new SyncError('USYNC-1208', `${location} was replaced by another file`);
  const connection = openConnection(location, module ? { module } : {});
  let reading: ReplicaContext | null = null;
  try {
    connection.exec('BEGIN DEFERRED');
    reading = capturedState(contextOn(context, connection));
    return reading;
  } finally {
    if (reading === null) connection.close();
  }
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
