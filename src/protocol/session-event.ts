/**
 * What goes into a session and what comes out. The session does no IO: whoever runs it carries out the effects in their
 * order and feeds results back as events. Replica calls of one dataset are carried out one after the other.
 */
import type { History } from '../core/branch.js';
import type { OriginId, ServerId } from '../core/origin.js';
import type { ChangesetPart } from '../core/changeset.js';
import type { DatasetDigest } from '../core/digest.js';
import type { VersionVector } from '../core/version-vector.js';
import type { Answer, HelloMessage, Question } from './message.js';

/** What a session is told with every event. */
export interface StepTime {
  /** Monotonic; for durations. */
  readonly nowMs: number;
  /** Wall clock; for people. */
  readonly wallMs: number;
  /** Bytes that wait in the channel. */
  readonly queuedBytes: number;
}

export type Verdict =
  | { readonly kind: 'accepted' }
  /** The channel stays open until a person decides; nothing of a dataset is sent. */
  | { readonly kind: 'pending'; readonly text: string; readonly members: readonly string[] }
  | { readonly kind: 'refused'; readonly code: string; readonly text: string };

export type SessionEvent =
  | { readonly kind: 'started' }
  | { readonly kind: 'frame'; readonly frame: Uint8Array }
  /** The channel's queue fell below its low mark. */
  | { readonly kind: 'drained' }
  | { readonly kind: 'alarm' }
  | { readonly kind: 'decided'; readonly verdict: Verdict }
  /** The replica's vector may have moved; null when nothing more is known. */
  | { readonly kind: 'changed'; readonly dataset: string; readonly moved: SessionMove | null }
  /** Servers that this server is linked with now. */
  | { readonly kind: 'links'; readonly servers: readonly ServerId[] }
  | { readonly kind: 'result'; readonly dataset: string; readonly round: number; readonly result: CallResult }
  | {
      readonly kind: 'failed';
      readonly dataset: string;
      readonly round: number;
      readonly call: ReplicaCall['kind'];
      readonly code: string;
      readonly text: string;
    }
  | { readonly kind: 'turn'; readonly dataset: string }
  /** A person decided, or whatever a dataset was paused for may be over: try again now. */
  | { readonly kind: 'resume'; readonly dataset: string }
  | { readonly kind: 'ask'; readonly dataset: string; readonly id: number; readonly question: Question }
  | { readonly kind: 'stop'; readonly code: string; readonly reason: string }
  | { readonly kind: 'closed'; readonly reason: string };

export type SessionEffect =
  | { readonly kind: 'send'; readonly frame: Uint8Array }
  /** The last effect. `code` is empty for an ordinary end. */
  | { readonly kind: 'close'; readonly code: string; readonly reason: string; readonly isByPeer: boolean }
  /** Wake me at this monotonic time; replaces the alarm set before. */
  | { readonly kind: 'alarm'; readonly atMs: number }
  | { readonly kind: 'decide'; readonly hello: HelloMessage }
  | { readonly kind: 'call'; readonly dataset: string; readonly round: number; readonly call: ReplicaCall }
  /** Catching up from this peer: one session at a time per dataset; answered by a `turn` event. */
  | { readonly kind: 'turn-want'; readonly dataset: string }
  | { readonly kind: 'turn-end'; readonly dataset: string }
  | { readonly kind: 'report'; readonly report: SessionReport };

/** What a session asks of a replica; names and meaning as in the contract of replicas. */
export type ReplicaCall =
  | { readonly kind: 'position' }
  | { readonly kind: 'read'; readonly vector: VersionVector; readonly after: number; readonly bytesMax: number }
  | { readonly kind: 'merge'; readonly parts: readonly ChangesetPart[] }
  | { readonly kind: 'flush' }
  | { readonly kind: 'prove' }
  | { readonly kind: 'snapshot-open' }
  | { readonly kind: 'snapshot-next' }
  | { readonly kind: 'snapshot-close' }
  | { readonly kind: 'snapshot-receive'; readonly vector: VersionVector }
  | { readonly kind: 'snapshot-add'; readonly chunk: Uint8Array }
  | { readonly kind: 'snapshot-finish'; readonly isFirst: boolean }
  | { readonly kind: 'snapshot-abort' }
  | { readonly kind: 'history'; readonly origin: OriginId }
  | { readonly kind: 'cut'; readonly origin: OriginId; readonly theirs: History }
  /** Only if `origin` is still the replica's origin. */
  | { readonly kind: 'new-epoch'; readonly origin: OriginId; readonly reason: string }
  /** Both replicas are new and nobody else has the data: what is here is the beginning. */
  | { readonly kind: 'found' }
  | { readonly kind: 'answer'; readonly id: number; readonly question: Question };

export interface SessionPosition {
  readonly origin: OriginId;
  readonly vector: VersionVector;
  readonly isLanding: boolean;
  readonly isFresh: boolean;
}

/** Where a replica stands after a drain, and what came into its journal by that, when it is little. */
export interface SessionMove {
  readonly position: SessionPosition;
  readonly news: SessionNews | null;
}

/** What a read from `after` would give. */
export interface SessionNews {
  readonly after: number;
  readonly next: number;
  readonly parts: readonly ChangesetPart[];
}

export interface MergeResult {
  readonly vector: VersionVector;
  readonly merged: number;
  readonly rows: number;
  readonly conflicts: number;
  readonly quarantined: number;
  readonly hasGap: boolean;
  readonly forks: readonly ForkFound[];
}

export interface ForkFound {
  readonly origin: OriginId;
}

export interface SessionProof {
  readonly vector: VersionVector;
  readonly digest: DatasetDigest;
  readonly leftOut: readonly string[];
  /** Tables of which this server misses rows that its vector covers. Not told to the peer. */
  readonly lost?: readonly string[];
  readonly held: number;
}

export type CallResult =
  | { readonly kind: 'position'; readonly position: SessionPosition }
  | {
      readonly kind: 'read';
      readonly parts: readonly ChangesetPart[];
      readonly next: number;
      readonly needsSnapshot: boolean;
      readonly forks: readonly ForkFound[];
    }
  | { readonly kind: 'merge'; readonly outcome: MergeResult }
  | { readonly kind: 'flush'; readonly vector: VersionVector }
  | { readonly kind: 'prove'; readonly proof: SessionProof }
  | { readonly kind: 'snapshot-open'; readonly vector: VersionVector; readonly rows: number }
  | { readonly kind: 'snapshot-next'; readonly chunk: Uint8Array | null }
  | { readonly kind: 'snapshot-receive' }
  | { readonly kind: 'snapshot-add' }
  | { readonly kind: 'snapshot-finish'; readonly outcome: MergeResult }
  | { readonly kind: 'history'; readonly origin: OriginId; readonly history: History }
  | { readonly kind: 'cut'; readonly origin: OriginId; readonly outcome: 'renamed' | 'theirs' | 'none' }
  /** For calls whose effect shows in the position: it is asked again. */
  | { readonly kind: 'done'; readonly call: 'new-epoch' | 'found' }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer };

/** Facts for the engine: its activity feed, pruning, membership. */
export type SessionReport =
  /** Both sides have accepted each other. */
  | { readonly kind: 'opened' }
  | { readonly kind: 'peer-waits'; readonly text: string; readonly members: readonly string[] }
  /** This replica's vector moved by what this peer sent: other sessions should be told. */
  | {
      readonly kind: 'merged';
      readonly dataset: string;
      readonly merged: number;
      readonly rows: number;
      readonly conflicts: number;
      readonly quarantined: number;
    }
  | { readonly kind: 'snapshot-merged'; readonly dataset: string; readonly rows: number }
  | { readonly kind: 'snapshot-sent'; readonly dataset: string; readonly rows: number }
  | { readonly kind: 'acked'; readonly dataset: string; readonly vector: VersionVector }
  | { readonly kind: 'proven'; readonly dataset: string; readonly rows: number; readonly atMs: number }
  | { readonly kind: 'proof-failed'; readonly dataset: string; readonly tables: readonly string[] }
  | { readonly kind: 'fork'; readonly dataset: string; readonly origin: OriginId }
  | { readonly kind: 'went-back'; readonly dataset: string; readonly origin: OriginId }
  | { readonly kind: 'origin-changed'; readonly dataset: string; readonly reason: string }
  | {
      readonly kind: 'paused';
      readonly dataset: string;
      readonly code: string;
      readonly text: string;
      readonly retryInMs: number;
      readonly count: number;
    }
  | { readonly kind: 'resumed'; readonly dataset: string; readonly count: number }
  | { readonly kind: 'answered'; readonly id: number; readonly answer: Answer };
