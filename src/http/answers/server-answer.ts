import type { Config } from '../../config/config.js';
import type { PeerDatasetStatus, PeerStatus, Pending as EnginePending } from '../../engine/engine-status.js';
import { dialTimeoutMs } from '../../engine/engine-limits.js';
import type { ServerInfo } from '../../engine/engine.js';
import { parseAddress } from '../../system/own-addresses.js';
import type { Pending, Server, ServerDataset } from '../contract/server-schemas.js';
import type { ExpectedServer } from '../expected-servers.js';
import { isoTime, optionalIsoTime } from '../iso-time.js';
import type { StatusLook, UnansweredPing } from '../status-reader.js';
import type { StatusPlace } from './status-answer.js';

/** This server first, removed ones last, those that are expected behind the members. */
export function serverAnswers({ status, servers, unanswered }: StatusLook, place: StatusPlace): Server[] {
  const peerById = new Map(status.peers.map((peer) => [peer.id, peer]));
  const known = servers.map((info) =>
    serverAnswer(info, {
      ...{ peer: peerById.get(info.id) ?? null, place, look: status },
      unanswered: unanswered.get(info.id) ?? null,
    }),
  );
  const waiting = place.expected.filter(
    ({ name }) => !servers.some((info) => info.name === name && info.state !== 'removed'),
  );
  const own = known.filter(({ is_self }) => is_self);
  const others = known.filter(({ is_self }) => !is_self);
  return [
    ...own,
    ...others.filter(({ state }) => state !== 'removed'),
    ...waiting.map(expectedAnswer),
    ...others.filter(({ state }) => state === 'removed'),
  ];
}

interface Seen {
  readonly peer: PeerStatus | null;
  readonly place: StatusPlace;
  readonly look: StatusLook['status'];
  /** It was asked and has not been heard since. */
  readonly unanswered: UnansweredPing | null;
}

function serverAnswer(info: ServerInfo, { peer, place, look, unanswered }: Seen): Server {
  const { config, paused } = place;
  const isPaused = !info.isSelf && (paused.isAll || paused.ids.includes(info.id));
  const isMember = info.state === 'member';
  const [address] = info.addresses;
  const at = address === undefined ? null : parseAddress(address);
  const isConnected = peer?.connection === 'connected';
  const isAnswering = info.isSelf || (isConnected && unanswered === null);
  return {
    id: info.id,
    name: info.name,
    host: at?.host ?? null,
    port: at?.port ?? null,
    protocol: 'tls',
    is_active: isMember && !isPaused,
    is_primary: false,
    last_sync: info.isSelf ? null : optionalIsoTime(peer?.lastAckMs ?? null),
    last_ping: info.isSelf ? isoTime(look.atMs) : optionalIsoTime(peer?.lastContactMs ?? info.lastSeenMs),
    ping_success: isAnswering,
    sync_priority: 1,
    created_at: isoTime(info.addedAtMs),
    server_version: info.isSelf ? look.server.version : null,
    server_id: info.id,
    sync_enabled: isMember && !isPaused,
    ...carried(info, config),
    connection_timeout: dialTimeoutMs / 1_000,
    retry_attempts: peer?.failures ?? 0,
    last_error: isConnected ? (unanswered?.reason ?? null) : (peer?.reason ?? null),
    error_count: peer?.failures ?? 0,
    base_url: address === undefined ? null : `tls://${address}`,
    is_healthy: info.isSelf ? !unwell.has(look.state) : isAnswering && isProven(peer),
    state: info.state,
    connection: connectionOf(info, peer, isPaused),
    since: optionalIsoTime(info.isSelf ? look.server.startedAtMs : (peer?.sinceMs ?? null)),
    is_self: info.isSelf,
    fingerprint: info.fingerprint,
    addresses: [...info.addresses],
    connected_to: peer?.connectedTo ?? null,
    added_by: info.addedBy,
    removed_at: optionalIsoTime(info.removedAtMs),
    removed_by: info.removedBy,
    round_trip_ms: peer?.roundTripMs ?? null,
    clock_offset_ms: peer?.clockOffsetMs ?? null,
    datasets: peer?.datasets.map(datasetAnswer) ?? [],
    reason: peer?.reason ?? null,
    next_step: peer?.nextStep ?? null,
  };
}

const unwell: ReadonlySet<string> = new Set(['starting', 'stopping', 'degraded']);

/** Something must have been compared: of a server that carries nothing, nothing is known. */
const isProven = (peer: PeerStatus | null): boolean =>
  peer !== null &&
  peer.datasets.some(({ state }) => state === 'proven') &&
  peer.datasets.every(({ state }) => state === 'proven' || state === 'not-carried');

function connectionOf(info: ServerInfo, peer: PeerStatus | null, isPaused: boolean): Server['connection'] {
  if (info.isSelf) return 'self';
  if (isPaused) return 'paused';
  return info.state === 'removed' || peer === null ? 'none' : peer.connection;
}

/** The older system knew one database and three folders by name. */
function carried(
  { datasets }: Pick<ServerInfo, 'datasets'>,
  config: Config,
): Pick<Server, 'sync_database' | 'sync_instance_files' | 'sync_config_files' | 'sync_uploads'> {
  const kinds = new Map(
    config.datasets.map(({ name, sqlite }) => [name, sqlite === undefined ? 'folder' : 'database']),
  );
  const carries = (name: string): boolean => datasets.includes(name) && kinds.get(name) !== 'database';
  return {
    sync_database: datasets.some((name) => kinds.get(name) === 'database'),
    sync_instance_files: carries('instance'),
    sync_config_files: carries('config'),
    sync_uploads: carries('uploads'),
  };
}

const datasetAnswer = (dataset: PeerDatasetStatus): ServerDataset => ({
  dataset: dataset.dataset,
  state: dataset.state,
  pending_out: pendingAnswer(dataset.pendingOut),
  pending_in: pendingAnswer(dataset.pendingIn),
  proven_at: optionalIsoTime(dataset.proof?.atMs ?? null),
  proven_rows: dataset.proof?.rows ?? null,
  reason: dataset.reason,
  next_step: dataset.nextStep,
});

const pendingAnswer = ({ origins, changesets, bytes, behindMs }: EnginePending): Pending => ({
  ...{ origins, changesets, bytes },
  behind_ms: behindMs,
});

function expectedAnswer({ id, name, host, port, addedAtMs, addedBy }: ExpectedServer): Server {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return {
    ...{ id, name, host, port, protocol: 'tls', is_active: false, is_primary: false, last_sync: null, last_ping: null },
    ...{ ping_success: false, sync_priority: 1, created_at: isoTime(addedAtMs), server_version: null, server_id: id },
    ...{ sync_enabled: false, sync_database: false, sync_instance_files: false, sync_config_files: false },
    ...{
      sync_uploads: false,
      connection_timeout: dialTimeoutMs / 1_000,
      retry_attempts: 0,
      last_error: null,
      error_count: 0,
    },
    ...{ base_url: `tls://${address}`, is_healthy: false, state: 'expected', connection: 'none', since: null },
    ...{ is_self: false, fingerprint: null, addresses: [address], connected_to: null, added_by: addedBy },
    ...{ removed_at: null, removed_by: null, round_trip_ms: null, clock_offset_ms: null, datasets: [] },
    reason: 'It has not joined yet.',
    next_step: `Run "usync join CODE" on ${name} with the code that was shown, then approve it here.`,
  };
}
