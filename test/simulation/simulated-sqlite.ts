/**
 * Real SQLite under the simulation's control: statements can be made to fail from one moment on (the process is gone),
 * and the time that triggers read is the virtual one.
 */
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import {
  loadNamed,
  type ModuleDatabase,
  type SqliteModule,
} from '../../src/databases/sqlite/connection/sqlite-module.js';

export class ProcessGone extends Error {
  constructor() {
    super('the simulated process is gone');
    this.name = 'ProcessGone';
  }
}

/** Counts the statements of one process and ends it at the chosen one. */
export interface KillSwitch {
  /** After how many more statements; null: not armed. */
  statementsLeft: number | null;
  isGone: boolean;
  /** Called once, before the statement at which the process ends. The files stand as kill -9 would leave them. */
  onGone: () => void;
  /** Those that are open. The system closes what a killed process had open; here they would stay. */
  readonly connections: Set<ModuleDatabase>;
}

export const createKillSwitch = (): KillSwitch => ({
  statementsLeft: null,
  isGone: false,
  onGone: () => undefined,
  connections: new Set(),
});

/** When nobody needs the files any more: closing writes into them. */
export function closeConnections({ connections }: KillSwitch): void {
  for (const connection of connections) if (connection.isOpen) connection.close();
  connections.clear();
}

/** One more statement, or another step that counts as one. */
export function takeStep(killSwitch: KillSwitch): void {
  if (killSwitch.isGone) throw new ProcessGone();
  if (killSwitch.statementsLeft === null || killSwitch.statementsLeft-- > 0) return;
  killSwitch.isGone = true;
  killSwitch.onGone();
  throw new ProcessGone();
}

/** The module for the replicas of one process. Statements are counted, and refused once the process is gone. */
export function createSimulatedModule(killSwitch: KillSwitch, unixMs: () => number): SqliteModule {
  const real = loadNamed('@photostructure/sqlite');
  const check = (): void => takeStep(killSwitch);
  return {
    name: real.name,
    open: (location, options) => {
      if (killSwitch.isGone) throw new ProcessGone();
      const database = real.open(location, options);
      useVirtualTime(database as unknown as DatabaseSyncInstance, unixMs);
      killSwitch.connections.add(database);
      return checkedDatabase(database, check);
    },
  };
}

function checkedDatabase(database: ModuleDatabase, check: () => void): ModuleDatabase {
  return {
    get isOpen() {
      return database.isOpen;
    },
    get isTransaction() {
      return database.isTransaction;
    },
    exec: (sql) => {
      check();
      database.exec(sql);
    },
    close: () => database.close(),
    prepare: (sql) => {
      const statement = database.prepare(sql);
      return {
        setReadBigInts: (isOn) => statement.setReadBigInts(isOn),
        setReturnArrays: (isOn) => statement.setReturnArrays(isOn),
        run: (...params) => {
          check();
          return statement.run(...params);
        },
        get: (...params) => {
          check();
          return statement.get(...params);
        },
        all: (...params) => {
          check();
          return statement.all(...params);
        },
        iterate: (...params) => {
          check();
          return statement.iterate(...params);
        },
      };
    },
  };
}

const julianOfUnixMs = (unixMs: number): number => 2440587.5 + unixMs / 86_400_000;

function useVirtualTime(database: DatabaseSyncInstance, unixMs: () => number): void {
  database.function('julianday', { varargs: true }, () => julianOfUnixMs(unixMs()));
}

/** The application's own connection. Locks are not waited for: virtual time stands still while SQLite waits. */
export function openApplication(path: string, unixMs: () => number): DatabaseSyncInstance {
  const db = new DatabaseSync(path);
  useVirtualTime(db, unixMs);
  db.exec('PRAGMA busy_timeout = 0; PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF');
  return db;
}

/** A file with what belongs to it, as it stands this instant; what kill -9 leaves. The shared memory is made anew by SQLite. */
export function copyDatabase(from: string, to: string): void {
  removeDatabase(to);
  for (const suffix of ['', '-wal', '-journal'])
    if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix);
}

export function removeDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-journal', '-shm']) rmSync(path + suffix, { force: true });
}
