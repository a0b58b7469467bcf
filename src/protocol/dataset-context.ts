import type { OriginId, ServerId } from '../core/origin.js';
import type { Stamp } from '../core/stamp.js';
import { stampIn, type VersionVector } from '../core/version-vector.js';
import type { Message } from './message.js';
import type { ReplicaCall, SessionPosition, SessionReport, StepTime } from './session-event.js';

/** What the parts of one dataset's session share. Everything here belongs to one pair of servers. */
export interface DatasetContext {
  readonly dataset: string;
  /** This side's number of the dataset, for messages. */
  readonly number: number;
  readonly self: ServerId;
  readonly peer: ServerId;
  readonly time: () => StepTime;
  send(message: Message): void;
  /** Bytes of bulk that the channel takes before its queue is full. */
  room(): number;
  call(call: ReplicaCall): void;
  report(report: SessionReport): void;
  wantTurn(): void;
  endTurn(): void;
  /** Wake the session at this monotonic time at the latest. */
  wakeAt(atMs: number): void;
  /** Whether the peer is linked with the server of this origin, so that it will get its changes from there. */
  isPeerLinkedWith(origin: OriginId): boolean;
  foundFork(origin: OriginId): void;
  readonly view: DatasetView;
}

/** What is known of both replicas. */
export interface DatasetView {
  own: SessionPosition | null;
  peer: PeerPosition | null;
  /** Set while the peer's side of this dataset cannot work. */
  peerPaused: { readonly code: string; readonly text: string } | null;
  /** Per origin, the last changeset that the peer sent here: it need not be sent back, announced or not. */
  readonly receivedByOrigin: Map<OriginId, Stamp>;
}

export interface PeerPosition {
  readonly vector: VersionVector;
  readonly isFresh: boolean;
  readonly isLanding: boolean;
}

/** Whether the peer holds this changeset, as far as is known here. */
export const hasPeer = (view: DatasetView, origin: OriginId, stamp: Stamp): boolean =>
  (view.peer !== null && stampIn(view.peer.vector, origin) >= stamp) ||
  (view.receivedByOrigin.get(origin) ?? 0) >= stamp;

/** What a piece costs of the credit: small pieces are not free. */
export const costOf = (bytes: number): number => bytes + pieceOverheadBytes;
export const pieceOverheadBytes = 48;
