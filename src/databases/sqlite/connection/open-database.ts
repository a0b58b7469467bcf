/**
 * Opens the application's own file. Everything that can be wrong with it is a `SyncError` that says what to do. Creates
 * nothing: a wrong path must not leave an empty database behind. Only SQLite opens the file: closing any other handle
 * on it would take away the locks that connections of this process hold (a rule of POSIX locks).
 */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorMessageOf, SyncError } from '../../../core/sync-error.js';
import { openConnection, type Connection } from './driver.js';
import { fileIdentityOf, type FileIdentity } from './file-identity.js';
import { networkFileSystemOf } from './network-filesystem.js';
import type { SqliteModule } from './sqlite-module.js';

export interface OpenedDatabase {
  readonly connection: Connection;
  /** Without symbolic links: SQLite keeps the -wal beside this one, so watches and locks belong here. */
  readonly realPath: string;
  readonly identity: FileIdentity;
  /** `wal`, `delete`, `truncate`, ... as the application chose it; never changed by us. */
  readonly journalMode: string;
  readonly sqliteVersion: string;
}

export interface OpenOptions {
  /** For reports on a database that is not synced (yet): needs no right to write. */
  readonly isReadOnly?: boolean;
  /** For those who know that locks work on their network file system. */
  readonly allowNetworkFileSystem?: boolean;
  readonly module?: SqliteModule;
}

const cacheKibibytes = 64 * 1024;

/**
 * Locked (USYNC-1201) is thrown at once: nothing here waits, since waiting would stop the whole thread. Callers try
 * again by timer.
 */
export function openDatabase(path: string, options: OpenOptions = {}): OpenedDatabase {
  const isReadOnly = options.isReadOnly ?? false;
  const realPath = checkDatabaseFile(path, options);
  // Before opening: a file that is replaced in between has another identity than this one, which is noticed.
  const identity = fileIdentityOf(realPath);
  if (!identity) throw missing(path);
  const connection = openConnection(realPath, { isReadOnly, ...(options.module && { module: options.module }) });
  try {
    applySettings(connection);
    // The first read of the file: meets locks, encryption and damage of the schema.
    connection.prepare('SELECT count(*) FROM sqlite_schema').get();
    return {
      connection,
      realPath,
      identity,
      journalMode: String(connection.prepare('PRAGMA journal_mode').get()?.[0]),
      sqliteVersion: String(connection.prepare('SELECT sqlite_version()').get()?.[0]),
    };
  } catch (error) {
    connection.close();
    throw aboutFile(error, path);
  }
}

/**
 * What can be known before SQLite opens the file, so before the lock of the engine is taken. Gives the path without
 * symbolic links.
 */
export function checkDatabaseFile(path: string, options: OpenOptions = {}): string {
  const realPath = findFile(path);
  if (!options.allowNetworkFileSystem) refuseNetworkFileSystem(path, realPath);
  if (!options.isReadOnly) checkWritable(path, realPath);
  return realPath;
}

/** Reads the whole file and its structure: seconds for a large one. Throws `SyncError` USYNC-1204 with the first finding. */
export function checkStructure(connection: Connection): void {
  const finding = String(connection.prepare('PRAGMA quick_check(1)').get()?.[0]);
  if (finding !== 'ok') throw new SyncError('USYNC-1204', `${connection.location} is damaged: ${finding}`);
}

/**
 * `foreign_keys` is off for us: merging writes parents and children itself, in the order of its rules, and an action of
 * SQLite (a cascade) would write rows that no changeset names. `trusted_schema` stays as SQLite has it, since triggers
 * of the application may call what needs it.
 */
function applySettings(connection: Connection): void {
  connection.exec(`PRAGMA cache_size = -${cacheKibibytes}`);
  connection.exec('PRAGMA synchronous = NORMAL');
  connection.exec('PRAGMA foreign_keys = OFF');
}

function findFile(path: string): string {
  try {
    const realPath = realpathSync(path);
    const stats = statSync(realPath);
    if (stats.isDirectory())
      throw new SyncError('USYNC-1203', `${path} is a folder, not a database file`, {
        nextStep: 'Correct the path in the configuration so that it names the file.',
      });
    if (!stats.isFile()) throw new SyncError('USYNC-1203', `${path} is not a regular file`);
    if (stats.size === 0)
      throw new SyncError('USYNC-1200', `${path} is empty: it holds no tables yet`, {
        nextStep: 'Start the application once, so that it makes its tables.',
      });
    return realPath;
  } catch (error) {
    if (error instanceof SyncError) throw error;
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') throw missing(path);
    throw new SyncError('USYNC-1202', `${path} cannot be reached: ${errorMessageOf(error)}`, { cause: error });
  }
}

const missing = (path: string): SyncError => new SyncError('USYNC-1200', `there is no file ${path}`);

function refuseNetworkFileSystem(path: string, realPath: string): void {
  const type = networkFileSystemOf(realPath);
  if (type) throw new SyncError('USYNC-1205', `${path} is on a network file system (${type})`, { facts: { type } });
}

/** The folder too: SQLite makes the journal there, and the lock of the engine stands there. */
function checkWritable(path: string, realPath: string): void {
  for (const [target, what] of [
    [realPath, `the file ${path}`],
    [dirname(realPath), `the folder of ${path}`],
  ] as const) {
    try {
      accessSync(target, constants.W_OK);
    } catch (error) {
      throw new SyncError('USYNC-1202', `${what} cannot be written by this user: ${errorMessageOf(error)}`, {
        cause: error,
      });
    }
  }
}

/** The same failure, told with the path instead of the statement that met it. */
function aboutFile(error: unknown, path: string): unknown {
  if (!(error instanceof SyncError)) return error;
  const told = toldByCode[error.code];
  if (!told) return error;
  return new SyncError(error.code, `${path} ${told}`, { facts: error.facts, cause: error });
}

const toldByCode: Readonly<Partial<Record<SyncError['code'], string>>> = {
  'USYNC-1201': 'is locked by another program',
  'USYNC-1202': 'cannot be written',
  'USYNC-1203': 'is not a SQLite database, or it is encrypted',
  'USYNC-1204': 'is damaged',
};

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);
