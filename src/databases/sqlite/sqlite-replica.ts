/**
 * The replica of an application's own SQLite file, composed of its parts. One connection, one call after the other.
 *
 * The connection is closed when nothing has happened for a while: an open handle keeps the -wal of a file alive that
 * somebody replaces, which would undo the restore of a backup. A file that was replaced fails the next call with
 * USYNC-1208; whoever runs the replica then closes it, opens it again and asks the witness.
 */
import { emptyVector } from '../../core/version-vector.js';
import { SyncError } from '../../core/sync-error.js';
import type { Observe } from '../../observe/event.js';
import type { System } from '../../system/system.js';
import type { Replica, ReplicaIdentity, ReplicaReport } from '../replica.js';
import { auditReplica } from './audit-replica.js';
import { bucketRows, bucketSums } from './buckets.js';
import { captureEverything } from './capture-everything.js';
import { foreignCommitCounter } from './commit-counter.js';
import { createCommitWatch, type CommitWatch } from './commit-watch.js';
import { syncWal } from './durable-flush.js';
import { checkDatabaseFile } from './open-database.js';
import { takeEngineLock, type EngineLock } from './engine-lock.js';
import { fileIdentityOf, isSameFile } from './file-identity.js';
import { createMerging } from './merging.js';
import { readProof } from './proof.js';
import type { ReplicaContext } from './replica-context.js';
import { createLane } from './replica-lane.js';
import { openReplica, type OpenedReplica } from './replica-opening.js';
import { countRows } from './schema-change.js';
import type { SqliteModule } from './sqlite-module.js';
import { inTransaction, pause, whenFree } from './store-transaction.js';
import { quarantineRecords, tableReports } from './table-reports.js';
import { adjustByRules, type TableRules } from './table-rules.js';

export interface SqliteReplicaOptions {
  /** The application's database file. */
  readonly path: string;
  readonly dataset: string;
  readonly identity: ReplicaIdentity;
  readonly system: System;
  readonly observe: Observe;
  /** For the message of a second engine that finds this one at work. */
  readonly dataFolder?: string;
  readonly tables?: Readonly<Record<string, TableRules>>;
  readonly allowNetworkFileSystem?: boolean;
  /** After how long without work the connection is closed. 0: never. */
  readonly idleMs?: number;
  /** Which SQLite: for the simulation and for measuring. */
  readonly module?: SqliteModule;
}

const idleMsDefault = 5000;
/** Entries that one transaction of pruning removes. */
const prunedAtOnce = 200;

export function createSqliteReplica(options: SqliteReplicaOptions): Replica {
  const { system, dataset } = options;
  const merging = createMerging();
  const lane = createLane();
  const listeners = new Set<() => void>();
  let lock: EngineLock | null = null;
  let watch: CommitWatch | null = null;
  let opened: OpenedReplica | null = null;
  let openFile: OpenedReplica['database'] | null = null;
  let snapshotsOpen = 0;
  let cancelIdle = (): void => {};

  const hint = (): void => {
    for (const listener of listeners) listener();
  };

  async function connect(): Promise<OpenedReplica> {
    const { path, identity, observe, module, allowNetworkFileSystem } = options;
    const adjust = adjustByRules(options.tables ?? {});
    const open = { ...(module && { module }), ...(allowNetworkFileSystem === true && { allowNetworkFileSystem }) };
    const fresh = await openReplica(path, { dataset, identity, system, observe, adjust, open }, merging);
    opened = fresh;
    openFile = fresh.database;
    return fresh;
  }

  function disconnect(): void {
    cancelIdle();
    if (!opened) return;
    opened.database.connection.close();
    opened = null;
    watch?.rest();
  }

  /** Before anything is written to the database: an engine that is refused must leave no trace in it. */
  function takeLock(): void {
    const { path, identity, dataFolder, allowNetworkFileSystem } = options;
    const realPath = checkDatabaseFile(path, { allowNetworkFileSystem: allowNetworkFileSystem ?? false });
    lock ??= takeEngineLock({ realPath, server: identity.serverName, dataFolder: dataFolder ?? '', system });
  }

  function releaseLock(): void {
    lock?.release();
    lock = null;
  }

  function armIdle(): void {
    cancelIdle();
    const idleMs = options.idleMs ?? idleMsDefault;
    if (idleMs === 0) return;
    cancelIdle = system.after(idleMs, () => {
      if (!lane.isBusy && snapshotsOpen === 0) disconnect();
    });
  }

  /** One call: with the context, after all calls before it. */
  const call = <T>(work: (context: ReplicaContext) => Promise<T> | T): Promise<T> =>
    lane.run(async () => {
      if (!openFile) throw new SyncError('USYNC-1002', `dataset ${dataset} is not open`);
      if (!isSameFile(fileIdentityOf(openFile.realPath), openFile.identity)) {
        disconnect();
        throw new SyncError('USYNC-1208', `${options.path} was replaced by another file`);
      }
      const wasClosed = opened === null;
      const { context } = opened ?? (await connect());
      if (wasClosed) watch?.rebase();
      try {
        return await work(context);
      } finally {
        armIdle();
      }
    });

  const replica: Replica = {
    dataset,
    open: () =>
      lane.run(async () => {
        disconnect();
        const wasLocked = lock !== null;
        takeLock();
        const fresh = await connect().catch((error: unknown) => {
          if (!wasLocked) releaseLock();
          throw error;
        });
        await merging.finishLanding(fresh.context);
        watch?.close();
        watch = createCommitWatch({
          system,
          realPath: fresh.database.realPath,
          identity: fresh.database.identity,
          counter: () => (opened ? foreignCommitCounter(opened.database.connection) : null),
          onCommit: hint,
          onReplaced: hint,
        });
        watch.rebase();
        armIdle();
        return reportOf(fresh);
      }),
    onHint(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    drain: () =>
      call(async (context) => {
        if (context.meta.text('isFounded') === null) {
          await whenFree(system, () => inTransaction(context, () => context.meta.set('isFounded', 1)));
        }
        const captured = await captureEverything(context, merging);
        const { changesets, rows, hasMore, schemaChanged } = captured;
        return { changesets, rows, hasMore, schemaChanged, vector: context.origins.vector() };
      }),
    position: () =>
      call((context) => ({
        origin: context.origins.own(),
        vector: context.origins.vector(),
        tail: context.journal.tail(),
        isLanding: context.meta.text('landing') !== null,
        isFresh: isFresh(context),
        journalBytes: context.journal.bytes(),
      })),
    readJournal: (request) => call((context) => whenFree(system, () => context.journal.read(request))),
    merge: (parts) =>
      call(async (context) => {
        await captureEverything(context, merging);
        return merging.mergeParts(context, parts);
      }),
    flush: () =>
      call(async (context) => {
        const vector = context.origins.vector();
        await syncWal(context.connection.location);
        return vector;
      }),
    openSnapshot: () =>
      call(async (context) => {
        await captureEverything(context, merging);
        const reader = await merging.openSnapshot(context);
        snapshotsOpen++;
        let isOpen = true;
        return {
          ...reader,
          next: () => call(() => reader.next()),
          close: () =>
            call(async () => {
              if (isOpen) snapshotsOpen--;
              isOpen = false;
              await reader.close();
            }),
        };
      }),
    receiveSnapshot: (vector) =>
      call(async (context) => {
        const writer = await merging.receiveSnapshot(context, vector);
        return {
          add: (chunk) => call(() => writer.add(chunk)),
          preview: () => call(() => writer.preview()),
          finish: (choice) => call(() => writer.finish(choice)),
          abort: () => call(() => writer.abort()),
        };
      }),
    proof: () => call(readProof),
    audit: (table) => call((context) => auditReplica(context, merging, table)),
    bucketSums: (request) => call((context) => whenFree(system, () => bucketSums(context, request))),
    bucketRows: (request) => call((context) => whenFree(system, () => bucketRows(context, request))),
    prune: (request) =>
      call(async (context) => {
        let [entries, bytes] = [0, 0];
        for (;;) {
          const pruned = await whenFree(system, () =>
            inTransaction(context, () => context.journal.prune(request, system.nowMs(), prunedAtOnce)),
          );
          entries += pruned.entries;
          bytes += pruned.bytes;
          if (pruned.entries < prunedAtOnce) return { entries, bytes };
          await pause(system, 2);
        }
      }),
    newEpoch: (reason) =>
      call((context) => whenFree(system, () => inTransaction(context, () => merging.newEpoch(context, reason)))),
    reissueBranch: (origin, after) => call((context) => merging.reissueBranch(context, origin, after)),
    tables: () => call((context) => whenFree(system, () => tableReports(context))),
    conflicts: ({ max }) => call((context) => context.conflicts.list(max)),
    quarantine: ({ max }) => call((context) => quarantineRecords(context, max)),
    close: () =>
      lane.run(async () => {
        watch?.close();
        watch = null;
        disconnect();
        openFile = null;
        releaseLock();
      }),
  };
  return replica;
}

const isFresh = ({ meta, origins }: ReplicaContext): boolean =>
  meta.text('isFounded') === null && origins.vector().size === emptyVector.size;

function reportOf({ context, database, notices }: OpenedReplica): ReplicaReport {
  return {
    databaseId: context.meta.text('database') ?? '',
    origin: context.origins.own(),
    engine: `SQLite ${database.sqliteVersion} (${database.connection.driver})`,
    journalMode: database.journalMode,
    tables: tableReports(context),
    notices,
    unadoptedRows: isFresh(context)
      ? context.tables.all().reduce((sum, table) => sum + countRows(context, table), 0)
      : 0,
  };
}
