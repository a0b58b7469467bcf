/**
 * The two modules that a connection can stand on. They share one API, so what differs is only which one is loaded:
 * the one inside Node.js from version 24 on, else the package whose binaries come prebuilt (decision 0001).
 */
import { createRequire } from 'node:module';
import { errorMessageOf, SyncError } from '../../../core/sync-error.js';

export type ModuleValue = null | bigint | number | string | Uint8Array;

export interface ModuleStatement {
  run(...params: readonly ModuleValue[]): {
    readonly changes: number | bigint;
    readonly lastInsertRowid: number | bigint;
  };
  get(...params: readonly ModuleValue[]): ModuleValue[] | undefined;
  all(...params: readonly ModuleValue[]): ModuleValue[][];
  iterate(...params: readonly ModuleValue[]): IterableIterator<ModuleValue[]>;
  setReadBigInts(isOn: boolean): void;
  setReturnArrays(isOn: boolean): void;
}

export interface ModuleDatabase {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  prepare(sql: string): ModuleStatement;
  exec(sql: string): void;
  close(): void;
}

export interface SqliteModule {
  readonly name: SqliteModuleName;
  open(location: string, options: { readonly isReadOnly: boolean }): ModuleDatabase;
}

export type SqliteModuleName = 'node:sqlite' | '@photostructure/sqlite';

interface RawModule {
  readonly DatabaseSync: new (location: string, options: Readonly<Record<string, unknown>>) => ModuleDatabase;
}

let loaded: SqliteModule | undefined;

/** Loads the module once. Throws `SyncError` USYNC-1209 when there is none. */
export function loadSqliteModule(): SqliteModule {
  loaded ??= loadNamed(isBuiltInUsable() ? 'node:sqlite' : '@photostructure/sqlite');
  return loaded;
}

/** Loads one by name, for measuring. */
export function loadNamed(name: SqliteModuleName): SqliteModule {
  const raw = requireModule(name);
  return {
    name,
    open: (location, { isReadOnly }) =>
      new raw.DatabaseSync(location, {
        readOnly: isReadOnly,
        // Merging writes parents and children itself, in the order that its rules ask for.
        enableForeignKeyConstraints: false,
        // Triggers and views of applications may hold "text" in double quotes, as most builds of SQLite allow.
        enableDoubleQuotedStringLiterals: true,
      }),
  };
}

// Node 22 has the module too, but experimental and with a warning on every start.
const isBuiltInUsable = (): boolean => Number(process.versions.node.split('.')[0]) >= 24;

function requireModule(name: SqliteModuleName): RawModule {
  try {
    return createRequire(import.meta.url)(name) as RawModule;
  } catch (error) {
    throw new SyncError('USYNC-1209', `cannot load ${name}: ${errorMessageOf(error)}`, {
      facts: { platform: process.platform, arch: process.arch, node: process.versions.node },
      cause: error,
    });
  }
}
