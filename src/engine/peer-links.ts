/**
 * The live connections of this server: exactly one per peer. Where both sides dialled, the connection that the server
 * with the lower id dialled stays; both sides decide the same without a word.
 */
import type { ServerId } from '../core/origin.js';
import type { HelloMessage } from '../protocol/message.js';
import type { Verdict } from '../protocol/session-event.js';
import type { System } from '../system/system.js';
import { twinForgetMs, twinTurnMs, twinWaitMs } from './engine-limits.js';
import type { RunningSession } from './session-runner.js';

export interface PeerLink {
  readonly session: RunningSession;
  readonly isOutgoing: boolean;
  readonly address: string;
  readonly openedAtMs: number;
  readonly hello: HelloMessage;
}

export interface PeerLinks {
  /** Whether a connection that has said hello may be the one with this peer. Resolves when that is certain. */
  admit(candidate: LinkCandidate): Promise<Verdict>;
  get(peer: ServerId): PeerLink | null;
  all(): readonly PeerLink[];
  /** Peers whose identity was seen alive twice not long ago. */
  twins(): ReadonlyMap<ServerId, number>;
  onChange(listener: () => void): () => void;
}

export interface LinkCandidate {
  readonly hello: HelloMessage;
  readonly session: RunningSession;
  readonly isOutgoing: boolean;
  readonly address: string;
}

export interface PeerLinksOptions {
  readonly self: ServerId;
  readonly system: System;
  readonly onTwin: (peer: HelloMessage) => void;
  readonly onLost: (link: PeerLink, reason: string) => void;
}

interface LinksState {
  readonly linkByPeer: Map<ServerId, PeerLink>;
  readonly twinSeenAtMs: Map<ServerId, number>;
  readonly listeners: Set<() => void>;
}

export function createPeerLinks(options: PeerLinksOptions): PeerLinks {
  const state: LinksState = { linkByPeer: new Map(), twinSeenAtMs: new Map(), listeners: new Set() };
  return {
    admit: (candidate) => admit(options, state, candidate),
    get: (peer) => state.linkByPeer.get(peer) ?? null,
    all: () => [...state.linkByPeer.values()],
    twins() {
      const since = options.system.nowMs() - twinForgetMs;
      for (const [peer, seenAtMs] of state.twinSeenAtMs) if (seenAtMs < since) state.twinSeenAtMs.delete(peer);
      return new Map(state.twinSeenAtMs);
    },
    onChange(listener) {
      state.listeners.add(listener);
      return () => state.listeners.delete(listener);
    },
  };
}

async function admit(options: PeerLinksOptions, state: LinksState, candidate: LinkCandidate): Promise<Verdict> {
  const { hello } = candidate;
  const before = state.linkByPeer.get(hello.server);
  if (before && before.hello.bootNonce !== hello.bootNonce) {
    if (await isAlive(options.system, before.session)) {
      const refusal = twinSeen(options, state, { hello, before });
      if (refusal) return refusal;
    } else before.session.close('USYNC-1505', 'The other server has been started again.');
  }
  const rival = state.linkByPeer.get(hello.server);
  if (rival && rival.hello.bootNonce === hello.bootNonce && !isBetter(options.self, candidate, rival))
    return { kind: 'refused', code: '', text: 'The two servers are already connected.' };
  link(options, state, candidate);
  rival?.session.close('', 'Another connection of the two servers is kept.');
  return { kind: 'accepted' };
}

/**
 * Both of the two are told: the newcomer by the refusal, the other once by the end of its connection, after which it comes
 * back at once. Neither is shut out: as long as both run they take turns, so that what either writes gets to everybody.
 */
function twinSeen(
  { system, onTwin }: PeerLinksOptions,
  { twinSeenAtMs }: LinksState,
  { hello, before }: { readonly hello: HelloMessage; readonly before: PeerLink },
): Verdict | null {
  const isFirst = !twinSeenAtMs.has(hello.server);
  const hadItsTurn = !isFirst && system.nowMs() - before.openedAtMs >= twinTurnMs;
  twinSeenAtMs.set(hello.server, system.nowMs());
  onTwin(hello);
  if (isFirst || hadItsTurn)
    before.session.close('USYNC-1404', `Another running server has the identity of ${hello.name}.`);
  if (hadItsTurn) return null;
  const text = `Another server with the identity of ${hello.name} is connected.`;
  return { kind: 'refused', code: 'USYNC-1404', text };
}

/** Of two connections dialled by one side the newer stays: the dialler gave the older one up. */
function isBetter(self: ServerId, candidate: LinkCandidate, rival: PeerLink): boolean {
  if (candidate.isOutgoing === rival.isOutgoing) return true;
  const isOutgoingKept = self < candidate.hello.server;
  return candidate.isOutgoing === isOutgoingKept;
}

function link(options: PeerLinksOptions, state: LinksState, candidate: LinkCandidate): void {
  const { session, isOutgoing, address, hello } = candidate;
  const made: PeerLink = { session, isOutgoing, address, hello, openedAtMs: options.system.nowMs() };
  state.linkByPeer.set(hello.server, made);
  changed(state);
  void endLink(options, state, made);
}

async function endLink(options: PeerLinksOptions, state: LinksState, made: PeerLink): Promise<void> {
  const { reason } = await made.session.closed;
  if (state.linkByPeer.get(made.hello.server) !== made) return;
  state.linkByPeer.delete(made.hello.server);
  options.onLost(made, reason);
  changed(state);
}

/** Every session tells the others who is linked, so that changes are not relayed to who has them first-hand. */
function changed({ linkByPeer, listeners }: LinksState): void {
  const peers = [...linkByPeer.keys()];
  for (const { session } of linkByPeer.values()) session.links(peers);
  for (const listener of listeners) listener();
}

/**
 * Whether the older connection's other side lives: it must end, or be heard, within the time of a ping. A process that
 * was killed leaves a connection that ends at once; one whose machine lost its power falls silent.
 */
function isAlive(system: System, session: RunningSession): Promise<boolean> {
  const sinceMs = system.monotonicMs();
  return new Promise((resolve) => {
    let isDone = false;
    const finish = (alive: boolean): void => {
      isDone = true;
      resolve(alive);
    };
    void session.closed.then(() => finish(false));
    const look = (): void => {
      if (isDone) return;
      const waitedMs = system.monotonicMs() - sinceMs;
      if (waitedMs > heardAgainMs && session.status().lastHeardMs > sinceMs + heardAgainMs) finish(true);
      else if (waitedMs > twinWaitMs) finish(false);
      else system.after(lookEveryMs, look);
    };
    look();
  });
}

/** What was on its way when the process died may still arrive within this time. */
const heardAgainMs = 500;
const lookEveryMs = 100;
