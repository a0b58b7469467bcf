import { tablesNotCompared, tablesThatDiffer } from '../core/digest.js';
import { forksBetween, isEqualVector, type VersionVector } from '../core/version-vector.js';
import type { DatasetContext } from './dataset-context.js';
import type { ProofMessage } from './message.js';
import { proofAgainMs, proofHeldMs, proofQuietMs, tablesMax, textBytesMax } from './protocol-limits.js';
import type { SessionProof } from './session-event.js';
import { cutText } from './text-codec.js';

/** The proof behind "in sync": both sides exchange digests at rest and compare them where the vectors are equal. */
export interface DatasetProof {
  /** Call after anything changed, and at alarms. */
  pump(): void;
  onMoved(): void;
  /** A snapshot was merged: the digests may have changed although the vector has not. */
  onSnapshot(): void;
  onOwn(proof: SessionProof): void;
  onPeer(message: ProofMessage): void;
  reset(): void;
  readonly status: ProofStatus;
}

export interface ProofStatus {
  /** The newest proof with this peer, also an old one; wall clock. */
  readonly proven: { readonly atMs: number; readonly rows: number; readonly vector: VersionVector } | null;
  /** Tables whose digests differed at equal vectors, when last compared; empty when none. */
  readonly differing: readonly string[];
  /** Tables that have other columns at the peer: the proof does not speak of them. */
  readonly notCompared: readonly string[];
  readonly peerHeld: number;
}

interface ProofState {
  own: SessionProof | null;
  peer: SessionProof | null;
  movedAtMs: number;
  sentAtMs: number;
  /** What the proof that was sent last says of what is held here, and when that was last looked at. */
  sentHeld: number;
  heldSeenAtMs: number;
  sentVector: VersionVector | null;
  /** The peer showed a proof at the own vector and waits for the answer. */
  isWanted: boolean;
  isProving: boolean;
  /** Where this server stood when it last asked for rows that it had lost. */
  lostAsked: VersionVector | null;
  proven: ProofStatus['proven'];
  differing: readonly string[];
  notCompared: readonly string[];
}

/** @param fetchLost Takes a snapshot of the peer, which holds rows that were lost here. */
export function createDatasetProof(context: DatasetContext, fetchLost: () => void): DatasetProof {
  const state: ProofState = {
    own: null,
    peer: null,
    movedAtMs: 0,
    sentAtMs: 0,
    sentHeld: 0,
    heldSeenAtMs: 0,
    sentVector: null,
    isWanted: false,
    isProving: false,
    lostAsked: null,
    proven: null,
    differing: [],
    notCompared: [],
  };
  return {
    pump: () => proveWhenDue(context, state),
    onMoved() {
      state.movedAtMs = context.time().nowMs;
    },
    onSnapshot() {
      state.sentVector = null;
      state.movedAtMs = context.time().nowMs;
    },
    onOwn(proof) {
      state.isProving = false;
      const position = context.view.own;
      if (!position || !isSameVector(position.vector, proof.vector)) {
        // Something came in while it was asked for: nothing is at rest.
        state.movedAtMs = context.time().nowMs;
        return;
      }
      state.own = proof;
      state.heldSeenAtMs = context.time().nowMs;
      if (!isNews(context, state, proof)) return;
      state.isWanted = false;
      state.sentHeld = proof.held;
      state.sentVector = proof.vector;
      state.sentAtMs = context.time().nowMs;
      const { vector, digest, held } = proof;
      const leftOut = proof.leftOut.slice(0, tablesMax).map((remark) => cutText(remark, textBytesMax));
      context.send({ kind: 'proof', dataset: context.number, vector, digest, leftOut, held });
      compare(context, state, fetchLost);
    },
    onPeer({ vector, digest, leftOut, held }) {
      state.peer = { vector, digest, leftOut, held };
      if (state.own && isSameVector(state.own.vector, vector)) compare(context, state, fetchLost);
      else state.isWanted = true;
    },
    reset() {
      state.isProving = false;
      state.own = null;
      state.peer = null;
      state.sentVector = null;
    },
    get status() {
      const { proven, differing, notCompared } = state;
      return { proven, differing, notCompared, peerHeld: state.peer?.held ?? 0 };
    },
  };
}

/** Where the peer could not help, it is asked again when something has changed. */
const isAskedAt = ({ lostAsked }: ProofState, vector: VersionVector): boolean =>
  lostAsked !== null && isSameVector(lostAsked, vector);

const isSameVector = (a: VersionVector, b: VersionVector): boolean =>
  isEqualVector(a, b) && forksBetween(a, b).length === 0;

/** A look at what is held goes to the peer only when it changed. */
function isNews(context: DatasetContext, state: ProofState, { vector, held }: SessionProof): boolean {
  if (state.isWanted || held !== state.sentHeld) return true;
  if (state.sentVector === null || !isSameVector(state.sentVector, vector)) return true;
  return context.time().nowMs >= state.sentAtMs + proofAgainMs;
}

/** While something is held here, whether it still is: soon after something moved, then ever more rarely. */
function heldAgainMs({ sentHeld, heldSeenAtMs, movedAtMs }: ProofState): number {
  if (sentHeld === 0) return Infinity;
  return heldSeenAtMs + Math.min(proofAgainMs, Math.max(proofHeldMs, (heldSeenAtMs - movedAtMs) / 4));
}

function proveWhenDue(context: DatasetContext, state: ProofState): void {
  const { own, peer, peerPaused } = context.view;
  if (state.isProving || !own || !peer || peerPaused) return;
  if (own.isFresh || own.isLanding || peer.isFresh || peer.isLanding) return;
  if (!isSameVector(own.vector, peer.vector)) return;
  const isSent = state.sentVector !== null && isSameVector(state.sentVector, own.vector);
  const isAsked = state.isWanted && state.peer !== null && isSameVector(state.peer.vector, own.vector);
  const quietAtMs = state.movedAtMs + proofQuietMs;
  const againAtMs = Math.min(state.sentAtMs + proofAgainMs, heldAgainMs(state));
  const dueAtMs = !isSent || isAsked ? quietAtMs : againAtMs;
  if (context.time().nowMs < dueAtMs) {
    context.wakeAt(dueAtMs);
    return;
  }
  state.isProving = true;
  context.call({ kind: 'prove' });
}

function compare(context: DatasetContext, state: ProofState, fetchLost: () => void): void {
  const { own, peer } = state;
  if (!own || !peer || !isSameVector(own.vector, peer.vector)) return;
  const leftOut = [...own.leftOut, ...peer.leftOut];
  const differing = tablesThatDiffer(own.digest, peer.digest, leftOut);
  state.notCompared = tablesNotCompared(own.digest, peer.digest, leftOut);
  const isNew = state.differing.join('\0') !== differing.join('\0');
  state.differing = differing;
  if (differing.some((table) => own.lost?.includes(table)) && !isAskedAt(state, own.vector)) {
    state.lostAsked = own.vector;
    fetchLost();
  }
  if (differing.length > 0) {
    if (isNew) context.report({ kind: 'proof-failed', dataset: context.dataset, tables: differing });
    return;
  }
  let rows = 0;
  for (const digest of own.digest.values()) rows += digest.rows;
  const atMs = context.time().wallMs;
  const wasProven = state.proven !== null && isSameVector(state.proven.vector, own.vector) && !isNew;
  state.proven = { atMs, rows, vector: own.vector };
  if (!wasProven) context.report({ kind: 'proven', dataset: context.dataset, rows, atMs });
}
