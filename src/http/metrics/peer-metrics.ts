import type { EngineStatus } from '../../engine/engine-status.js';
import type { CounterValues } from '../../observe/counters.js';
import type { Metric, Sample } from '../../observe/metrics-text.js';
import { flag, gauge, histogram, sample, secondsOf } from './metric.js';

/** Of each other server. */
export function peerMetrics({ peers }: EngineStatus, { ackAges }: CounterValues): Metric[] {
  const each = (pick: (peer: EngineStatus['peers'][number]) => number | null): Sample[] =>
    peers.map((peer) => sample(pick(peer), { peer: peer.name }));
  /** What is not known has no sample. */
  const pending = (of: 'origins' | 'changesets' | 'bytes'): Sample[] =>
    peers.flatMap(({ name: peer, datasets }) =>
      datasets.flatMap(({ dataset, pendingOut, pendingIn }) => [
        sample(pendingOut[of], { peer, dataset, direction: 'out' }),
        sample(pendingIn[of], { peer, dataset, direction: 'in' }),
      ]),
    );
  const lag = ({ datasets }: EngineStatus['peers'][number]): number =>
    Math.max(0, ...datasets.map(({ pendingOut }) => pendingOut.behindMs ?? 0)) / 1_000;
  return [
    gauge(
      'usync_peer_connected',
      '1 while connected.',
      each(({ connection }) => flag(connection === 'connected')),
    ),
    gauge(
      'usync_peer_last_contact_timestamp_seconds',
      'When it was last heard.',
      each(({ lastContactMs }) => secondsOf(lastContactMs)),
    ),
    gauge(
      'usync_peer_last_ack_timestamp_seconds',
      'When it last acknowledged durably.',
      each(({ lastAckMs }) => secondsOf(lastAckMs)),
    ),
    gauge(
      'usync_peer_round_trip_seconds',
      'The last round trip.',
      each(({ roundTripMs }) => secondsOf(roundTripMs)),
    ),
    gauge(
      'usync_peer_clock_offset_seconds',
      "Its clock minus this server's.",
      each(({ clockOffsetMs }) => secondsOf(clockOffsetMs)),
    ),
    gauge('usync_peer_lag_seconds', 'How far it is behind the changes of this server.', each(lag)),
    histogram(
      'usync_replication_latency_seconds',
      'Age of the newest change of this server when another one acknowledged it durably.',
      peers.flatMap(({ id, name }) => {
        const reading = ackAges.get(id);
        return reading ? [{ labels: { peer: name }, reading }] : [];
      }),
    ),
    gauge(
      'usync_peer_pending_origins',
      'Servers whose changes are not complete on the other side.',
      pending('origins'),
    ),
    gauge('usync_peer_pending_changes', 'Changesets that are missing on the other side.', pending('changesets')),
    gauge('usync_peer_pending_bytes', 'Their size in the journal.', pending('bytes')),
    gauge(
      'usync_peer_proof_timestamp_seconds',
      'The newest proof that both hold the same.',
      peers.flatMap((peer) =>
        peer.datasets.map(({ dataset, proof }) => sample(secondsOf(proof?.atMs ?? null), { peer: peer.name, dataset })),
      ),
    ),
  ];
}
