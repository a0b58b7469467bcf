import { isEqualVector, type VersionVector } from '../core/version-vector.js';
import type { SessionStatus } from '../protocol/session-status.js';
import type { RunningSession } from './session-runner.js';

/**
 * Comparisons that were made because a person waits for the proof: at rest sessions prove again only now and then. Counts
 * for the very vector that was compared, as long as the session lasts.
 */
export interface FreshProofs {
  note(session: RunningSession, dataset: string, compared: ComparedAt): void;
  /** The status of a session, with the times of these comparisons. */
  statusOf(session: RunningSession): SessionStatus;
}

export interface ComparedAt {
  readonly vector: VersionVector;
  /** Rows, or files, that the peer did not show then. */
  readonly peerHeld: number;
  /** Wall clock. */
  readonly atMs: number;
}

export function createFreshProofs(): FreshProofs {
  const bySession = new WeakMap<RunningSession, Map<string, ComparedAt>>();
  return {
    note(session, dataset, compared) {
      const known = bySession.get(session) ?? new Map<string, ComparedAt>();
      bySession.set(session, known.set(dataset, compared));
    },
    statusOf(session) {
      const status = session.status();
      const known = bySession.get(session);
      if (known === undefined) return status;
      const datasets = status.datasets.map((each) => {
        const fresh = known.get(each.dataset);
        if (!fresh || !each.proof || fresh.atMs < each.proof.atMs) return each;
        if (!isEqualVector(fresh.vector, each.proof.vector)) return each;
        return { ...each, peerHeld: fresh.peerHeld, proof: { ...each.proof, atMs: fresh.atMs } };
      });
      return { ...status, datasets };
    },
  };
}
