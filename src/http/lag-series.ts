import type { Engine } from '../engine/engine.js';
import type { PeerStatus } from '../engine/engine-status.js';
import type { System } from '../system/system.js';
import { lagFirstMs, lagSamplesMax, lagStepMs } from './http-limits.js';
import type { StatusReader } from './status-reader.js';

/**
 * How far behind each server was, for curves that reach back beyond the opening of a page. It looks when something
 * happened, and on while something is behind: at rest nothing is asked, so that a database at rest may be closed.
 */
export interface LagSeries {
  /** Oldest first; of one server. */
  of(id: string): readonly LagSample[];
  close(): void;
}

export interface LagSample {
  readonly atMs: number;
  /** Age of the newest change that is missing on either side; 0 when nothing is, null while it is not connected. */
  readonly behindMs: number | null;
  readonly roundTripMs: number | null;
}

export interface LagSeriesOptions {
  readonly engine: Pick<Engine, 'onActivity'>;
  readonly status: Pick<StatusReader, 'read'>;
  readonly system: System;
}

export function createLagSeries({ engine, status, system }: LagSeriesOptions): LagSeries {
  const samplesById = new Map<string, LagSample[]>();
  let cancel: (() => void) | null = null;
  let lastMs = -Infinity;
  const look = async (): Promise<void> => {
    lastMs = system.monotonicMs();
    const { peers, atMs } = (await status.read()).status;
    for (const id of samplesById.keys()) if (!peers.some((peer) => peer.id === id)) samplesById.delete(id);
    for (const peer of peers) keep(samplesById, peer, atMs);
    if (peers.some((peer) => (behindMs(peer) ?? 0) > 0)) plan();
  };
  function plan(): void {
    const restMs = Math.max(lagFirstMs, lastMs + lagStepMs - system.monotonicMs());
    cancel ??= system.after(restMs, () => {
      cancel = null;
      // What cannot be looked at now leaves a gap.
      void look().catch(() => undefined);
    });
  }
  const forget = engine.onActivity(plan);
  return {
    of: (id) => samplesById.get(id) ?? [],
    close() {
      forget();
      cancel?.();
    },
  };
}

function keep(samplesById: Map<string, LagSample[]>, peer: PeerStatus, atMs: number): void {
  const samples = samplesById.get(peer.id) ?? [];
  samplesById.set(peer.id, samples);
  samples.push({ atMs, behindMs: behindMs(peer), roundTripMs: peer.roundTripMs });
  if (samples.length > lagSamplesMax) samples.splice(0, samples.length - lagSamplesMax);
}

function behindMs({ connection, datasets }: PeerStatus): number | null {
  if (connection !== 'connected') return null;
  return Math.max(
    0,
    ...datasets.flatMap(({ pendingIn, pendingOut }) => [pendingIn.behindMs ?? 0, pendingOut.behindMs ?? 0]),
  );
}
