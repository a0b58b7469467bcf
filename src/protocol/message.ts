/**
 * The messages of the wire (docs/protocol.md). One message is one frame. Datasets are named in the hello; every other
 * message gives the *sender's* number of a dataset, its position in that list.
 */
import type { DatasetDigest } from '../core/digest.js';
import type { History } from '../core/branch.js';
import type { ContentRequest } from '../core/content-request.js';
import type { OriginId, ServerId } from '../core/origin.js';
import type { Stamp } from '../core/stamp.js';
import type { SqlValue } from '../core/value.js';
import type { VersionVector } from '../core/version-vector.js';

export interface HelloMessage {
  readonly kind: 'hello';
  readonly versionMin: number;
  readonly versionMax: number;
  readonly server: ServerId;
  readonly name: string;
  /** 32 hex characters, random at each start: one server id with two live nonces is a cloned machine. */
  readonly bootNonce: string;
  /** Where others can reach this server, "host:port"; empty when it can only dial out. */
  readonly addresses: readonly string[];
  readonly datasets: readonly string[];
  readonly pairing: PairingProof | null;
}

/** What a joining server shows instead of a known key. */
export interface PairingProof {
  /** 16 hex characters: which invite code. */
  readonly invite: string;
  /** 64 hex characters: HMAC with the code's secret. */
  readonly proof: string;
}

export type Message =
  | HelloMessage
  | { readonly kind: 'close'; readonly code: string; readonly text: string }
  /** The sender accepts this peer. Until both sides have said so, nothing but hello, wait, ping and close is allowed. */
  | { readonly kind: 'open' }
  /**
   * The receiver is not let in yet. `members`: fingerprints of the sender's group, any of which may let it in once it is
   * approved.
   */
  | { readonly kind: 'wait'; readonly text: string; readonly members: readonly string[] }
  | { readonly kind: 'ping'; readonly nonce: number }
  /** `wallMs` is the wall clock of who answers, so that a clock that is off can be shown. */
  | { readonly kind: 'pong'; readonly nonce: number; readonly wallMs: number }
  /** Servers that the sender is linked with right now. */
  | { readonly kind: 'links'; readonly servers: readonly ServerId[] }
  | HaveMessage
  | { readonly kind: 'credit'; readonly dataset: number; readonly bytes: number }
  | PartsMessage
  /** Send again from this vector, as stream number `stream`. What was sent under a lower number is dropped. */
  | { readonly kind: 'again'; readonly dataset: number; readonly stream: number; readonly vector: VersionVector }
  /** The journal no longer reaches back to what the receiver lacks: it needs a snapshot. */
  | { readonly kind: 'behind'; readonly dataset: number }
  | { readonly kind: 'ack'; readonly dataset: number; readonly vector: VersionVector }
  | { readonly kind: 'snapshot-want'; readonly dataset: number; readonly stream: number }
  | {
      readonly kind: 'snapshot-begin';
      readonly dataset: number;
      readonly stream: number;
      readonly vector: VersionVector;
      readonly rows: number;
    }
  | SnapshotPieceMessage
  | { readonly kind: 'snapshot-end'; readonly dataset: number; readonly stream: number; readonly chunks: number }
  | { readonly kind: 'snapshot-abort'; readonly dataset: number; readonly stream: number; readonly text: string }
  | { readonly kind: 'paused'; readonly dataset: number; readonly code: string; readonly text: string }
  | ProofMessage
  /** The sender found two histories of an origin; this is the one that it holds. The younger branch must be cut. */
  | { readonly kind: 'fork'; readonly dataset: number; readonly origin: OriginId; readonly history: History }
  | { readonly kind: 'ask'; readonly dataset: number; readonly id: number; readonly question: Question }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer };

/** What the sender has merged. `isWhole`: it replaces what was said before; else it adds to it. */
export interface HaveMessage {
  readonly kind: 'have';
  readonly dataset: number;
  readonly isWhole: boolean;
  readonly isFresh: boolean;
  readonly isLanding: boolean;
  readonly vector: VersionVector;
}

export interface PartsMessage {
  readonly kind: 'parts';
  readonly dataset: number;
  readonly stream: number;
  readonly pieces: readonly PartPiece[];
}

/** A part of a changeset, or a piece of one that is larger than a frame. Pieces of one part follow each other. */
export interface PartPiece {
  readonly origin: OriginId;
  readonly stamp: Stamp;
  readonly part: number;
  readonly isLast: boolean;
  /** Bytes of this part that follow in later pieces. */
  readonly rest: number;
  readonly bytes: Uint8Array;
}

export interface SnapshotPieceMessage {
  readonly kind: 'snapshot-piece';
  readonly dataset: number;
  readonly stream: number;
  readonly rest: number;
  readonly bytes: Uint8Array;
}

export interface ProofMessage {
  readonly kind: 'proof';
  readonly dataset: number;
  readonly vector: VersionVector;
  readonly digest: DatasetDigest;
  readonly leftOut: readonly string[];
  readonly held: number;
}

/** What `usync verify` asks a peer, and what a folder dataset asks for: pieces of contents. */
export type Question =
  | { readonly kind: 'digest' }
  /** Since version 2. */
  | { readonly kind: 'content'; readonly requests: readonly ContentRequest[] }
  | { readonly kind: 'sums'; readonly table: string; readonly buckets: number }
  | {
      readonly kind: 'rows';
      readonly table: string;
      readonly buckets: number;
      readonly chosen: readonly number[];
      readonly rowsMax: number;
    };

export type SnapshotMessage = Extract<
  Message,
  { kind: 'snapshot-begin' | 'snapshot-piece' | 'snapshot-end' | 'snapshot-abort' }
>;

export type Answer =
  | {
      readonly kind: 'digest';
      readonly vector: VersionVector;
      readonly digest: DatasetDigest;
      readonly leftOut: readonly string[];
      readonly held: number;
    }
  | { readonly kind: 'sums'; readonly sums: readonly number[] }
  | { readonly kind: 'rows'; readonly rows: readonly AnsweredRow[] }
  /** In the order of the requests; null for what is not there. */
  | { readonly kind: 'content'; readonly pieces: readonly (Uint8Array | null)[] }
  | { readonly kind: 'failed'; readonly code: string; readonly text: string };

export interface AnsweredRow {
  readonly bucket: number;
  readonly key: readonly SqlValue[];
  readonly hash: number;
}
