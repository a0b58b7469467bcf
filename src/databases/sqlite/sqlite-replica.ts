/** The replica of an application's own SQLite file, composed of its parts. */
import { mkdirSync, rmSync } from 'node:fs';
import type {
  DrainOutcome,
  HintedDrain,
  Notice,
  Replica,
  ReplicaPosition,
  ReplicaReport,
  SnapshotReader,
  SnapshotWriter,
} from '../replica.js';
import { auditReplica } from './audit-replica.js';
import { bucketRows, bucketSums } from './stores/buckets.js';
import { captureEverything } from './capture/capture-everything.js';
import { isCountingDue } from './capture/evicted-rows.js';
import { syncCommits } from './connection/durable-flush.js';
import { takeHeirs } from './merge/duty-holder.js';
import { landingSnapshot } from './merge/landing-marker.js';
import { createMerging } from './merge/merging.js';
import { hasPendingSettle } from './merge/tables-to-settle.js';
import { takeNumberLane } from './stores/number-lanes.js';
import { found, isFresh } from './stores/is-fresh.js';
import { readProof } from './stores/proof.js';
import { pruneJournal } from './stores/prune.js';
import type { Merging, ReplicaContext } from './stores/replica-context.js';
import type { OpenedReplica } from './replica-opening.js';
import { createReplicaSession, type ReplicaSession, type SqliteReplicaOptions } from './replica-session.js';
import { countRows } from './schema/schema-change.js';
import { inTransaction, whenFree } from './stores/store-transaction.js';
import { tableReports } from './schema/table-reports.js';
import type { TableRules } from './schema/table-rules.js';
import { unmatchedRules, unmatchedText } from './schema/unmatched-rules.js';
import { decisionCalls, type UndoCall } from './decisions/decision-calls.js';

export type { SqliteReplicaOptions };

/** What the worker of a replica can do besides the contract. */
export interface SqliteReplica extends Omit<Replica, 'undo'>, UndoCall {
  /** As `drain`, with what follows from it, so that nobody has to ask for that. */
  drainWithNews(): Promise<HintedDrain>;
  /** The position as it stands now, without waiting for the calls that are under way; null when it must be asked. */
  glancePosition(): ReplicaPosition | null;
}

export function createSqliteReplica(options: SqliteReplicaOptions): SqliteReplica {
  const { spoolFolder } = options;
  if (spoolFolder !== undefined) emptyFolder(spoolFolder);
  const merging = createMerging({
    ...(spoolFolder !== undefined && { spoolFolder }),
    ...(options.module && { module: options.module }),
  });
  const session = createReplicaSession(options, merging);
  return {
    dataset: options.dataset,
    open: async (opening) => reportOf(await session.open(opening), options.tables ?? {}),
    onHint: (listener) => session.onHint(listener),
    close: () => session.close(),
    drainWithNews: () => session.call((context) => drainWithNews(context, merging)),
    glancePosition: () => session.glance(positionOf),
    ...streamCalls(session, merging),
    ...snapshotCalls(session, merging),
    ...proofCalls(session, merging),
    ...decisionCalls(session, merging),
    tables: () => session.lookBetween(tableReports),
  };
}

/** A killed process leaves its spools behind. */
function emptyFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

const positionOf = (context: ReplicaContext): ReplicaPosition => ({
  origin: context.origins.own(),
  vector: context.origins.vector(),
  tail: context.journal.tail(),
  isLanding: context.meta.text('landing') !== null,
  // A first landing that was cut off is finished by a drain.
  isFresh: isFresh(context) && landingSnapshot(context) === null,
  journalBytes: context.journal.bytes(),
  journalSinceMs: context.journal.sinceMs(),
});

type StreamCalls = Pick<
  Replica,
  | 'drain'
  | 'position'
  | 'readJournal'
  | 'merge'
  | 'flush'
  | 'prune'
  | 'newEpoch'
  | 'history'
  | 'cutBranch'
  | 'setHeirs'
  | 'setNumberLane'
>;

function streamCalls({ call, callBetween, hold }: ReplicaSession, merging: Merging): StreamCalls {
  return {
    drain: () => call((context) => drain(context, merging)),
    position: () => callBetween((context) => whenFree(context.system, () => positionOf(context))),
    readJournal: (request) => call((context) => whenFree(context.system, () => context.journal.read(request))),
    merge: (parts) =>
      call(async (context) => {
        await captureEverything(context, merging);
        return merging.mergeParts(context, parts);
      }),
    async flush() {
      // The connection stays open, so that the -wal stays; the calls behind this one need not wait for the disk.
      const release = hold();
      try {
        const { vector, location } = await call(({ origins, connection }) => ({
          vector: origins.vector(),
          location: connection.location,
        }));
        await syncCommits(location);
        return vector;
      } finally {
        release();
      }
    },
    prune: (request) => call((context) => pruneJournal(context, request)),
    newEpoch: (reason) =>
      call((context) =>
        whenFree(context.system, () => inTransaction(context, () => merging.newEpoch(context, reason))),
      ),
    history: (origin) => call((context) => whenFree(context.system, () => context.histories.of(origin))),
    cutBranch: (origin, theirs) => call((context) => merging.cutBranch(context, origin, theirs)),
    setNumberLane: (lane) =>
      call(async (context) => {
        await whenFree(context.system, () => inTransaction(context, () => takeNumberLane(context, lane)));
      }),
    setHeirs: (heirs) =>
      call(async (context) => {
        const areNew = await whenFree(context.system, () => inTransaction(context, () => takeHeirs(context, heirs)));
        if (areNew && !isFresh(context)) await captureEverything(context, merging);
      }),
  };
}

function snapshotCalls(
  { call, hold }: ReplicaSession,
  merging: Merging,
): Pick<Replica, 'openSnapshot' | 'receiveSnapshot'> {
  const held = (release: () => void, work: () => Promise<void>): Promise<void> => {
    release();
    return call(work);
  };
  return {
    async openSnapshot(): Promise<SnapshotReader> {
      const source = await call((context) => merging.openSnapshot(context));
      return source.read();
    },
    receiveSnapshot: (vector) =>
      call(async (context): Promise<SnapshotWriter> => {
        const writer = await merging.receiveSnapshot(context, vector);
        const release = hold();
        return {
          add: (chunk) => call(() => writer.add(chunk)),
          preview: () => call(() => writer.preview()),
          finish: (choice) =>
            call(async () => {
              const outcome = await writer.finish(choice);
              release();
              return outcome;
            }),
          abort: () => held(release, () => writer.abort()),
        };
      }),
  };
}

function proofCalls(
  { call }: ReplicaSession,
  merging: Merging,
): Pick<Replica, 'proof' | 'audit' | 'bucketSums' | 'bucketRows'> {
  return {
    proof: () =>
      call(async (context) => {
        // The schema is followed at opening already; the digest is that of the content when what waited is shown, and what
        // was removed unseen is known.
        if (await whenFree(context.system, () => hasPendingSettle(context) || isCountingDue(context)))
          await captureEverything(context, merging);
        return whenFree(context.system, () => readProof(context));
      }),
    audit: (table) => call((context) => auditReplica(context, merging, table)),
    bucketSums: (request) => call((context) => whenFree(context.system, () => bucketSums(context, request))),
    bucketRows: (request) => call((context) => whenFree(context.system, () => bucketRows(context, request))),
  };
}

async function drain(context: ReplicaContext, merging: Merging): Promise<DrainOutcome> {
  await foundHere(context);
  const { changesets, rows, hasMore, schemaChanged } = await captureEverything(context, merging);
  return { changesets, rows, hasMore, schemaChanged, vector: context.origins.vector() };
}

async function drainWithNews(context: ReplicaContext, merging: Merging): Promise<HintedDrain> {
  const { system, journal } = context;
  journal.takeNews();
  const outcome = await drain(context, merging);
  return { outcome, news: journal.takeNews(), position: await whenFree(system, () => positionOf(context)) };
}

/** Whoever drains a replica that belongs to no dataset yet founds it with the rows that are here. */
async function foundHere(context: ReplicaContext): Promise<void> {
  if (!landingSnapshot(context)) await found(context);
}

function reportOf(
  { context, database, notices, isOlder }: OpenedReplica,
  rules: Readonly<Record<string, TableRules>>,
): ReplicaReport {
  const unmatched = unmatchedRules(context.tables.schema().tables, rules).map((rule): Notice => ({
    code: 'USYNC-1305',
    text: `a rule does nothing: ${unmatchedText(rule)}`,
  }));
  return {
    databaseId: context.meta.text('database') ?? '',
    origin: context.origins.own(),
    engine: `SQLite ${database.sqliteVersion} (${database.connection.driver})`,
    journalMode: database.journalMode,
    tables: tableReports(context),
    notices: [...notices, ...unmatched],
    isOlder,
    unadoptedRows: isFresh(context)
      ? context.tables.all().reduce((sum, table) => sum + countRows(context, table), 0)
      : 0,
  };
}
