import { malformed } from '../core/byte-reader.js';
import type { ChangesetPart } from '../core/changeset.js';
import { covers, type VersionVector } from '../core/version-vector.js';
import { costOf, type DatasetContext } from './dataset-context.js';
import type { PartPiece, PartsMessage, SnapshotMessage } from './message.js';
import { createPieceAssembly, type PieceAssembly } from './piece-assembly.js';
import { gapsMax, mergeBytesMax, standingCreditBytes, turnIdleMs, windowBytes } from './protocol-limits.js';
import type { CallResult, MergeResult } from './session-event.js';
import { createSnapshotReceiver, type SnapshotReceiver } from './snapshot-receiver.js';

/**
 * Takes the peer's stream and merges it. Credit bounds what can be on its way and unmerged: a little for every peer,
 * much for the one that holds the turn of this dataset, so that one history is not fetched from several at once.
 */
export interface DatasetReceiver {
  /** Grants credit, asks for a turn or a snapshot, merges what is here. Call after anything changed. */
  pump(): void;
  onParts(message: PartsMessage): void;
  onSnapshotMessage(message: SnapshotMessage): void;
  onBehind(): void;
  onPeerPaused(): void;
  onTurn(): void;
  /** Returns the outcome of a merge, for whoever tells the peer. */
  onResult(result: CallResult): MergeResult | null;
  /** Asks the peer to send from this vector. */
  again(vector: VersionVector): void;
  reset(): void;
  readonly status: ReceiverStatus;
}

export interface ReceiverStatus {
  readonly bytes: number;
  readonly changesets: number;
  readonly isWaitingForTurn: boolean;
  readonly snapshot: SnapshotReceiver['progress'];
}

interface ReceiverState {
  stream: number;
  /** Credit granted and not used up yet. */
  granted: number;
  queue: ChangesetPart[];
  /** Cost of the parts that wait and of those that are being merged. */
  queuedCost: number;
  mergingCost: number;
  isMerging: boolean;
  turn: 'none' | 'wanted' | 'held';
  progressAtMs: number;
  gaps: number;
  needsSnapshot: boolean;
  bytes: number;
  changesets: number;
}

export function createDatasetReceiver(context: DatasetContext): DatasetReceiver {
  const state = createReceiverState();
  const assembly = createPieceAssembly();
  const again = (vector: VersionVector): void => {
    // A snapshot under way ends with this anyway; another stream now would only make its answer void.
    if (snapshot.isActive) return;
    state.stream++;
    state.queue = [];
    state.queuedCost = 0;
    assembly.clear();
    context.send({ kind: 'again', dataset: context.number, stream: state.stream, vector });
  };
  const snapshot = createSnapshotReceiver(context, {
    nextStream: () => ++state.stream,
    progressed: () => (state.progressAtMs = context.time().nowMs),
    gaveUp: () => releaseTurn(context, state),
    merged: (vector) => {
      Object.assign(state, { needsSnapshot: false, gaps: 0 });
      const { own } = context.view;
      if (own) context.view.own = { ...own, isFresh: false };
      again(vector);
    },
  });

  return {
    again,
    pump() {
      mergeQueue(context, state);
      snapshot.pump();
      keepTurn(context, state, snapshot);
      grant(context, state, snapshot);
    },
    onParts(message) {
      // What was sent before the peer knew of a restart is void.
      const isVoid = message.stream !== state.stream || snapshot.isActive;
      for (const piece of message.pieces) {
        spend(state, piece.bytes.length);
        if (!isVoid) takePiece(context, state, assembly, piece);
      }
    },
    onSnapshotMessage(message) {
      if (message.kind === 'snapshot-piece') spend(state, message.bytes.length);
      if (message.stream === state.stream) snapshot.onMessage(message);
    },
    onBehind() {
      state.needsSnapshot = true;
    },
    onPeerPaused() {
      assembly.clear();
      snapshot.abandon();
    },
    onTurn() {
      if (state.turn !== 'wanted') return;
      state.turn = 'held';
      state.progressAtMs = context.time().nowMs;
    },
    onResult(result) {
      if (result.kind === 'merge') return onMerged(context, state, result.outcome, again);
      return snapshot.onResult(result);
    },
    reset() {
      dropQueue(state);
      assembly.clear();
      snapshot.forget();
      releaseTurn(context, state);
    },
    get status() {
      const { bytes, changesets, turn } = state;
      return { bytes, changesets, isWaitingForTurn: turn === 'wanted', snapshot: snapshot.progress };
    },
  };
}

function dropQueue(state: ReceiverState): void {
  state.queue = [];
  state.queuedCost = 0;
  state.mergingCost = 0;
  state.isMerging = false;
}

const createReceiverState = (): ReceiverState => ({
  stream: 0,
  granted: 0,
  queue: [],
  queuedCost: 0,
  mergingCost: 0,
  isMerging: false,
  turn: 'none',
  progressAtMs: 0,
  gaps: 0,
  needsSnapshot: false,
  bytes: 0,
  changesets: 0,
});

function takePiece(context: DatasetContext, state: ReceiverState, assembly: PieceAssembly, piece: PartPiece): void {
  state.progressAtMs = context.time().nowMs;
  const { origin, stamp, part, isLast } = piece;
  const bytes = assembly.add(`${origin} ${stamp} ${part}`, piece.bytes, piece.rest);
  if (!bytes) return;
  state.queue.push({ origin, stamp, part, isLast, bytes });
  state.queuedCost += costOf(bytes.length);
  if (!isLast) return;
  state.changesets++;
  context.view.receivedByOrigin.set(origin, stamp);
}

function spend(state: ReceiverState, bytes: number): void {
  state.granted -= costOf(bytes);
  state.bytes += bytes;
  if (state.granted < 0) throw malformed('more bytes than were granted');
}

function mergeQueue(context: DatasetContext, state: ReceiverState): void {
  if (state.isMerging || state.queue.length === 0 || !context.view.own) return;
  let count = 0;
  let cost = 0;
  for (const part of state.queue) {
    if (count > 0 && cost + costOf(part.bytes.length) > mergeBytesMax) break;
    cost += costOf(part.bytes.length);
    count++;
  }
  const parts = state.queue.splice(0, count);
  state.queuedCost -= cost;
  state.mergingCost = cost;
  state.isMerging = true;
  context.call({ kind: 'merge', parts });
}

function onMerged(
  context: DatasetContext,
  state: ReceiverState,
  outcome: MergeResult,
  again: (vector: VersionVector) => void,
): MergeResult {
  state.isMerging = false;
  state.mergingCost = 0;
  state.progressAtMs = context.time().nowMs;
  if (outcome.merged > 0) state.gaps = 0;
  // A fork is no gap: the younger branch is cut first, and asking again would only repeat what cannot be merged yet.
  if (outcome.hasGap && outcome.forks.length === 0) {
    state.gaps++;
    if (state.gaps >= gapsMax) state.needsSnapshot = true;
    else again(outcome.vector);
  }
  return outcome;
}

/** Whether the peer has something that this replica lacks. */
function isMissing(context: DatasetContext, state: ReceiverState): boolean {
  const { own, peer, peerPaused } = context.view;
  if (!own || !peer || peerPaused || peer.isFresh) return false;
  return state.needsSnapshot || own.isFresh || !covers(own.vector, peer.vector);
}

function keepTurn(context: DatasetContext, state: ReceiverState, snapshot: SnapshotReceiver): void {
  const isBusy = snapshot.isActive || state.isMerging;
  if (!isMissing(context, state) && !isBusy) {
    releaseTurn(context, state);
    return;
  }
  if (state.turn === 'none') {
    state.turn = 'wanted';
    context.wantTurn();
    return;
  }
  if (state.turn !== 'held') return;
  const { own, peer } = context.view;
  const wantsSnapshot = (state.needsSnapshot || own?.isFresh) && peer !== null && !peer.isLanding;
  if (wantsSnapshot && !snapshot.isActive && !state.isMerging) {
    state.queue = [];
    state.queuedCost = 0;
    snapshot.start();
  }
  if (isBusy || snapshot.isActive) return;
  const idleUntilMs = state.progressAtMs + turnIdleMs;
  if (context.time().nowMs < idleUntilMs) {
    context.wakeAt(idleUntilMs);
    return;
  }
  // Somebody else may have more luck; this one stands at the end of the queue again.
  releaseTurn(context, state);
  state.turn = 'wanted';
  context.wantTurn();
}

function releaseTurn(context: DatasetContext, state: ReceiverState): void {
  if (state.turn === 'none') return;
  state.turn = 'none';
  context.endTurn();
}

function grant(context: DatasetContext, state: ReceiverState, snapshot: SnapshotReceiver): void {
  if (!context.view.own) return;
  const target = state.turn === 'held' ? windowBytes : isMissing(context, state) ? 0 : standingCreditBytes;
  const used = state.granted + state.queuedCost + state.mergingCost + snapshot.queuedCost;
  if (target === 0 || target - used < target / 2) return;
  const bytes = target - used;
  state.granted += bytes;
  context.send({ kind: 'credit', dataset: context.number, bytes });
}
