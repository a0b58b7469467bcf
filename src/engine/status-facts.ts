/** What a status is made of: facts that were measured, nothing that was concluded. */
import type { Config } from '../config/config.js';
import type { ListedServer } from '../databases/server-list.js';
import type { DatasetCounters } from '../observe/counters.js';
import type { Problem } from '../observe/problem.js';
import type { VersionVector } from '../core/version-vector.js';
import type { DialFailure } from './dialer.js';
import type { DatasetFacts } from './dataset-runner.js';
import type { DatasetLook } from './dataset-look.js';
import type { ServerStatus } from './engine-status.js';
import type { PeerLink } from './peer-links.js';
import type { SessionStatus } from '../protocol/session-status.js';

export interface StatusFacts {
  readonly server: ServerStatus;
  readonly phase: 'starting' | 'running' | 'stopping';
  readonly inviterName: string | null;
  readonly datasets: readonly DatasetInput[];
  readonly peers: readonly PeerInput[];
  readonly openProblems: readonly Problem[];
  readonly nowMs: number;
  readonly monotonicMs: number;
}

export interface DatasetInput {
  readonly config: Config['datasets'][number];
  /** The list of servers: part of the proof, not of what is shown. */
  readonly isInternal: boolean;
  readonly facts: DatasetFacts;
  readonly look: DatasetLook;
  /** Conflicts that nobody has decided about; up to a bound. */
  readonly openConflicts: number;
  readonly counters: DatasetCounters;
}

export interface PeerInput {
  readonly listed: ListedServer;
  readonly link: PeerLink | null;
  readonly session: SessionStatus | null;
  readonly failure: DialFailure | null;
  /** What the peer itself said when it last ended a connection. */
  readonly refusal: Refusal | null;
  readonly twinSeenAtMs: number | null;
  /** A person here has paused it: no connection until it is resumed. */
  readonly isPaused: boolean;
  readonly sinceMs: number;
  readonly lastContactMs: number | null;
  readonly lastAckMs: number | null;
  readonly proofByDataset: ReadonlyMap<string, { readonly atMs: number; readonly rows: number }>;
  readonly ackedByDataset: ReadonlyMap<string, VersionVector>;
}

export interface Refusal {
  readonly code: string;
  readonly reason: string;
  readonly atMs: number;
}
