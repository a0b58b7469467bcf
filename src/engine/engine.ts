/**
 * The engine of one server: what the command line and the library hold in their hands. It names no concrete database,
 * transport or file system; those come in as adapters.
 */
import type { Config, DatasetConfig } from '../config/config.js';
import type { ContentPeers } from '../core/content-request.js';
import type { ServerId } from '../core/origin.js';
import type { FolderCalls } from '../databases/folder-calls.js';
import type { Replica, ReplicaIdentity } from '../databases/replica.js';
import type { ServerList } from '../databases/server-list.js';
import type { Observe, ObservedEvent } from '../observe/event.js';
import type { DataFiles } from '../system/data-files.js';
import type { System } from '../system/system.js';
import type { Transport } from '../transports/transport.js';
import type { DecisionCalls } from './decisions.js';
import type { AuditStatus, EngineStatus } from './engine-status.js';
import type { PageCalls } from './page-calls.js';
import type { WorkProgress } from './work-progress.js';

export interface Engine extends AsyncDisposable, DecisionCalls, PageCalls {
  /** Takes the data folder, opens every dataset, listens and dials. Rejects with a `SyncError`; nothing is left open then. */
  start(): Promise<void>;
  /** Ends sessions, drains and flushes, closes what was opened in reverse order. Idempotent. */
  stop(reason: string): Promise<void>;
  /** Resolves with the reason when someone asked over the control socket that this engine ends. */
  readonly stopRequested: Promise<string>;
  /** Truthful at the moment of the call. Costs a few small reads a dataset. */
  status(options?: StatusOptions): Promise<EngineStatus>;
  /** Resolves as soon as the proof is there, or at the time-out, or when `signal` aborts; look at `isInSync`. */
  waitUntilInSync(options: WaitOptions): Promise<EngineStatus>;
  /** Compares digests with every connected member; where they differ, names tables and rows. */
  verify(options?: VerifyOptions): Promise<VerifyReport>;
  /** The slow proof of the own content: reads every row. */
  audit(options?: AuditOptions): Promise<readonly DatasetAudit[]>;
  /** A one-time code for one new server. The first invite founds the group: what is in the datasets here is its beginning. */
  invite(options?: InviteOptions): Promise<Invite>;
  /** Joins the group that the code names. With `isDryRun` it only tells what joining would do. */
  join(options: JoinOptions): Promise<JoinReport>;
  /** All servers of the group, this one included, removed ones last. */
  servers(): Promise<readonly ServerInfo[]>;
  /** `nameOrId`: a name, an id, or the beginning of an id that fits one server only. */
  approve(nameOrId: string): Promise<ServerInfo>;
  /** Revokes the server's key everywhere. Its changes up to now stay. */
  remove(nameOrId: string): Promise<ServerInfo>;
  /** The disk's side of a folder dataset. Throws `USYNC-1103` for a name that is none. */
  folder(dataset: string): FolderCalls;
  /** The newest events, oldest first. */
  activity(max: number): readonly ObservedEvent[];
  /** Called after each event; for live views. Returns the way to stop it. */
  onActivity(listener: (event: ObservedEvent) => void): () => void;
}

export interface EngineOptions extends Config {
  /** The version of this software. */
  readonly version: string;
}

export interface EngineAdapters {
  readonly openReplica: (options: ReplicaOptions) => Replica;
  /** The replica of the list of servers: so small that a thread of its own would only cost. */
  readonly openListReplica: (options: ReplicaOptions) => Promise<Replica>;
  readonly openServerList: (path: string) => ServerList;
  /** Who this server is, by a key in the data folder that is made at the first start, and how it talks. */
  readonly openTransport: (files: DataFiles) => Promise<OpenedTransport>;
  readonly system: System;
  /** Opens the data folder, which is created when it is missing. */
  readonly openFiles: (folder: string) => Promise<DataFiles>;
  /** Throws for a database that only a person can mend, or on which another engine works. Changes nothing. */
  readonly refuseUnusable: (dataset: DatasetConfig) => void;
  /** Exactly one engine works in a data folder. Throws `USYNC-1206`, naming the holder. */
  readonly lockFolder: (files: DataFiles, owner: string) => Promise<FolderLock>;
  /** Names the boot of this machine; null where the machine cannot tell. */
  readonly bootId: () => Promise<string | null>;
  /** Further places for events: the log. The engine keeps its own recorder. */
  readonly observe: Observe;
}

export interface FolderLock {
  release(): Promise<void>;
}

export interface ReplicaOptions {
  readonly dataset: DatasetConfig;
  readonly identity: ReplicaIdentity;
  /** For the message to who finds the database taken. */
  readonly dataFolder: string;
  readonly observe: Observe;
  /** Where the contents of a folder come from. */
  readonly contentPeers: ContentPeers;
  /** Databases of this server: no folder may touch them. */
  readonly databases: readonly string[];
}

export interface OpenedTransport {
  readonly server: ServerId;
  /** SHA-256 of the public key, lower-case hex. */
  readonly fingerprint: string;
  readonly transport: Transport;
}

export interface StatusOptions {
  /** How long a dataset that is busy is waited for; what is told of it then is from before, and says so. 1 s when absent. */
  readonly patienceMs?: number;
}

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface VerifyOptions {
  readonly dataset?: string;
  /** Rows named per table at most; 20 when absent. */
  readonly rowsMax?: number;
  readonly signal?: AbortSignal;
  /** Told in comparisons, each of one dataset with one server. */
  readonly onProgress?: (progress: WorkProgress) => void;
}

export interface AuditOptions {
  readonly dataset?: string;
  readonly table?: string;
  /** Told in rows, after each table. */
  readonly onProgress?: (progress: WorkProgress) => void;
  /** An aborted one keeps it from going on to the next table; what was read by then is told. */
  readonly signal?: AbortSignal;
}

export interface VerifyReport {
  /** All that was compared is equal; false where nothing was. */
  readonly isEqual: boolean;
  /** Datasets that no other server carries: nothing is said of them. */
  readonly onlyHere: readonly string[];
  readonly atMs: number;
  readonly tookMs: number;
  readonly comparisons: readonly VerifyComparison[];
}

export interface VerifyComparison {
  readonly dataset: string;
  readonly peer: string;
  /** `behind`: the vectors are not equal yet, so digests cannot be compared. */
  readonly result: 'equal' | 'differs' | 'behind' | 'unreachable';
  readonly rows: number;
  readonly tables: readonly VerifyTableDifference[];
  /** Tables of which the result does not speak, since a server lacks them or columns of them. */
  readonly notCompared: readonly string[];
  readonly reason: string | null;
  readonly nextStep: string | null;
}

export interface VerifyTableDifference {
  readonly table: string;
  readonly rowsHere: number;
  readonly rowsThere: number;
  /** Keys as text; `where` says on which side the row stands, or that it stands on both with different content. */
  readonly rows: readonly { readonly key: string; readonly where: 'here' | 'there' | 'both' }[];
  readonly isComplete: boolean;
}

export interface DatasetAudit extends AuditStatus {
  readonly dataset: string;
  readonly tables: readonly { readonly table: string; readonly rows: number; readonly differing: number }[];
}

export interface InviteOptions {
  /** How long the code is valid; 24 hours when absent. */
  readonly validMs?: number;
  /** The new server is a member at once; else a person must approve it. True when absent. */
  readonly isPreApproved?: boolean;
  /** Of taking in the rows that are here, when this founds the group. */
  readonly onProgress?: (progress: WorkProgress) => void;
}

export interface Invite {
  /** Tells invites apart; gives nothing of the code away. */
  readonly id: string;
  readonly code: string;
  readonly expiresAtMs: number;
  readonly isPreApproved: boolean;
}

export interface JoinOptions {
  readonly code: string;
  readonly isDryRun?: boolean;
  /** Needed only where the preview says that it is unclear. */
  readonly choice?: 'same-rows' | 'distinct-rows';
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: WorkProgress) => void;
}

export interface JoinReport {
  readonly state: 'joined' | 'pending' | 'previewed';
  /** It was in this group before, so the code, used or not, did nothing. */
  readonly wasMember: boolean;
  /** The server that the code named. */
  readonly invitedBy: string;
  readonly datasets: readonly JoinDatasetReport[];
}

export interface JoinDatasetReport {
  readonly dataset: string;
  /** Null where nothing was compared: the group does not carry this dataset yet, or this server has its data already. */
  readonly preview: JoinPreview | null;
}

export interface JoinPreview {
  readonly isUnclear: boolean;
  readonly tables: readonly {
    readonly table: string;
    readonly same: number;
    readonly differing: number;
    readonly apart: number;
    readonly onlyHere: number;
    readonly onlyThere: number;
  }[];
}

export interface ServerInfo {
  readonly id: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly addresses: readonly string[];
  readonly datasets: readonly string[];
  readonly state: 'pending' | 'member' | 'removed';
  readonly isSelf: boolean;
  readonly addedAtMs: number;
  readonly addedBy: string;
  readonly removedAtMs: number | null;
  readonly removedBy: string | null;
  readonly isConnected: boolean;
  /** When it was last connected with this server; null when it never was. */
  readonly lastSeenMs: number | null;
}
