import { SyncError } from '../../core/sync-error.js';
import type { Observe } from '../../observe/event.js';
import type { System } from '../../system/system.js';
import type { OpeningOptions, ReplicaIdentity, ReplicaWork } from '../replica.js';
import { foreignCommitCounter } from './connection/commit-counter.js';
import { createCommitWatch, type CommitWatch } from './connection/commit-watch.js';
import { takeEngineLock, type EngineLock } from './connection/engine-lock.js';
import { withoutGoneRows } from './capture/gone-rows.js';
import { createDatabaseMemory } from './database-memory.js';
import { fileIdentityOf, isSameFile } from './connection/file-identity.js';
import { checkDatabaseFile, type OpenedDatabase } from './connection/open-database.js';
import { landingChangeset } from './merge/landing-marker.js';
import type { PaceOptions } from './connection/pace.js';
import type { Merging, ReplicaContext } from './stores/replica-context.js';
import { createLane } from './replica-lane.js';
import { openReplica, type OpenedReplica } from './replica-opening.js';
import type { SqliteModule } from './connection/sqlite-module.js';
import { whenFree } from './stores/store-transaction.js';
import { adjustByRules, type TableRules } from './schema/table-rules.js';

export interface SqliteReplicaOptions {
  /** The application's database file. */
  readonly path: string;
  readonly dataset: string;
  readonly identity: ReplicaIdentity;
  readonly system: System;
  readonly observe: Observe;
  readonly tellWork?: (work: ReplicaWork | null) => void;
  /** For the message of a second engine that finds this one at work. */
  readonly dataFolder?: string;
  /** Of this replica alone: snapshots wait here on their way. What is in it is removed. In memory when not given. */
  readonly spoolFolder?: string;
  readonly tables?: Readonly<Record<string, TableRules>>;
  readonly allowNetworkFileSystem?: boolean;
  /** After how long without work the connection is closed. 0: never. */
  readonly idleMs?: number;
  /** False: nobody asks for hints, so commits of others are not looked for. */
  readonly watchesCommits?: boolean;
  /** Which SQLite: for the simulation and for measuring. */
  readonly module?: SqliteModule;
  /** New tables and columns spread, where they take nothing away. */
  readonly propagatesSchema?: boolean;
  readonly pace?: PaceOptions;
}

/**
 * One connection to the file, and the calls on it, one after the other. The connection is closed when nothing has
 * happened for a while and opened again by the next call: an open handle keeps the -wal of a file alive that somebody
 * replaces, which would undo the restore of a backup.
 */
export interface ReplicaSession {
  open(opening?: OpeningOptions): Promise<OpenedReplica>;
  /**
   * Runs `work` after all calls before it. Throws `SyncError` USYNC-1208 when another file stands at the path: whoever
   * runs the replica then closes it, opens it again and asks the witness.
   */
  readonly call: <T>(work: (context: ReplicaContext) => Promise<T> | T) => Promise<T>;
  /**
   * As `call`, but while a changeset lands in slices it does not wait for the end: `work` runs in one of the pauses. Only
   * for reading what is told of the landing itself.
   */
  readonly callBetween: <T>(work: (context: ReplicaContext) => Promise<T> | T) => Promise<T>;
  /**
   * Reads for people what is committed, also between two transactions of the call that is under way: who looks must not
   * wait for the end of a long merge. What is read may be from the midst of it, so no proof is read like this.
   */
  readonly lookBetween: <T>(look: (context: ReplicaContext) => T) => Promise<T>;
  /** What is known without asking the file: null while the connection is closed, or when `look` had to read and failed. */
  readonly glance: <T>(look: (context: ReplicaContext) => T) => T | null;
  /** Keeps the connection open until the returned function is called: for what lives longer than one call. */
  readonly hold: () => () => void;
  onHint(listener: () => void): () => void;
  close(): Promise<void>;
}

export function createReplicaSession(options: SqliteReplicaOptions, merging: Merging): ReplicaSession {
  const lane = createLane();
  const listeners = new Set<() => void>();
  const lock = createOwnLock(options);
  const held = new Set<symbol>();
  const connection = createKeptConnection(options, {
    mayClose: () => !lane.isBusy && held.size === 0,
    hint: () => {
      for (const listener of listeners) listener();
    },
  });
  const session: ReplicaSession = {
    open: (opening = {}) =>
      lane.run(async () => {
        connection.rest();
        const fresh = await lock.around(() => connection.connect(opening));
        connection.accept();
        await merging.clearStaged(fresh.context);
        connection.startWatch(fresh);
        connection.armIdle();
        return fresh;
      }),
    call: (work) =>
      lane.run(async () => {
        const context = await connection.contextNow();
        try {
          return await withoutGoneRows(context, () => work(context));
        } finally {
          connection.armIdle();
        }
      }),
    async callBetween(work) {
      const context = lane.isBusy ? connection.landingContext() : null;
      return context ? work(context) : session.call(work);
    },
    async lookBetween(look) {
      const context = lane.isBusy ? connection.openContext() : null;
      if (context?.meta.isLoaded === true) return whenFree(context.system, () => look(context));
      return session.call((free) => whenFree(free.system, () => look(free)));
    },
    glance(look) {
      const context = connection.openContext();
      try {
        return context?.meta.isLoaded === true ? look(context) : null;
      } catch (error) {
        // A lock, mostly: the next call meets it again and waits.
        if (error instanceof SyncError) return null;
        throw error;
      }
    },
    hold() {
      const one = Symbol('hold');
      held.add(one);
      return () => held.delete(one);
    },
    onHint(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () =>
      lane.run(() => {
        connection.close();
        held.clear();
        lock.release();
        return Promise.resolve();
      }),
  };
  return session;
}

/** The connection with its watch: open while there is work, closed while there is none. */
interface KeptConnection {
  /** `opening` is null: again, after a rest. */
  connect(opening: OpeningOptions | null): Promise<OpenedReplica>;
  contextNow(): Promise<ReplicaContext>;
  /** What is open now is what counts, whatever was there before: the caller was told. */
  accept(): void;
  openContext(): ReplicaContext | null;
  /** The open context while a changeset lands in it, else null. */
  landingContext(): ReplicaContext | null;
  startWatch(fresh: OpenedReplica): void;
  armIdle(): void;
  /** Closes the connection; the watch goes on. */
  rest(): void;
  close(): void;
}

const idleMsDefault = 5000;

function createKeptConnection(
  options: SqliteReplicaOptions,
  { mayClose, hint }: { readonly mayClose: () => boolean; readonly hint: () => void },
): KeptConnection {
  const { system, dataset } = options;
  let watch: CommitWatch | null = null;
  let opened: OpenedReplica | null = null;
  let openFile: OpenedDatabase | null = null;
  const memory = createDatabaseMemory();
  let cancelIdle = noTimer;

  const kept: KeptConnection = {
    async connect(opening) {
      const fresh = await openReplica(options.path, { ...openingOf(options), known: memory.known, opening });
      opened = { ...fresh, isOlder: memory.isOlder(fresh.context) };
      openFile = fresh.database;
      return opened;
    },
    rest() {
      cancelIdle();
      if (!opened) return;
      memory.keep(opened);
      opened.database.connection.close();
      opened = null;
      watch?.rest();
    },
    armIdle() {
      cancelIdle();
      if (options.idleMs === 0) return;
      cancelIdle = system.after(options.idleMs ?? idleMsDefault, () => {
        if (mayClose()) kept.rest();
        else kept.armIdle();
      });
    },
    accept: () => void (opened = opened && { ...opened, isOlder: false }),
    startWatch({ database }) {
      const counter = () => (opened ? foreignCommitCounter(opened.database.connection) : null);
      watch?.close();
      if (options.watchesCommits === false) return;
      watch = createCommitWatch({ system, ...database, counter, onCommit: hint, onReplaced: hint });
      watch.rebase();
    },
    async contextNow() {
      if (!openFile) throw new SyncError('USYNC-1002', `dataset ${dataset} is not open`);
      if (!isSameFile(fileIdentityOf(openFile.realPath), openFile.identity)) {
        kept.rest();
        throw replaced(`${options.path} was replaced by another file`);
      }
      if (opened) return opened.context;
      const { context, isOlder } = await kept.connect(null);
      if (isOlder) {
        kept.rest();
        throw replaced(`${options.path} holds less than before: an older copy was put over it`);
      }
      watch?.rebase();
      return context;
    },
    openContext: () => opened?.context ?? null,
    landingContext() {
      // Asked only of what is in memory already: a lock must not be met here.
      return opened?.context.meta.isLoaded && landingChangeset(opened.context) ? opened.context : null;
    },
    close() {
      watch?.close();
      watch = null;
      kept.rest();
      openFile = null;
    },
  };
  return kept;
}

const noTimer = (): void => {};

const replaced = (text: string): SyncError => new SyncError('USYNC-1208', text);

function openingOf(options: SqliteReplicaOptions): Omit<Parameters<typeof openReplica>[1], 'known' | 'opening'> {
  const { dataset, identity, system, observe, tellWork, module, allowNetworkFileSystem, pace, propagatesSchema } =
    options;
  const adjust = adjustByRules(options.tables ?? {});
  const open = { ...(module && { module }), ...(allowNetworkFileSystem === true && { allowNetworkFileSystem }) };
  return {
    dataset,
    identity,
    system,
    observe,
    adjust,
    open,
    propagatesSchema: propagatesSchema === true,
    ...(tellWork && { tellWork }),
    ...(pace && { pace }),
  };
}

interface OwnLock {
  /** Takes the lock before anything is written to the database: an engine that is refused must leave no trace in it. */
  around<T>(work: () => Promise<T>): Promise<T>;
  release(): void;
}

function createOwnLock({ path, identity, dataFolder, allowNetworkFileSystem, system }: SqliteReplicaOptions): OwnLock {
  let lock: EngineLock | null = null;
  const own: OwnLock = {
    async around(work) {
      const wasLocked = lock !== null;
      const realPath = checkDatabaseFile(path, { allowNetworkFileSystem: allowNetworkFileSystem ?? false });
      lock ??= takeEngineLock({ realPath, server: identity.serverName, dataFolder: dataFolder ?? '', system });
      try {
        return await work();
      } catch (error) {
        if (!wasLocked) own.release();
        throw error;
      }
    },
    release() {
      lock?.release();
      lock = null;
    },
  };
  return own;
}
