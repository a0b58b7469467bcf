/**
 * Exactly one engine works on a database. The proof is a lock on a small SQLite file beside the database, which the
 * kernel frees when the process ends, however it ends. Who holds it is written beside the lock, for the message only:
 * that text may be stale, the lock cannot be.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { SyncError } from '../../../core/sync-error.js';
import type { System } from '../../../system/system.js';
import { openConnection, type Connection } from './driver.js';
import { isLocked } from './sqlite-failure.js';

export interface EngineOwner {
  readonly server: string;
  readonly pid: number;
  readonly host: string;
  readonly dataFolder: string;
  /** When it took the lock. Unix milliseconds. */
  readonly sinceMs: number;
}

export interface EngineLock {
  readonly owner: EngineOwner;
  /** Frees the lock. The files stay: removing a lock file lets two processes hold "the" lock on two files. */
  release(): void;
}

export interface EngineLockOptions {
  /** The database without symbolic links, so that one file has one lock. */
  readonly realPath: string;
  readonly server: string;
  readonly dataFolder: string;
  readonly system: System;
}

/** Throws `SyncError` USYNC-1206 with the holder's name when another engine works on the database. */
export function takeEngineLock(options: EngineLockOptions): EngineLock {
  const { system } = options;
  const connection = lockFile(options.realPath);
  // Written once: a file that is replaced again and again keeps the disk from resting, and waits for it when it is busy.
  const owner: EngineOwner = {
    server: options.server,
    pid: process.pid,
    host: hostname(),
    dataFolder: options.dataFolder,
    sinceMs: system.nowMs(),
  };
  writeOwner(options.realPath, owner);
  return {
    owner,
    release() {
      if (!connection.isOpen) return;
      rmSync(ownerPath(options.realPath), { force: true });
      connection.close();
    },
  };
}

/** Who holds the lock now; null when nobody does. Takes nothing. */
export function engineHolding(realPath: string): EngineOwner | 'unknown' | null {
  try {
    lockFile(realPath).close();
    return null;
  } catch (error) {
    if (error instanceof SyncError && error.code === 'USYNC-1206') return readOwner(realPath) ?? 'unknown';
    throw error;
  }
}

/** Throws as `takeEngineLock` does when another engine works on the database. Takes and makes nothing. */
export function refuseHeld(realPath: string): void {
  if (existsSync(lockPath(realPath))) lockFile(realPath).close();
}

const lockPath = (realPath: string): string => `${realPath}-usync-lock`;
const ownerPath = (realPath: string): string => `${realPath}-usync-owner`;

/**
 * An open exclusive transaction in rollback mode is a lock of the kernel on the file. It is begun on an empty file and
 * never writes, so there is nothing to recover after a kill.
 */
function lockFile(realPath: string): Connection {
  const connection = openConnection(lockPath(realPath));
  try {
    connection.exec('BEGIN EXCLUSIVE');
    return connection;
  } catch (error) {
    connection.close();
    if (!isLocked(error)) throw error;
    throw heldBy(realPath, readOwner(realPath), error);
  }
}

function heldBy(realPath: string, owner: EngineOwner | null, cause: unknown): SyncError {
  if (!owner) return new SyncError('USYNC-1206', `another sync engine works on ${realPath}`, { cause });
  const { server, pid, host, dataFolder, sinceMs } = owner;
  const text = `server "${server}" (process ${pid} on ${host}, data folder ${dataFolder})`;
  return new SyncError('USYNC-1206', `${text} already works on ${realPath}`, {
    facts: { server, pid, host, dataFolder, since: new Date(sinceMs).toISOString() },
    nextStep: `Stop ${text} first.`,
    cause,
  });
}

function writeOwner(realPath: string, owner: EngineOwner): void {
  const path = ownerPath(realPath);
  // Renamed into place, so that a reader never sees half of it. Once, at opening, in the thread of the replica.
  writeFileSync(`${path}.new`, `${JSON.stringify(owner)}\n`);
  renameSync(`${path}.new`, path);
}

function readOwner(realPath: string): EngineOwner | null {
  try {
    const owner = JSON.parse(readFileSync(ownerPath(realPath), 'utf8')) as EngineOwner;
    return typeof owner.server === 'string' && typeof owner.pid === 'number' ? owner : null;
  } catch {
    // Missing or damaged: the lock alone decides, the text only names.
    return null;
  }
}
