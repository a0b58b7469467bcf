import type { History } from '../../../core/branch.js';
import type { OriginId } from '../../../core/origin.js';
import type { VersionVector } from '../../../core/version-vector.js';
import type { ChangesetPart } from '../../../core/changeset.js';
import type { Observe } from '../../../observe/event.js';
import type { System } from '../../../system/system.js';
import type {
  CutOutcome,
  MergeOutcome,
  ReplicaIdentity,
  ReplicaWork,
  SnapshotReader,
  SnapshotWriter,
} from '../../replica.js';
import type { AliasStore } from './alias-store.js';
import type { ConflictStore } from './conflict-store.js';
import type { Connection } from '../connection/driver.js';
import type { DisplacedStore } from './displaced-store.js';
import type { HistoryStore } from './history-store.js';
import type { JournalStore } from './journal-store.js';
import type { LifeFinder } from '../merge/life-finder.js';
import type { MetaStore } from './meta-store.js';
import type { NoteStore } from '../capture/note-store.js';
import type { Pace } from '../connection/pace.js';
import type { OriginStore } from './origin-store.js';
import type { SeenStore } from './seen-store.js';
import type { ShadowStore } from './shadow-store.js';
import type { StrayStore } from './stray-store.js';
import type { AdjustSchema, TableRegistry } from '../schema/table-registry.js';
import type { AsideStore } from './aside-store.js';

/**
 * Everything that works on one open database file. It lives as long as the connection: a file that was replaced gets
 * a new context. The stores cache what is small; `inTransaction` drops the caches when the transaction fails.
 */
export interface ReplicaContext {
  readonly dataset: string;
  readonly identity: ReplicaIdentity;
  readonly system: System;
  readonly observe: Observe;
  readonly tellWork: (work: ReplicaWork | null) => void;
  readonly connection: Connection;
  readonly adjust: AdjustSchema;
  /** New tables and columns of others are made here, and those of here told of. */
  readonly propagatesSchema: boolean;
  readonly pace: Pace;
  readonly meta: MetaStore;
  readonly origins: OriginStore;
  readonly tables: TableRegistry;
  readonly shadows: ShadowStore;
  readonly lives: LifeFinder;
  readonly displaced: DisplacedStore;
  readonly asides: AsideStore;
  readonly aliases: AliasStore;
  readonly journal: JournalStore;
  readonly histories: HistoryStore;
  readonly seen: SeenStore;
  readonly strays: StrayStore;
  readonly conflicts: ConflictStore;
  readonly notes: NoteStore;
}

/** A snapshot that is to be read. */
export interface SnapshotSource {
  /** Once; the replica may do other things meanwhile. */
  read(): Promise<SnapshotReader>;
}

/**
 * What the merging side gives to the replica. `mergeParts`, `settleWaiting` and `confirm` drain nothing themselves but
 * through `drainInTransaction` of `drain.ts`. Calls that return promises take their own transactions; the others work
 * inside the open one.
 */
export interface Merging {
  mergeParts(context: ReplicaContext, parts: readonly ChangesetPart[]): Promise<MergeOutcome>;
  /** Shows what waited for a table (all tables: null) whose schema changed. Inside a transaction. */
  settleWaiting(context: ReplicaContext, table: string | null): void;
  /** Finds what an own change set free or must hide: called after each drain with the tables that it touched. */
  settleAfterDrain(context: ReplicaContext, tables: ReadonlySet<string>): void;
  /** What applications wrote until then is captured first. */
  openSnapshot(context: ReplicaContext): Promise<SnapshotSource>;
  receiveSnapshot(context: ReplicaContext, vector: VersionVector): Promise<SnapshotWriter>;
  /** At opening: forgets what is staged and needed no more. */
  clearStaged(context: ReplicaContext): Promise<void>;
  /** Finishes the landing of a snapshot that was cut off. */
  resumeSnapshot(context: ReplicaContext): Promise<void>;
  newEpoch(context: ReplicaContext, reason: string): OriginId;
  cutBranch(context: ReplicaContext, origin: OriginId, theirs: History): Promise<CutOutcome>;
}
