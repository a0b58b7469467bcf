import { errorCatalogue, type ErrorCode } from '../core/error-catalogue.js';
import { msOfStamp } from '../core/stamp.js';
import { covers, stampIn, type VersionVector } from '../core/version-vector.js';
import type { DatasetSessionStatus, Distance } from '../protocol/session-status.js';
import type { PeerDatasetStatus, PeerStatus, Pending } from './engine-status.js';
import type { DatasetInput, PeerInput, StatusFacts } from './status-facts.js';

export function peerStatus(peer: PeerInput, facts: StatusFacts): PeerStatus {
  const { listed, link, session } = peer;
  const isOpen = session?.stage === 'open';
  const why = isOpen ? { reason: null, nextStep: null } : disconnected(peer);
  return {
    id: listed.id,
    name: listed.name,
    fingerprint: listed.fingerprint,
    membership: listed.state === 'pending' ? 'pending' : 'member',
    failures: peer.failure?.count ?? 0,
    connection: isOpen
      ? 'connected'
      : peer.isPaused
        ? 'paused'
        : link !== null || peer.failure === null
          ? 'connecting'
          : 'unreachable',
    sinceMs: peer.sinceMs,
    addresses: listed.addresses,
    connectedTo: isOpen ? (link?.address ?? null) : null,
    lastContactMs: isOpen ? facts.nowMs - (facts.monotonicMs - session.lastHeardMs) : peer.lastContactMs,
    lastAckMs: peer.lastAckMs,
    roundTripMs: session?.roundTripMs ?? null,
    clockOffsetMs: session?.clockOffsetMs ?? null,
    datasets: facts.datasets.filter(({ isInternal }) => !isInternal).map((dataset) => ofDataset(peer, dataset)),
    ...why,
  };
}

function disconnected(peer: PeerInput): { reason: string; nextStep: string } {
  const { listed, refusal, failure } = peer;
  if (listed.state === 'pending')
    return { reason: 'It waits for approval.', nextStep: `Run "usync servers approve ${listed.name}".` };
  if (peer.isPaused) return { reason: 'It was paused here by a person.', nextStep: 'Resume it on its page.' };
  if (refusal && refusal.code in errorCatalogue)
    return { reason: refusal.reason, nextStep: errorCatalogue[refusal.code as ErrorCode].nextStep };
  if (failure) return { reason: failure.reason, nextStep: failure.nextStep };
  return { reason: 'The connection is being made.', nextStep: 'Nothing to do.' };
}

export const carries = (peer: PeerInput, dataset: string): boolean =>
  peer.session?.peer?.datasets.includes(dataset) ?? peer.listed.datasets.includes(dataset);

export const sessionOf = (peer: PeerInput, dataset: string): DatasetSessionStatus | null =>
  peer.session?.stage === 'open' ? (peer.session.datasets.find((each) => each.dataset === dataset) ?? null) : null;

/** The proof counts for what this replica holds now, not for what it held a moment ago. */
export function isProvenNow(session: DatasetSessionStatus | null, own: VersionVector | null): boolean {
  return (
    session !== null && session.isProven && own !== null && session.proof !== null && covers(session.proof.vector, own)
  );
}

function ofDataset(peer: PeerInput, { config, look }: DatasetInput): PeerDatasetStatus {
  const dataset = config.name;
  const session = sessionOf(peer, dataset);
  const own = look.position?.vector ?? null;
  const proof = session?.proof ?? peer.proofByDataset.get(dataset) ?? null;
  const shown = { dataset, proof: proof && { atMs: proof.atMs, rows: proof.rows } };
  if (!carries(peer, dataset))
    return {
      ...shown,
      state: 'not-carried',
      pendingOut: nothingPending,
      pendingIn: nothingPending,
      reason: `${peer.listed.name} does not carry this dataset.`,
      nextStep: `Add "${dataset}" to its configuration if it should.`,
    };
  if (session === null)
    return {
      ...shown,
      state: 'disconnected',
      pendingOut: pendingAhead(own, peer.ackedByDataset.get(dataset) ?? new Map()),
      pendingIn: { ...nothingPending, changesets: null, bytes: null },
      ...disconnected(peer),
    };
  const pendingOut = pendingOf(session.unacknowledged);
  const pendingIn = pendingOf(session.behind);
  if (isProvenNow(session, own) && look.folder !== null && session.peerHeld > 0)
    return {
      ...shown,
      state: 'catching-up',
      pendingOut,
      pendingIn,
      reason: `${session.peerHeld} ${session.peerHeld === 1 ? 'entry is' : 'entries are'} not on disk there yet.`,
      nextStep: `Nothing to do if it goes on; else run "usync files show ${dataset}" on ${peer.listed.name}.`,
    };
  if (isProvenNow(session, own))
    return { ...shown, state: 'proven', pendingOut, pendingIn, reason: null, nextStep: null };
  const isDiffering = session.kind === 'differs';
  return {
    ...shown,
    state: isDiffering ? 'differs' : 'catching-up',
    pendingOut,
    pendingIn,
    reason: `${session.state.replace(/\.$/, '')}.`,
    nextStep: stepOf(session, isDiffering),
  };
}

function stepOf(session: DatasetSessionStatus, isDiffering: boolean): string {
  if (isDiffering) return 'Run "usync verify": it names the rows.';
  if (session.pausedCode !== null && session.pausedCode in errorCatalogue)
    return errorCatalogue[session.pausedCode as ErrorCode].nextStep;
  return 'Nothing to do: it goes on by itself.';
}

const nothingPending: Pending = { origins: 0, changesets: 0, bytes: 0, behindMs: null };

const pendingOf = ({ origins, behindMs }: Distance): Pending =>
  origins === 0 ? nothingPending : { origins, changesets: null, bytes: null, behindMs };

function pendingAhead(own: VersionVector | null, there: VersionVector): Pending {
  let origins = 0;
  let behindMs = 0;
  for (const [origin, { stamp }] of own ?? []) {
    const known = stampIn(there, origin);
    if (known >= stamp) continue;
    origins += 1;
    if (known > 0) behindMs = Math.max(behindMs, msOfStamp(stamp) - msOfStamp(known));
  }
  return origins === 0 ? nothingPending : { origins, changesets: null, bytes: null, behindMs };
}
