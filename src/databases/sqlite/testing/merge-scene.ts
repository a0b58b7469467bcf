import { originIdOf, type Epoch, type ServerId } from '../../../core/origin.js';
import { isEqualVector } from '../../../core/version-vector.js';
import { createRealSystem } from '../../../system/real-system.js';
import type { MergeOutcome, SnapshotReader } from '../../replica.js';
import { auditTable, countDiffering } from '../stores/audit.js';
import { conflictRecords } from '../decisions/conflict-records.js';
import { captureEverything } from '../capture/capture-everything.js';
import { drainNotes } from '../capture/drain.js';
import { openConnection, type Connection } from '../connection/driver.js';
import { quoteName } from '../connection/identifiers.js';
import { mergeParts } from '../merge/merge.js';
import { openContext } from '../stores/open-context.js';
import type { PaceOptions } from '../connection/pace.js';
import { pendingReconciles } from '../capture/pending-reconcile.js';
import { mustSettle, settlePending } from '../merge/pending-settle.js';
import { reconcile } from '../capture/reconcile.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { followSchema } from '../schema/schema-change.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { settleAfterDrain, settleWaiting } from '../merge/settle-waiting.js';
import { openSnapshot } from '../snapshot/snapshot-reader.js';
import { inTransaction } from '../stores/store-transaction.js';
import { createSyncTables } from '../stores/sync-tables.js';
import type { AdjustSchema } from '../schema/table-registry.js';

/** For tests of merging: a server's database file, and another connection that writes as an application. */
export interface MergeServer {
  readonly name: string;
  readonly app: Connection;
  readonly context: ReplicaContext;
  capture(): Promise<void>;
  /** Only finds the tables: nothing is adopted. */
  followSchema(): Promise<void>;
  /** Takes what the other's journal has more. */
  pull(from: MergeServer): Promise<MergeOutcome>;
  /** Rows of every application table, as text, sorted. */
  dump(): string;
  /** What lost, newest first: a value, or the columns of a row. */
  lost(column?: string): string[];
  /** Digests and vector must be those of the content. Returns what is wrong. */
  faults(): string[];
  close(): void;
}

export const around = { settleAfterDrain, settleWaiting };

function openForSync(path: string): Connection {
  const connection = openConnection(path);
  for (const pragma of [
    'cache_size = -65536',
    'synchronous = NORMAL',
    'foreign_keys = OFF',
    'recursive_triggers = OFF',
  ])
    connection.exec(`PRAGMA ${pragma}`);
  connection.exec('BEGIN IMMEDIATE');
  createSyncTables(connection);
  connection.exec('COMMIT');
  return connection;
}

export interface MergeServerOptions {
  readonly schema?: string;
  readonly adjust?: AdjustSchema;
  readonly pace?: PaceOptions;
  readonly journalMode?: string;
}

export function openMergeServer(path: string, letter: string, options: MergeServerOptions = {}): MergeServer {
  const app = openConnection(path, { busyTimeoutMs: 5000 });
  app.exec(`PRAGMA journal_mode = ${options.journalMode ?? 'WAL'}`);
  if (options.schema) app.exec(options.schema);
  const connection = openForSync(path);
  const epoch = '00000001' as Epoch;
  const server = letter.repeat(16) as ServerId;
  const context = openContext(connection, {
    dataset: 'scene',
    identity: { server, serverName: letter, freshEpoch: () => epoch },
    system: createRealSystem(),
    observe: () => {},
    ...(options.adjust ? { adjust: options.adjust } : {}),
    ...(options.pace ? { pace: options.pace } : {}),
  });
  inTransaction(context, () => {
    if (context.meta.text('origin') === null) context.origins.setOwn(originIdOf(server, epoch));
  });
  const self: MergeServer = {
    name: letter,
    app,
    context,
    async followSchema() {
      if (hasSchemaMoved(context)) inTransaction(context, () => followSchema(context));
    },
    async capture() {
      await self.followSchema();
      await drainNotes(context, (tables) => settleAfterDrain(context, tables));
      for (const pending of pendingReconciles(context)) {
        await reconcile(context, pending, { after: (tables) => settleAfterDrain(context, tables) });
      }
      if (mustSettle(context)) inTransaction(context, () => settlePending(context, around));
    },
    async pull(from) {
      await from.capture();
      await self.capture();
      const read = from.context.journal.read({ vector: context.origins.vector(), after: 0, bytesMax: 1e9 });
      if (read.needsSnapshot) throw new Error(`${letter} needs a snapshot from ${from.name}`);
      return mergeParts(context, read.parts, around);
    },
    dump: () => dumpOf(context, app),
    lost: (column) =>
      conflictRecords(context, { max: 100 })
        .filter((record) => column === undefined || record.column === column)
        .map((record) => record.lost),
    faults: () => faultsOf(context, letter),
    close() {
      app.close();
      connection.close();
    },
  };
  return self;
}

function faultsOf(context: ReplicaContext, letter: string): string[] {
  return context.tables.all().flatMap((table) => {
    const { rows, differing: audited, isDigestRight } = auditTable(context, table);
    // Row by row as well: an audit does that only where sums differ.
    const differing = Math.max(audited, countDiffering(context, table));
    const digest = context.tables.digest(table);
    return differing === 0 && isDigestRight && digest.rows === rows
      ? []
      : [`${letter}: ${table.name} has ${rows} rows, ${digest.rows} in its digest, ${differing} differ`];
  });
}

function dumpOf(context: ReplicaContext, app: Connection): string {
  const lines: string[] = [];
  for (const table of context.tables.all()) {
    const columns = table.layout.map((column) => `quote(${quoteName(column)})`).join(" || ' | ' || ");
    for (const [text] of app.prepare(`SELECT ${columns} FROM ${table.sql}`).all()) {
      lines.push(`${table.name}: ${String(text)}`);
    }
  }
  return lines.toSorted().join('\n');
}

/** Everybody pulls from everybody until nothing moves. Throws when that does not come to an end. */
export async function exchangeAll(servers: readonly MergeServer[]): Promise<void> {
  for (let round = 0; round < 12; round++) {
    let moved = 0;
    for (const to of servers) {
      for (const from of servers) {
        if (to === from) continue;
        const { merged, hasGap, forks } = await to.pull(from);
        if (hasGap || forks.length > 0) throw new Error(`${to.name} cannot take the journal of ${from.name}`);
        moved += merged;
      }
    }
    const [first, ...others] = servers.map(({ context }) => context.origins.vector());
    if (moved === 0 && others.every((vector) => first && isEqualVector(first, vector))) return;
  }
  throw new Error('the exchange does not come to rest');
}

/** The whole state as a peer would be given it; chunks wait in `folder`, or in memory. */
export async function snapshotOf(context: ReplicaContext, folder: string | null = null): Promise<SnapshotReader> {
  const capture = (): Promise<unknown> => captureEverything(context, around);
  return (await openSnapshot(context, { spoolFolder: folder, capture })).read();
}
