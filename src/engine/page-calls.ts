/** What a page or a program asks of a running engine beyond its status: the part of the engine behind the HTTP API. */
import type { DatasetDigest } from '../core/digest.js';
import type {
  ApplicationWrite,
  ChangeRecord,
  ChangesOutcome,
  ChangesRequest,
  TableReport,
  WriteOutcome,
} from '../databases/replica.js';
import type { CounterValues } from '../observe/counters.js';
import type { ServerInfo } from './engine.js';

export interface PageCalls {
  /** The tables of one database with their digests. What is busy for longer than the patience tells what it told last. */
  tables(dataset: string, wait?: { readonly patienceMs?: number }): Promise<DatasetTables>;
  /** What happened to rows and files of one dataset, newest merged first. */
  changes(request: ChangesQuery): Promise<ChangesReport>;
  /** Writes rows as an application would. `dataset` absent: the first database that has the table. */
  applyWrites(writes: readonly TargetedWrite[]): Promise<readonly WriteOutcome[]>;
  /** Asks a server and waits for its answer. Never rejects for a server that cannot be reached. */
  ping(nameOrId: string): Promise<PingReport>;
  /** Captures what is committed, dials without waiting for a back-off, tries paused datasets again. */
  wake(): Promise<void>;
  /** Open and lately used invites, newest first. */
  invites(): readonly InviteInfo[];
  /** Throws `USYNC-1908` when there is none of this id. */
  revokeInvite(id: string): Promise<void>;
  /** Where a server is reached, until it says otherwise itself. */
  setAddresses(nameOrId: string, addresses: readonly string[]): ServerInfo;
  /** Ends the connection with a server and makes none until it is resumed; null means all. Survives restarts. */
  pause(nameOrId: string | null): Promise<void>;
  resume(nameOrId: string | null): Promise<void>;
  paused(): PausedServers;
  /** Whether a dataset carries out something that questions have to wait for. */
  isAtWork(): boolean;
  /** Sums since the start, for metrics. */
  counters(): CounterValues;
}

export interface DatasetTables {
  readonly tables: readonly TableReport[];
  readonly digests: DatasetDigest;
  /** 0 when this is how it stands now; else for so long nobody has known better. */
  readonly unansweredMs: number;
}

export interface ChangesQuery extends Omit<ChangesRequest, 'server'> {
  readonly dataset: string;
  /** A name or an id. */
  readonly server?: string;
}

export interface ChangesReport extends Omit<ChangesOutcome, 'changes'> {
  readonly changes: readonly NamedChange[];
}

export interface NamedChange extends Omit<ChangeRecord, 'origin'> {
  readonly dataset: string;
  readonly serverId: string;
  readonly by: string;
}

export interface TargetedWrite extends ApplicationWrite {
  readonly dataset?: string;
}

export interface PingReport {
  readonly isAnswered: boolean;
  readonly roundTripMs: number | null;
  readonly atMs: number;
  readonly reason: string | null;
  readonly nextStep: string | null;
}

export interface InviteInfo {
  readonly id: string;
  readonly expiresAtMs: number;
  readonly isPreApproved: boolean;
  /** The fingerprint of the key that used it. */
  readonly usedBy: string | null;
}

export interface PausedServers {
  readonly isAll: boolean;
  readonly ids: readonly string[];
}
