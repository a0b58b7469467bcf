/**
 * What is shown of a running engine. Every figure is a fact that was measured or acknowledged; nothing is derived from
 * a flag that says "running". "In sync" needs the proof: equal digests at equal vectors, with its time. Every other
 * state has a reason and a next step (DESIGN rule 11). Plain JSON: the control endpoint sends it as it is.
 */
import type { FolderStatus } from '../databases/folder-calls.js';
import type { DatasetWork } from './dataset-work.js';
import type { Problem } from '../observe/problem.js';

/**
 * `in-sync`: proven with every member. `catching-up`: connected, and something is on its way. `waiting`: what can be
 * reached is proven, but some member cannot be reached. `alone`: no other member carries it. `degraded`: see `problems`.
 */
export type SyncState = 'starting' | 'alone' | 'in-sync' | 'catching-up' | 'waiting' | 'degraded' | 'stopping';

export interface EngineStatus {
  readonly server: ServerStatus;
  readonly state: SyncState;
  /** True only with the proof of every dataset with every member that carries it. */
  readonly isInSync: boolean;
  /** One sentence for people: what is the case, and since when or until when. */
  readonly headline: string;
  readonly datasets: readonly DatasetStatus[];
  readonly peers: readonly PeerStatus[];
  /** Worst first. When `isInSync`, only hints such as rows held here or a clock that is off. */
  readonly problems: readonly Problem[];
  readonly atMs: number;
}

export interface ServerStatus {
  readonly id: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly version: string;
  /** `host:port` where it listens, or null while it does not. */
  readonly listen: string | null;
  readonly startedAtMs: number;
  /** Set when this server asked to join and a member must approve it. */
  readonly membership: 'alone' | 'member' | 'pending' | 'removed';
}

export interface DatasetStatus {
  readonly name: string;
  readonly state: SyncState;
  readonly isOpen: boolean;
  readonly databaseId: string | null;
  readonly origin: string | null;
  readonly journalMode: string | null;
  readonly tables: number;
  readonly rows: number;
  /** For a folder dataset: how its disk stands; null for a database. */
  readonly folder: FolderStatus | null;
  /** Rows kept back here with a reason: "same data, N rows held here". */
  readonly held: number;
  /** Rows with NULL in their key, by table: they are on this server only. */
  readonly keyless: readonly { readonly table: string; readonly rows: number }[];
  /** Tables that nobody left out and that cannot be captured, with the reason. */
  readonly refused: readonly { readonly table: string; readonly reason: string }[];
  /** Tables and columns of which the proof does not speak. */
  readonly leftOut: readonly string[];
  /** Tables that have other columns on another server: what is shown as proven does not speak of them. */
  readonly notCompared: readonly string[];
  readonly journalBytes: number;
  /** When the oldest changeset of the journal was merged here; null while it is empty. */
  readonly journalSinceMs: number | null;
  /** When this server last went on under a new epoch, and why. */
  readonly epochChange: { readonly atMs: number; readonly reason: string } | null;
  readonly isLanding: boolean;
  /** Long work of the database that runs now, with its rate and the time that it still takes. */
  readonly work: DatasetWork | null;
  /** 0 when it answers; else for how long it has not, so that all of this is as old. */
  readonly unansweredMs: number;
  /** Not yet part of the group's dataset: waits for a snapshot or for its founding. */
  readonly isFresh: boolean;
  readonly capturedChangesets: number;
  readonly mergedChangesets: number;
  readonly lastCaptureMs: number | null;
  readonly lastMergeMs: number | null;
  /** Those that nobody has decided about; counted up to a bound. */
  readonly conflicts: number;
  readonly quarantined: number;
  readonly selfTest: SelfTestStatus;
  readonly lastAudit: AuditStatus | null;
  /** The oldest of the newest proofs with each member that carries it; null while one is missing. */
  readonly provenAtMs: number | null;
}

export type SelfTestStatus =
  | { readonly kind: 'not-run' }
  | { readonly kind: 'passed'; readonly atMs: number }
  | { readonly kind: 'failed'; readonly atMs: number; readonly reason: string };

export interface AuditStatus {
  readonly atMs: number;
  readonly rows: number;
  readonly differing: number;
  readonly cpuMs: number;
}

export interface PeerStatus {
  readonly id: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly membership: 'member' | 'pending';
  /** `paused`: by a person, on this server. */
  readonly connection: 'connected' | 'connecting' | 'unreachable' | 'paused';
  /** Failed attempts to connect in a row. */
  readonly failures: number;
  /** Since when the connection is in this state. */
  readonly sinceMs: number;
  readonly addresses: readonly string[];
  /** The address of the live connection. */
  readonly connectedTo: string | null;
  readonly lastContactMs: number | null;
  /** When the peer last acknowledged something durably. */
  readonly lastAckMs: number | null;
  readonly roundTripMs: number | null;
  /** The peer's clock minus this one's. */
  readonly clockOffsetMs: number | null;
  readonly datasets: readonly PeerDatasetStatus[];
  /** Why it is not connected and what to do; null when connected. */
  readonly reason: string | null;
  readonly nextStep: string | null;
}

export interface PeerDatasetStatus {
  readonly dataset: string;
  readonly state: 'proven' | 'catching-up' | 'differs' | 'disconnected' | 'not-carried';
  /** What the peer has not acknowledged. */
  readonly pendingOut: Pending;
  /** What the peer has and this server lacks. */
  readonly pendingIn: Pending;
  /** The newest proof with this peer, also an old one. */
  readonly proof: { readonly atMs: number; readonly rows: number } | null;
  readonly reason: string | null;
  readonly nextStep: string | null;
}

export interface Pending {
  /** Origins whose history is not complete on the other side; 0 means nothing is pending. */
  readonly origins: number;
  /** Exact where it is known. */
  readonly changesets: number | null;
  readonly bytes: number | null;
  /** Age of the newest pending change. */
  readonly behindMs: number | null;
}
