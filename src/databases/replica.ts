/**
 * The contract of a replica: this server's copy of one dataset, with its journal. One acceptance suite
 * (`replica.acceptance.ts`) holds every engine to it. Calls may be answered over a connection or by a worker, so all
 * are asynchronous; a replica runs them one after the other, in the order in which they were made;
 * only `position` answers while a changeset lands in slices.
 *
 * 1. Everything that a call reports as done is committed; it is durable (survives power loss) after `flush`.
 * 2. `merge` and the end of `receiveSnapshot` drain first, so an unstamped local write is never overwritten.
 * 3. A changeset appears whole or not at all, except under a `sliced` landing, which `position` shows.
 * 4. Merging never captures itself; `drain` right after `merge` finds nothing.
 * 5. Failures are `SyncError`s; after one the replica stands as before the call.
 */
import type { History } from '../core/branch.js';
import type { ChangesetPart } from '../core/changeset.js';
import type { DatasetDigest } from '../core/digest.js';
import type { Heirs } from '../core/heirs.js';
import type { NumberLane } from '../core/number-lane.js';
import type { Epoch, OriginId, ServerId } from '../core/origin.js';
import type { KeyKind } from '../core/table-schema.js';
import type { SqlValue } from '../core/value.js';
import type { VersionVector } from '../core/version-vector.js';
import type { FolderCalls } from './folder-calls.js';

export interface Replica {
  readonly dataset: string;
  /** Opens the database, checks it, discovers every table, installs capture, finishes what a crash left undone. */
  open(options?: OpeningOptions): Promise<ReplicaReport>;
  /** `listener` is called when something may have been committed by anyone. Hints may be false, late or missing. */
  onHint(listener: () => void): () => void;
  /**
   * Lets the replica drain by itself at a hint, from the first drain after its opening on, so that a commit is on its way
   * without questions back and forth; `listener` is told what was taken. Absent where that would save nothing.
   */
  readonly onDrained?: (listener: (drained: HintedDrain) => void) => () => void;
  /** `listener` is told how far long work of the replica itself is, and null at its end. */
  readonly onWork?: (listener: (work: ReplicaWork | null) => void) => () => void;
  /** Turns what applications committed into changesets of the own origin, in the journal. Nothing new: no changeset. */
  drain(): Promise<DrainOutcome>;
  position(): Promise<ReplicaPosition>;
  /** Journal entries, in merge order, that a peer with this vector lacks; at most about `bytesMax`, at least one part. */
  readJournal(request: JournalRequest): Promise<JournalRead>;
  /** Takes parts in the order in which the sender's journal gave them; merges every changeset that is complete. */
  merge(parts: readonly ChangesetPart[]): Promise<MergeOutcome>;
  /** Makes everything committed so far survive power loss. Resolves with the vector that is durable. */
  flush(): Promise<VersionVector>;
  /** The whole state at one vector. The caller closes it; one may be open at a time per peer. */
  openSnapshot(): Promise<SnapshotReader>;
  /** Merges the state of a peer (rule R9). Chunks are kept aside until `finish`, which merges them in slices. */
  receiveSnapshot(vector: VersionVector): Promise<SnapshotWriter>;
  /** The proof: digests of the merged view at the vector they belong to. Costs a few reads, never a scan. */
  proof(): Promise<Proof>;
  /** The slow proof: content of a table hashed again and compared with the kept digest. Differences become changes. */
  audit(table?: string): Promise<AuditOutcome>;
  /** Sums of row hashes by bucket, to find the rows in which two replicas differ without sending them all. */
  bucketSums(request: BucketRequest): Promise<readonly number[]>;
  /** The rows of some buckets, for naming differences to a person. At most `rowsMax`. */
  bucketRows(request: BucketRowsRequest): Promise<readonly BucketRow[]>;
  /** Forgets journal entries that `covered` covers, beyond what the bounds allow to be kept. */
  prune(request: PruneRequest): Promise<PruneOutcome>;
  /** Takes a new epoch now: everything captured from here on has a new origin. */
  newEpoch(reason: string): Promise<OriginId>;
  /** What is remembered of the changesets of an origin, for a peer that holds another history of it. */
  history(origin: OriginId): Promise<History>;
  /** Compares an origin's history with a peer's: the younger branch gets a name of its own (decision 3). */
  cutBranch(origin: OriginId, theirs: History): Promise<CutOutcome>;
  /**
   * Who confirms for servers that were removed (rule R8). It is kept, and replaces what was said before; what became
   * this server's duty by it is made permanent at once, as ordinary changesets of the own origin.
   */
  setHeirs(heirs: Heirs): Promise<void>;
  /** Which of the numbers that the engine hands out this server is to take; null: any. Where the engine cannot, nothing happens. */
  setNumberLane(lane: NumberLane | null): Promise<void>;
  /** Every table of the application, synced or not, with what is special about it. Counts rows. */
  tables(): Promise<readonly TableReport[]>;
  conflicts(request: ConflictsRequest): Promise<readonly ConflictRecord[]>;
  /** How many conflicts this replica has forgotten so far, because of its bounds or a person. */
  conflictsForgotten(): Promise<number>;
  /** Forgets conflicts that were found here before a time. Returns how many. */
  forgetConflicts(foundBeforeMs: number): Promise<number>;
  /** Puts back what lost, as a person's write, captured at once. Throws USYNC-1800 or -1801; nothing has changed then. */
  restoreConflict(id: string): Promise<RestoreOutcome>;
  quarantine(request: QuarantineRequest): Promise<readonly QuarantineRecord[]>;
  /** Tries again to show everything that is held back. Returns how many rows are held afterwards. */
  retryHeld(): Promise<number>;
  /** Deletes a row that is held back, everywhere. Throws USYNC-1800 when it is not held. */
  dropHeld(id: string): Promise<void>;
  /** What happened to one row, as far back as the journal goes. */
  rowHistory(request: RowHistoryRequest): Promise<RowHistory>;
  /**
   * Takes back what one server wrote since a time, or tells what that would change. All of it appears at once; when the
   * signal came before that, nothing has changed and nothing is told.
   */
  undo(request: UndoRequest, signal?: AbortSignal): Promise<UndoOutcome>;
  /** What happened to rows, newest merged first, a page at a time. */
  recentChanges(request: ChangesRequest): Promise<ChangesOutcome>;
  /**
   * Writes rows as an application would, in one transaction, captured at once; one outcome each, in the order given. A
   * write with a name that was applied before changes nothing.
   */
  applyWrites(writes: readonly ApplicationWrite[]): Promise<readonly WriteOutcome[]>;
  close(): Promise<void>;
  /** The disk's side of a folder dataset; absent for a database. */
  readonly folder?: FolderCalls;
}

export interface OpeningOptions {
  /** Forgets that the replica was ever part of its dataset: rows stay, what was known of them goes. */
  readonly asFresh?: boolean;
}

export interface ReplicaReport {
  readonly databaseId: string;
  readonly origin: OriginId;
  readonly engine: string;
  /** The journal mode, for the doctor: `wal`, `delete`, ... */
  readonly journalMode: string;
  readonly tables: readonly TableReport[];
  /** What happened at opening that a person should know: restored backup, triggers put back, crash recovered. */
  readonly notices: readonly Notice[];
  /** It holds less than when this replica last had it open, without a restart: a backup was put in its place. */
  readonly isOlder: boolean;
  /** Rows found that no server had adopted: the caller decides between founding (`drain` adopts) and joining. */
  readonly unadoptedRows: number;
}

export interface Notice {
  readonly code: string;
  readonly text: string;
}

export interface TableReport {
  readonly name: string;
  readonly isSynced: boolean;
  /** Why it is not synced, or what is special about it. Empty when plain. */
  readonly remark: string;
  readonly keyKind: KeyKind;
  readonly rows: number;
  readonly held: number;
  /** Rows with NULL in the key: they stay on this server. */
  readonly keyless: number;
  /** Not synced although nobody wished that: it has a form that cannot be captured. */
  readonly isRefused: boolean;
}

export interface DrainOutcome {
  readonly changesets: number;
  readonly rows: number;
  /** True when more notes wait than one call takes. */
  readonly hasMore: boolean;
  readonly vector: VersionVector;
  /** The schema changed since the last call: triggers were put back, tables reconciled. */
  readonly schemaChanged: boolean;
}

/** What a replica drained by itself, and where it stood afterwards. */
export interface HintedDrain {
  readonly outcome: DrainOutcome;
  readonly position: ReplicaPosition;
  readonly news: JournalNews | null;
}

/** The newest journal entries, where they are few: what `readJournal` would give to who has read up to `after`. */
export interface JournalNews {
  readonly after: number;
  readonly next: number;
  readonly parts: readonly ChangesetPart[];
}

export interface ReplicaPosition {
  readonly origin: OriginId;
  readonly vector: VersionVector;
  /** What the journal no longer holds: a peer whose vector does not cover this needs a snapshot. */
  readonly tail: VersionVector;
  /** A snapshot or a huge changeset is becoming visible in parts; nothing may be sent to peers meanwhile. */
  readonly isLanding: boolean;
  /** True for a replica that has never been part of the dataset: it must take a snapshot first, or found it. */
  readonly isFresh: boolean;
  readonly journalBytes: number;
  /** When the oldest entry of the journal was merged here; null while it is empty. */
  readonly journalSinceMs?: number | null;
}

export interface JournalRequest {
  readonly vector: VersionVector;
  /** Where the last read ended; 0 to start. A cursor of this replica's journal, meaningless elsewhere. */
  readonly after: number;
  readonly bytesMax: number;
}

export interface JournalRead {
  readonly parts: readonly ChangesetPart[];
  readonly next: number;
  readonly needsSnapshot: boolean;
  /** Origins whose entry in the peer's vector is of another history than the one here (decision 3). */
  readonly forks: readonly Fork[];
}

/** Two histories of one origin have met. */
export interface Fork {
  readonly origin: OriginId;
}

/** `renamed`: the branch that is held here was cut. `theirs`: the peer must cut its own. `none`: they do not part. */
export type CutOutcome = 'renamed' | 'theirs' | 'none';

export interface MergeOutcome {
  readonly vector: VersionVector;
  readonly merged: number;
  readonly covered: number;
  readonly rows: number;
  readonly conflicts: number;
  readonly quarantined: number;
  /** Something before the offered changesets is missing: ask the sender again from this vector, or for a snapshot. */
  readonly hasGap: boolean;
  readonly forks: readonly Fork[];
}

/**
 * `adopting`: takes in rows that were there before anybody noted them. `receiving`: keeps a snapshot aside until all of it
 * is here. `landing`: merges it. `reading`: looks through the journal for a person. `counting`: looks how many files there
 * are to read. `hashing`: reads them.
 */
export interface ReplicaWork {
  readonly kind: 'adopting' | 'receiving' | 'landing' | 'reading' | 'counting' | 'hashing';
  /** In rows; of counting in files, of reading and hashing in bytes. */
  readonly done: number;
  /** Null where the replica cannot know. */
  readonly total: number | null;
}

export interface SnapshotReader {
  readonly vector: VersionVector;
  readonly rows: number;
  /** The next encoded chunk (at most `snapshotChunkBytesMax`), or null at the end. */
  next(): Promise<Uint8Array | null>;
  close(): Promise<void>;
}

export interface SnapshotWriter {
  add(chunk: Uint8Array): Promise<void>;
  /** Compares the received state with the rows that are here; changes nothing. After the last chunk, before `finish`. */
  preview(): Promise<AdoptionPreview>;
  finish(choice?: AdoptionChoice): Promise<MergeOutcome>;
  abort(): Promise<void>;
}

/** Whether rows of generated-key tables that were here before joining are the same rows as the group's with equal numbers. */
export type AdoptionChoice = 'same-rows' | 'distinct-rows' | 'measure';

export interface AdoptionPreview {
  readonly tables: readonly AdoptionTablePreview[];
  /** Set when it is unclear whether both sides' rows share ancestry; then `finish('measure')` refuses. */
  readonly isUnclear: boolean;
}

export interface AdoptionTablePreview {
  readonly table: string;
  readonly same: number;
  /** Rows on both sides with different cells: the group's value will stand, this server's goes to the conflict log. */
  readonly differing: number;
  /** Rows on both sides under equal generated numbers that are two rows: both stand, those of this server get new numbers. */
  readonly apart: number;
  readonly onlyHere: number;
  readonly onlyThere: number;
}

export interface Proof {
  readonly vector: VersionVector;
  readonly digest: DatasetDigest;
  /** Tables and columns that this server has not or leaves out, with the reason; the proof does not speak of them. */
  readonly leftOut: readonly string[];
  /** Tables of which rows are missing here although the vector covers them: a peer's snapshot brings them. */
  readonly lost?: readonly string[];
  readonly held: number;
}

export interface AuditOutcome {
  readonly tables: readonly { readonly table: string; readonly rows: number; readonly differing: number }[];
  readonly cpuMs: number;
}

export interface BucketRequest {
  readonly table: string;
  readonly buckets: number;
}

export interface BucketRowsRequest extends BucketRequest {
  readonly chosen: readonly number[];
  readonly rowsMax: number;
}

export interface BucketRow {
  readonly bucket: number;
  readonly key: readonly SqlValue[];
  readonly hash: number;
}

export interface PruneRequest {
  /** The vector that every member has durably acknowledged. */
  readonly covered: VersionVector;
  readonly ageMaxMs: number;
  readonly bytesMax: number;
  /** What is covered is kept all the same while it is younger and the journal smaller: people look back in it. */
  readonly keepMs?: number;
  readonly keepBytes?: number;
}

export interface PruneOutcome {
  readonly entries: number;
  readonly bytes: number;
}

export interface ConflictsRequest {
  readonly max: number;
  /** Only those whose id begins so. */
  readonly idStart?: string;
}

/** What lost a conflict. Values are SQL literals, long ones cut; the replica keeps them exactly. */
export interface ConflictRecord {
  /** Sixteen hex characters, the same for the same conflict on every server. */
  readonly id: string;
  readonly table: string;
  readonly key: string;
  /** Null: the whole row lost. */
  readonly column: string | null;
  readonly rule: string;
  readonly kept: string;
  readonly lost: string;
  /** The other columns of a row that lost; null when only its writer knows them. */
  readonly rest: readonly ColumnText[] | null;
  readonly lostOrigin: OriginId;
  readonly keptOrigin: OriginId | null;
  /** When the losing value was written. */
  readonly atMs: number;
  /** When this server found it. */
  readonly noticedMs: number;
  /** When a person settled it in the data itself, as by deleting a conflict copy; always null for rows. */
  readonly settledMs: number | null;
  /** False: only the server that wrote the row can put it back. */
  readonly canRestore: boolean;
}

export interface ColumnText {
  readonly column: string;
  readonly value: string;
}

/** `incomplete`: only the server that wrote the row knows all of it. */
/** `rows`: how many changed; 0 when what lost stands already. */
export type RestoreOutcome = { readonly kind: 'restored'; readonly rows: number } | { readonly kind: 'incomplete' };

export interface QuarantineRequest {
  readonly max: number;
  readonly idStart?: string;
}

export interface QuarantineRecord {
  /** The same on every server that holds the row back. */
  readonly id: string;
  readonly table: string;
  readonly key: string;
  readonly reason: string;
  readonly freedBy: string;
  /** Who inserted the row, and when. */
  readonly origin: OriginId;
  readonly atMs: number;
  readonly cells: readonly ColumnText[];
}

export interface RowHistoryRequest {
  readonly table: string;
  /** One text per key column. */
  readonly key: readonly string[];
  readonly max: number;
}

export interface RowHistory {
  readonly table: string;
  /** Whether a row is shown at the key now. */
  readonly isShown: boolean;
  /** False: the journal does not go back to the insert. */
  readonly isWhole: boolean;
  /** Newest first. */
  readonly versions: readonly RowVersion[];
}

export interface RowVersion {
  readonly kind: 'insert' | 'update' | 'end' | 'merge';
  readonly origin: OriginId;
  readonly atMs: number;
  readonly mergedMs: number;
  readonly cells: readonly ColumnText[];
}

export interface UndoRequest {
  readonly server: ServerId;
  readonly sinceMs: number;
  readonly isDryRun: boolean;
}

export interface UndoOutcome {
  readonly steps: readonly UndoStep[];
  readonly isCancelled: boolean;
}

/** What taking back means for one row. `skipped` says why it is left alone. */
export interface UndoStep {
  readonly kind: 'update' | 'delete' | 'insert';
  readonly table: string;
  readonly key: string;
  readonly cells: readonly { readonly column: string; readonly from: string; readonly to: string }[];
  readonly skipped: string | null;
}

export interface ChangesRequest {
  readonly max: number;
  /** `next` of the page before. */
  readonly before?: string;
  /** Only what was merged here since; a change that was written long ago may come late. */
  readonly sinceMs?: number;
  readonly table?: string;
  readonly server?: ServerId;
  readonly kind?: ChangeRecord['kind'];
}

export interface ChangesOutcome {
  readonly changes: readonly ChangeRecord[];
  /** Where the next page begins; null at the end. */
  readonly next: string | null;
  /** False: the beginning of the journal was reached, and it does not go back to the beginning of the dataset. */
  readonly isWhole: boolean;
}

export interface ChangeRecord {
  readonly id: string;
  readonly kind: 'insert' | 'update' | 'end' | 'merge';
  readonly table: string;
  /** Where the row was seen; empty for a new row, whose key is among its cells. */
  readonly key: readonly string[];
  readonly origin: OriginId;
  readonly stamp: number;
  readonly atMs: number;
  readonly mergedMs: number;
  /** Of an end: what the row held, as far as it is known. */
  readonly cells: readonly ChangedCell[];
}

export interface ChangedCell {
  readonly column: string;
  /** SQL literals; `from` is null where it is not known. */
  readonly from: string | null;
  readonly to: string;
  readonly value: JsonValue;
  readonly valueBefore: JsonValue;
}

/** A value as a program of any language takes it. Bytes are `{ base64 }`; of what is too large only the size is told. */
export type JsonValue = null | boolean | number | string | { readonly [name: string]: string | number };

export interface ApplicationWrite {
  readonly table: string;
  readonly operation: 'insert' | 'update' | 'upsert' | 'delete';
  /** By column; the key among them, or `recordId` for a key of one column. */
  readonly values: Readonly<Record<string, JsonValue>>;
  readonly recordId: string | null;
  /** Names the write for its sender: sent again, it changes nothing. */
  readonly name: string | null;
}

export interface WriteOutcome {
  readonly status: 'applied' | 'unchanged' | 'repeated' | 'rejected';
  readonly key: string | null;
  /** Why it was not applied. */
  readonly reason: string | null;
  readonly isParentMissing?: boolean;
}

/** Who this replica works for; passed at creation. */
export interface ReplicaIdentity {
  readonly server: ServerId;
  readonly serverName: string;
  /** The epoch to use when the database has none yet, or when the witness says that it went back in time. */
  readonly freshEpoch: () => Epoch;
}
