/** What was measured of each server since this page was opened, for its curves. */
import { effect, signal } from '@preact/signals';
import { status } from './live.js';

export interface Sample {
  readonly atMs: number;
  /** How far behind the newest pending change in either direction is; 0 when nothing is pending, null while not reached. */
  readonly behindMs: number | null;
  readonly roundTripMs: number | null;
}

const samplesMax = 1_440;
const gapMsMin = 5_000;

export const samplesByServer = signal<ReadonlyMap<string, readonly Sample[]>>(new Map());

export function startSampling(): void {
  effect(() => {
    const now = status.value;
    if (now === null) {
      samplesByServer.value = new Map();
      return;
    }
    const atMs = Date.parse(now.timestamp);
    const before = samplesByServer.peek();
    const next = new Map(before);
    for (const server of now.servers) {
      if (server.is_self || server.state !== 'member') continue;
      const known = before.get(server.id) ?? [];
      if (atMs - (known.at(-1)?.atMs ?? 0) < gapMsMin) continue;
      const pending = server.datasets.flatMap(({ pending_in: into, pending_out: out }) => [into, out]);
      const behindMs =
        server.connection === 'connected' ? Math.max(0, ...pending.map(({ behind_ms: ms }) => ms ?? 0)) : null;
      const sample = { atMs, behindMs, roundTripMs: server.round_trip_ms };
      next.set(server.id, [...known, sample].slice(-samplesMax));
    }
    samplesByServer.value = next;
  });
}
