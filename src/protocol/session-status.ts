import { msOfStamp } from '../core/stamp.js';
import { covers, stampIn, type VersionVector } from '../core/version-vector.js';
import type { DatasetView } from './dataset-context.js';
import type { ReceiverStatus } from './dataset-receiver.js';
import type { SenderStatus } from './dataset-sender.js';
import type { ProofStatus } from './dataset-proof.js';
import type { HelloMessage } from './message.js';

export type SessionStage = 'greeting' | 'deciding' | 'pending' | 'waiting' | 'open' | 'closed';

export interface SessionStatus {
  readonly stage: SessionStage;
  readonly peer: HelloMessage | null;
  /** Why the peer does not let this server in yet; null when it does. */
  readonly peerWaits: string | null;
  readonly roundTripMs: number | null;
  /** The peer's wall clock minus the own, as far as the round trip tells. */
  readonly clockOffsetMs: number | null;
  readonly lastHeardMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly datasets: readonly DatasetSessionStatus[];
}

/** What happens to one dataset with one peer. `state` says it in words; numbers are what was counted. */
export interface DatasetSessionStatus {
  readonly dataset: string;
  readonly kind: 'in-sync' | 'equal' | 'differs' | 'sending' | 'receiving' | 'waiting' | 'paused';
  readonly state: string;
  readonly isProven: boolean;
  readonly proof: ProofStatus['proven'];
  readonly differing: readonly string[];
  readonly notCompared: ProofStatus['notCompared'];
  /** What this server lacks of the peer's, and the peer of this server's; what it has not durably acknowledged. */
  readonly behind: Distance;
  readonly ahead: Distance;
  readonly unacknowledged: Distance;
  readonly peerVector: VersionVector | null;
  readonly peerAcked: VersionVector;
  readonly peerHeld: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly changesetsIn: number;
  readonly changesetsOut: number;
  readonly snapshotIn: ReceiverStatus['snapshot'];
  readonly snapshotOut: SenderStatus['snapshot'];
  readonly pausedCode: string | null;
}

/** Origins whose history is not complete, and the span of time that is missing. */
export interface Distance {
  readonly origins: number;
  readonly behindMs: number;
}

interface Parts {
  readonly dataset: string;
  readonly view: DatasetView;
  readonly pause: { readonly code: string; readonly text: string } | null;
  readonly peerAcked: VersionVector;
  readonly sender: SenderStatus;
  readonly receiver: ReceiverStatus;
  readonly proof: ProofStatus;
}

export function statusOfDataset(parts: Parts): DatasetSessionStatus {
  const { dataset, view, sender, receiver, proof, pause, peerAcked } = parts;
  const own = view.own?.vector ?? new Map();
  const peer = view.peer?.vector ?? new Map();
  const ahead = distance(own, peer);
  const behind = distance(peer, own);
  const isKnown = view.own !== null && view.peer !== null;
  const isEqual = isKnown && ahead.origins === 0 && behind.origins === 0;
  const isProven =
    isEqual &&
    !view.peerPaused &&
    proof.proven !== null &&
    proof.differing.length === 0 &&
    covers(proof.proven.vector, own) &&
    covers(own, proof.proven.vector);
  const word = describe(parts, { isEqual, isProven, ahead, behind });
  return {
    dataset,
    ...word,
    isProven,
    proof: proof.proven,
    differing: proof.differing,
    notCompared: proof.notCompared,
    behind,
    ahead,
    unacknowledged: distance(own, peerAcked),
    peerVector: view.peer?.vector ?? null,
    peerAcked,
    peerHeld: proof.peerHeld,
    bytesIn: receiver.bytes,
    bytesOut: sender.bytes,
    changesetsIn: receiver.changesets,
    changesetsOut: sender.changesets,
    snapshotIn: receiver.snapshot,
    snapshotOut: sender.snapshot,
    pausedCode: pause?.code ?? view.peerPaused?.code ?? null,
  };
}

/** How far `there` is ahead of `here`. */
function distance(there: VersionVector, here: VersionVector): Distance {
  let origins = 0;
  let behindMs = 0;
  for (const [origin, { stamp }] of there) {
    const known = stampIn(here, origin);
    if (known >= stamp) continue;
    origins++;
    if (known > 0) behindMs = Math.max(behindMs, msOfStamp(stamp) - msOfStamp(known));
  }
  return { origins, behindMs };
}

interface Facts {
  readonly isEqual: boolean;
  readonly isProven: boolean;
  readonly ahead: Distance;
  readonly behind: Distance;
}

function describe(parts: Parts, facts: Facts): Pick<DatasetSessionStatus, 'kind' | 'state'> {
  const { view, pause, proof, sender, receiver } = parts;
  if (pause) return { kind: 'paused', state: `paused here: ${pause.text}` };
  if (view.peerPaused) return { kind: 'paused', state: `paused at the peer: ${view.peerPaused.text}` };
  if (!view.own) return { kind: 'waiting', state: 'waiting for the own database' };
  if (!view.peer) return { kind: 'waiting', state: 'waiting for the peer to say what it holds' };
  if (receiver.snapshot) {
    const { rows, bytes, stage } = receiver.snapshot;
    const what = { asked: 'asked for', receiving: 'receiving', merging: 'merging', refused: 'waiting for' }[stage];
    return { kind: 'receiving', state: `${what} a snapshot of ${rows} rows, ${bytes} bytes so far` };
  }
  if (sender.snapshot) {
    const { rows, bytes } = sender.snapshot;
    return { kind: 'sending', state: `sending a snapshot of ${rows} rows, ${bytes} bytes so far` };
  }
  if (view.own.isFresh && view.peer.isFresh)
    return { kind: 'waiting', state: 'both servers are new: waiting for the data' };
  if (view.own.isLanding) return { kind: 'waiting', state: 'a large change is landing here' };
  if (view.peer.isLanding) return { kind: 'waiting', state: 'a large change is landing at the peer' };
  if (proof.differing.length > 0 && facts.isEqual) {
    return { kind: 'differs', state: `digests differ in ${proof.differing.join(', ')}` };
  }
  if (facts.isProven) return { kind: 'in-sync', state: 'in sync, proven' };
  if (facts.isEqual) return { kind: 'equal', state: 'same changes merged, proof on its way' };
  return describeFlow(receiver, facts);
}

function describeFlow(
  receiver: ReceiverStatus,
  { ahead, behind }: Facts,
): Pick<DatasetSessionStatus, 'kind' | 'state'> {
  if (behind.origins === 0)
    return { kind: 'sending', state: `sending; the peer lacks changes of ${ahead.origins} origins` };
  if (receiver.isWaitingForTurn) return { kind: 'waiting', state: 'catching up from another peer first' };
  return { kind: 'receiving', state: `receiving; changes of ${behind.origins} origins are missing here` };
}
