/** The connections of a running engine: listens, dials each member, and carries facts between sessions and datasets. */
import { errorCatalogue, type ErrorCode } from '../core/error-catalogue.js';
import { heirsOf } from '../core/heirs.js';
import { laneOf } from '../core/number-lane.js';
import { serverIdOfOrigin, type ServerId } from '../core/origin.js';
import { msOfStamp, zeroStamp } from '../core/stamp.js';
import { stampIn, type VersionVector } from '../core/version-vector.js';
import type { HelloMessage } from '../protocol/message.js';
import { serverIdOfFingerprint } from '../protocol/server-id.js';
import type { SessionReport } from '../protocol/session-event.js';
import type { AdoptionChoice, AdoptionPreview, HintedDrain } from '../databases/replica.js';
import type { Channel, Listening } from '../transports/transport.js';
import { createAdmission, pauseText, removalText } from './admission.js';
import { createDatasetTurns } from './dataset-turns.js';
import { createDialer, type Dialer, type DialTarget } from './dialer.js';
import { serversDataset } from './engine-limits.js';
import { isRemoved } from './gather-status.js';
import { addressesToAdvertise, type EngineGround, type Undo } from './engine-parts.js';
import { createFounding, type Founding } from './founding.js';
import { createFreshProofs, type FreshProofs } from './fresh-proofs.js';
import type { Invites } from './invites.js';
import { createPeerLinks, type PeerLinks } from './peer-links.js';
import type { RunningSession, SessionEnd } from './session-runner.js';
import { createSessionStarter, type SessionStarter, type SessionStarterOptions } from './session-starter.js';
import type { Replica } from '../databases/replica.js';

export interface EngineNetwork {
  readonly links: PeerLinks;
  readonly dialer: Dialer;
  readonly starter: SessionStarter;
  readonly listening: Listening;
  readonly addresses: readonly string[];
  /** What a person chose for a dataset that waits with rows of its own; `measure` where nobody did. */
  readonly choices: Map<string, AdoptionChoice>;
  /** What joining found here, by dataset; for the report of joining. */
  readonly previews: Map<string, AdoptionPreview>;
  readonly freshProofs: FreshProofs;
  /** Dials whom the list names, drops whom it no longer does, founds what nobody else carries. */
  follow(): void;
}

export interface NetworkOptions {
  readonly ground: EngineGround;
  readonly invites: Invites;
  readonly undo: Undo;
}

export async function openNetwork({ ground, invites, undo }: NetworkOptions): Promise<EngineNetwork> {
  const { adapters, group, transport, options, self } = ground;
  const { system } = adapters;
  const choices = new Map<string, AdoptionChoice>();
  const previews = new Map<string, AdoptionPreview>();
  const links = createLinks(ground);
  const founding = createFounding(ground, links);
  const admission = createAdmission({
    group,
    invites,
    self,
    nowMs: () => system.nowMs(),
    isRemoved: () => isRemoved(ground),
    isPaused: (server) => ground.pauses.isPaused(server),
    onJoined: ({ name }) => ground.observation.recorder.observe('info', { kind: 'server-joined', peer: name }),
  });
  const place = { addresses: [] as readonly string[] };
  const starter = createSessionStarter({
    self,
    bootNonce: ground.bootNonce,
    addresses: () => place.addresses,
    replicas: () => replicasOf(ground),
    system,
    observe: ground.observation.recorder.observe,
    turns: createDatasetTurns(),
    links,
    admission,
    ...adoption(choices, previews),
    mayFound: founding.mayFound,
    onMoved: (dataset, by) => moved(ground, links, { dataset, by, drained: null }),
    onReport: (peer, report) => note(ground, { links, founding }, { peer, report }),
    onEnd: (peer, end) => noteEnd(ground, peer, end),
  });
  undo(() => starter.stop('The server is stopping.'));
  const dialer = createDialer({
    self: self.id,
    transport,
    links,
    system,
    supervisor: ground.supervisor,
    runOutgoing: (channel, address) => starter.start({ channel, isOutgoing: true, address }).closed,
    onUnreachable: ({ name }, { reason }) =>
      ground.observation.recorder.observe('warn', { kind: 'peer-lost', peer: name, reason }),
  });
  undo(() => dialer.setPeers([]));
  const listening = await transport.listen({
    host: options.listen.host,
    port: options.listen.port,
    isTrusted: (fingerprint) => admission.isTrusted(fingerprint),
    onChannel: (channel: Channel) => void starter.start({ channel, isOutgoing: false, address: channel.remoteAddress }),
    onRefused: ({ remoteAddress, code, reason }) =>
      ground.observation.recorder.observe('warn', { kind: 'peer-refused', peer: remoteAddress, code, reason }),
  });
  undo(() => listening.close());
  place.addresses = addressesToAdvertise(options, listening.port);
  takeSignals(ground, { links, founding });
  const follow = (): void => followList(ground, { links, dialer, starter, founding });
  group.onChange(follow);
  invites.onChange(() => starter.reviewLooks());
  const { addresses } = place;
  const freshProofs = createFreshProofs();
  return { links, dialer, starter, listening, addresses, choices, previews, freshProofs, follow };
}

function takeSignals(ground: EngineGround, { links, founding }: Noting): void {
  const { signals } = ground;
  signals.links = links;
  signals.onMoved = (dataset, drained) => moved(ground, links, { dataset, by: null, drained });
  signals.onOpened = (dataset) => {
    for (const { session } of links.all()) session.resume(dataset);
    moved(ground, links, { dataset, by: null, drained: null });
    founding.foundOrphans();
  };
}

/** Rows that were here before joining: united as far as that is clear, else as a person chose. */
function adoption(
  choices: EngineNetwork['choices'],
  previews: EngineNetwork['previews'],
): Pick<SessionStarterOptions, 'chooseAdoption' | 'isUndecided'> {
  return {
    chooseAdoption: (dataset, preview) => {
      previews.set(dataset, preview);
      const choice = choices.get(dataset);
      if (choice !== undefined) return Promise.resolve(choice);
      return Promise.resolve(preview.isUnclear ? null : 'measure');
    },
    isUndecided: (dataset) => previews.get(dataset)?.isUnclear === true && !choices.has(dataset),
  };
}

function replicasOf({ runners, group }: EngineGround): ReadonlyMap<string, Replica> {
  const replicas = new Map<string, Replica>();
  if (group.runner) replicas.set(serversDataset, group.runner.replica);
  for (const [name, runner] of runners) replicas.set(name, runner.replica);
  return replicas;
}

function createLinks({ adapters, self, ledger, observation, openPeers }: EngineGround): PeerLinks {
  const { system } = adapters;
  const { observe } = observation.recorder;
  return createPeerLinks({
    self: self.id,
    system,
    onTwin: ({ name }) =>
      observe('error', {
        kind: 'peer-refused',
        peer: name,
        code: 'USYNC-1404',
        reason: 'two running servers use its identity',
      }),
    onLost: ({ hello }, reason) => {
      if (!openPeers.delete(hello.server)) return;
      ledger.lost(hello.server, system.nowMs());
      observe('info', { kind: 'peer-lost', peer: hello.name, reason });
    },
  });
}

interface Moved {
  readonly dataset: string;
  /** The session that merged; null for what was captured here. */
  readonly by: RunningSession | null;
  /** What the replica told of itself. */
  readonly drained: HintedDrain | null;
}

function moved(ground: EngineGround, links: PeerLinks, { dataset, by, drained }: Moved): void {
  const { runners, group } = ground;
  for (const { session } of links.all()) if (session !== by) session.changed(dataset, drained);
  (dataset === serversDataset ? group.runner : runners.get(dataset))?.noteMoved();
  if (dataset !== serversDataset) return;
  group.reread().catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    ground.observation.recorder.observe('error', {
      kind: 'dataset-notice',
      dataset,
      code: 'USYNC-1102',
      text: `The list of servers cannot be read: ${reason}`,
    });
  });
}

interface Noting {
  readonly links: PeerLinks;
  readonly founding: Founding;
}

interface Reported {
  readonly peer: HelloMessage;
  readonly report: SessionReport;
}

function note(ground: EngineGround, { links, founding }: Noting, { peer, report }: Reported): void {
  const { adapters, acknowledged, ledger, observation, group, openPeers } = ground;
  // A visitor that looks before it joins leaves no trace.
  if (!group.servers().some(({ id }) => id === peer.server) && group.inviter === null) return;
  const nowMs = adapters.system.nowMs();
  switch (report.kind) {
    case 'opened':
      founding.heard(peer);
      if (openPeers.has(peer.server)) return;
      openPeers.add(peer.server);
      ledger.linked(peer.server, nowMs);
      observation.recorder.observe('info', {
        kind: 'peer-connected',
        peer: peer.name,
        address: links.get(peer.server)?.address ?? '',
      });
      return;
    case 'acked':
      noteAge(ground, peer, { ...report, nowMs });
      acknowledged.note(peer.server, report.dataset, report.vector);
      ledger.acked(peer.server, nowMs);
      return;
    case 'proven':
      ledger.proven(peer.server, report);
      return;
    case 'peer-waits':
      noteMembers(ground, peer, report.members);
      return;
    case 'origin-changed':
      // Founding keeps the origin.
      if (report.reason === 'found') return;
      void tellEpoch(ground, report);
      return;
    default:
  }
}

async function tellEpoch(
  { runners, group, observation }: EngineGround,
  { dataset, reason }: Extract<SessionReport, { kind: 'origin-changed' }>,
): Promise<void> {
  const runner = dataset === serversDataset ? group.runner : runners.get(dataset);
  const position = await runner?.replica.position().catch(() => null);
  const origin = position?.origin ?? runner?.facts.report?.origin ?? '';
  observation.recorder.observe('warn', { kind: 'epoch-changed', dataset, origin, reason });
}

/** Only the inviter is believed about who belongs to its group. It tells the same again at its next connection. */
function noteMembers({ group }: EngineGround, peer: HelloMessage, members: readonly string[]): void {
  if (group.inviter === null || serverIdOfFingerprint(group.inviter.fingerprint) !== peer.server) return;
  group.noteMembers(members).catch(() => undefined);
}

interface Acked {
  readonly dataset: string;
  readonly vector: VersionVector;
  readonly nowMs: number;
}

/** How old the newest change of this server is that the peer had not acknowledged before. */
function noteAge({ acknowledged, observation, self }: EngineGround, peer: HelloMessage, acked: Acked): void {
  const { dataset, vector, nowMs } = acked;
  if (dataset === serversDataset) return;
  const before = acknowledged.of(peer.server, dataset);
  let newest = zeroStamp;
  for (const [origin, { stamp }] of vector)
    if (serverIdOfOrigin(origin) === self.id && stamp > stampIn(before, origin) && stamp > newest) newest = stamp;
  if (newest > zeroStamp) observation.counters.acknowledged(peer.server, nowMs - msOfStamp(newest));
}

/** Refusals that a person must know of. */
const tellingCodes: readonly string[] = [
  'USYNC-1401',
  'USYNC-1402',
  'USYNC-1404',
  'USYNC-1409',
  'USYNC-1503',
  'USYNC-1504',
];

function noteEnd(ground: EngineGround, peer: HelloMessage | null, end: SessionEnd): void {
  if (peer === null || !tellingCodes.includes(end.code)) return;
  // What strangers say of this server is worth nothing.
  if (end.isByPeer && !isBelieved(ground, peer.server)) return;
  const { ledger, observation, adapters } = ground;
  if (end.isByPeer && end.code === 'USYNC-1404') ground.group.noteCopy();
  const code = end.code in errorCatalogue ? (end.code as ErrorCode) : 'USYNC-1000';
  if (end.isByPeer) ledger.refused(peer.server, { code, reason: end.reason, atMs: adapters.system.nowMs() });
  observation.recorder.observe('warn', {
    kind: 'peer-refused',
    peer: peer.name,
    code,
    reason: end.reason,
  });
}

/** A member, one that waits to be one, or the server that is to let this one in. */
function isBelieved({ group }: EngineGround, peer: ServerId): boolean {
  if (group.inviter !== null && serverIdOfFingerprint(group.inviter.fingerprint) === peer) return true;
  return group.servers().some(({ id, state }) => id === peer && state !== 'removed');
}

type Following = Pick<EngineNetwork, 'links' | 'dialer' | 'starter'> & { readonly founding: Founding };

function followList(ground: EngineGround, { links, dialer, starter, founding }: Following): void {
  if (ground.stopping.aborted) return;
  const { group, observation } = ground;
  const servers = new Map(group.servers().map((server) => [server.id, server]));
  const living = new Set(group.servers().flatMap(({ name, state }) => (state === 'removed' ? [] : [name])));
  for (const { name } of servers.values()) if (!living.has(name)) observation.problems.forgetPeer(name);
  for (const { hello, session } of links.all()) {
    const listed = servers.get(hello.server);
    if (ground.pauses.isPaused(hello.server)) session.close('USYNC-1409', pauseText);
    if (listed?.state !== 'removed') continue;
    session.close('USYNC-1402', removalText(group.servers(), listed));
    observation.recorder.observe('warn', { kind: 'server-removed', peer: listed.name });
  }
  tellPlaces(ground);
  dialer.setPeers(dialTargets(ground));
  starter.reconsider();
  founding.foundOrphans();
}

/** Dataset by dataset, who has it: an heir must have it, and who has it not takes no numbers in it. */
function tellPlaces({ group, runners, self }: EngineGround): void {
  const servers = group.servers();
  for (const [name, runner] of runners) {
    const candidates = servers.map(({ id, state, removedBy, datasets }) => ({
      id,
      isMember: state === 'member',
      removedBy: state === 'removed' ? (removedBy ?? id) : null,
      isCarrier: datasets.includes(name),
    }));
    const members = servers
      .filter(({ state, datasets }) => state === 'member' && datasets.includes(name))
      .toSorted((a, b) => a.addedAtMs - b.addedAtMs || (a.id < b.id ? -1 : 1))
      .map(({ id }) => id);
    runner.setPlace({ heirs: heirsOf(candidates), lane: laneOf(members, self.id) });
  }
}

/** While this server waits to be let in, only the one that invited it knows its key. */
function dialTargets({ group, joins, pauses }: EngineGround): readonly DialTarget[] {
  if (group.membership === 'member') return group.peers().filter(({ id }) => !pauses.isPaused(id));
  const { inviter } = group;
  if (inviter === null || joins.isRunning) return [];
  return [{ ...inviter, id: serverIdOfFingerprint(inviter.fingerprint) }];
}
