/** Starts a session on each channel, dialled or accepted, and carries its facts to whom they concern. */
import type { ServerId } from '../core/origin.js';
import { errorCodeOf, errorMessageOf } from '../core/sync-error.js';
import type { Replica } from '../databases/replica.js';
import type { Observe } from '../observe/event.js';
import type { HelloMessage, PairingProof } from '../protocol/message.js';
import type { SessionReport, Verdict } from '../protocol/session-event.js';
import type { System } from '../system/system.js';
import type { Channel } from '../transports/transport.js';
import type { Admission } from './admission.js';
import { looksMax } from './engine-limits.js';
import type { DatasetTurns } from './dataset-turns.js';
import type { PeerLinks } from './peer-links.js';
import type { ChooseAdoption } from './replica-lane.js';
import { runSession, type RunningSession, type SessionEnd } from './session-runner.js';
import { createVisitedReplica } from './visited-replica.js';

export interface SessionStarter {
  start(start: SessionStart): StartedSession;
  /** Sessions whose peer waits for approval: they are let in, or refused, when the list says so. */
  reconsider(): void;
  /** Ends the sessions of visitors whose code is no longer good. */
  reviewLooks(): void;
  /** Ends all sessions and resolves when none calls a replica any more. */
  stop(reason: string): Promise<void>;
}

export interface SessionStart {
  readonly channel: Channel;
  readonly isOutgoing: boolean;
  readonly address: string;
  readonly pairing?: PairingProof;
}

export interface StartedSession {
  readonly session: RunningSession;
  readonly closed: Promise<SessionEnd>;
}

export interface SessionStarterOptions {
  readonly self: { readonly id: ServerId; readonly name: string };
  readonly bootNonce: string;
  readonly addresses: () => readonly string[];
  readonly replicas: () => ReadonlyMap<string, Replica>;
  readonly system: System;
  readonly observe: Observe;
  readonly turns: DatasetTurns;
  readonly links: PeerLinks;
  readonly admission: Admission;
  readonly chooseAdoption: ChooseAdoption;
  readonly isUndecided: (dataset: string) => boolean;
  readonly mayFound: (dataset: string) => boolean;
  readonly onMoved: (dataset: string, by: RunningSession) => void;
  readonly onReport: (peer: HelloMessage, report: SessionReport) => void;
  readonly onEnd: (peer: HelloMessage | null, end: SessionEnd) => void;
}

interface Waiting {
  readonly hello: HelloMessage;
  readonly start: SessionStart;
  readonly access: Access;
}

/** What a session may do, known once its hello was judged. */
interface Access {
  isVisit: boolean;
}

interface Look {
  readonly hello: HelloMessage;
  readonly channel: Channel;
  readonly cancelTimer: () => void;
}

interface StarterState {
  readonly running: Set<RunningSession>;
  readonly waiting: Map<RunningSession, Waiting>;
  /** Visitors, the oldest first. */
  readonly looks: Map<RunningSession, Look>;
  isStopped: boolean;
}

export function createSessionStarter(options: SessionStarterOptions): SessionStarter {
  const state: StarterState = { running: new Set(), waiting: new Map(), looks: new Map(), isStopped: false };
  return {
    start: (start) => startSession(options, state, start),
    reconsider() {
      for (const [session, waiting] of state.waiting) void judgeAgain(options, state, { session, ...waiting });
      reviewLooks(options, state);
    },
    reviewLooks: () => reviewLooks(options, state),
    async stop(reason) {
      state.isStopped = true;
      const running = [...state.running];
      for (const session of running) session.close('', reason);
      await Promise.all(running.map((session) => session.closed));
    },
  };
}

function startSession(options: SessionStarterOptions, state: StarterState, start: SessionStart): StartedSession {
  const { self, bootNonce, system, observe, turns } = options;
  const access: Access = { isVisit: false };
  const session: RunningSession = runSession({
    channel: start.channel,
    replicas: visited(options.replicas(), access),
    system,
    // A visit leaves no trace, also where the key that looks is a member's: what it shows then is not what it carries.
    observe: (level, detail) => {
      if (!access.isVisit) observe(level, detail);
    },
    turns,
    identity: {
      server: self.id,
      name: self.name,
      bootNonce,
      addresses: options.addresses(),
      ...(start.pairing === undefined ? {} : { pairing: start.pairing }),
    },
    hooks: {
      decide: async (hello) => {
        // Frames may be waiting in the channel, so that the hello is there before the session is in hand.
        await Promise.resolve();
        return verdictOf(options, state, { session, hello, start, access });
      },
      onMoved: (dataset) => options.onMoved(dataset, session),
      onReport: (report) => {
        const { peer } = session.status();
        if (peer !== null && !access.isVisit) options.onReport(peer, report);
      },
      chooseAdoption: options.chooseAdoption,
      isUndecided: options.isUndecided,
      mayFound: options.mayFound,
    },
  });
  state.running.add(session);
  if (state.isStopped) session.close('', 'This server is stopping.');
  return { session, closed: ended(options, state, { session, access }) };
}

const visited = (replicas: ReadonlyMap<string, Replica>, access: Access): ReadonlyMap<string, Replica> =>
  new Map([...replicas].map(([name, replica]) => [name, createVisitedReplica(replica, () => access.isVisit)]));

async function ended(
  options: SessionStarterOptions,
  state: StarterState,
  { session, access }: { readonly session: RunningSession; readonly access: Access },
): Promise<SessionEnd> {
  const end = await session.closed;
  state.running.delete(session);
  state.waiting.delete(session);
  state.looks.get(session)?.cancelTimer();
  state.looks.delete(session);
  if (!access.isVisit) options.onEnd(session.status().peer, end);
  return end;
}

interface Candidate extends Waiting {
  readonly session: RunningSession;
}

/** Never rejects: who cannot be judged now comes again. */
async function judgeAgain(options: SessionStarterOptions, state: StarterState, candidate: Candidate): Promise<void> {
  const { session } = candidate;
  try {
    const verdict = await verdictOf(options, state, candidate);
    session.decide(verdict);
  } catch (error) {
    session.close(errorCodeOf(error), errorMessageOf(error));
  }
}

async function verdictOf(
  options: SessionStarterOptions,
  state: StarterState,
  { session, hello, start, access }: Candidate,
): Promise<Verdict> {
  const decision = await options.admission.decide(hello, start.channel);
  switch (decision.kind) {
    case 'visitor':
      access.isVisit = true;
      beginLook(options, state, { session, hello, channel: start.channel, untilMs: decision.untilMs });
      return { kind: 'accepted' };
    case 'member': {
      state.waiting.delete(session);
      const { isOutgoing, address, channel } = start;
      const verdict = await options.links.admit({ hello, session, isOutgoing, address });
      // To be sure that an older connection is dead takes its time, in which the peer may have been removed.
      if (verdict.kind !== 'accepted' || options.admission.isTrusted(channel.peerFingerprint) === true) return verdict;
      return { kind: 'refused', code: 'USYNC-1402', text: 'Your server was removed from the group.' };
    }
    case 'other':
      if (decision.verdict.kind === 'pending' && state.running.has(session))
        state.waiting.set(session, { hello, start, access });
      else state.waiting.delete(session);
      return decision.verdict;
  }
}

interface Looking extends Pick<Look, 'hello' | 'channel'> {
  readonly session: RunningSession;
  readonly untilMs: number;
}

/** One key looks once at a time, and few with one code: the newest stay. */
function beginLook(
  { system }: SessionStarterOptions,
  { looks, running }: StarterState,
  { session, hello, channel, untilMs }: Looking,
): void {
  if (!running.has(session)) return;
  const withCode = [...looks].filter(([, look]) => look.hello.pairing?.invite === hello.pairing?.invite);
  const ofKey = [...looks].filter(([, look]) => look.channel.peerFingerprint === channel.peerFingerprint);
  for (const [older] of [...ofKey, ...withCode.slice(0, Math.max(0, withCode.length - looksMax + 1))])
    older.close('USYNC-1400', 'Another look has begun with this code.');
  const cancelTimer = system.after(Math.max(0, untilMs - system.nowMs()), () =>
    session.close('USYNC-1400', 'The time for looking is over.'),
  );
  looks.set(session, { hello, channel, cancelTimer });
}

function reviewLooks({ admission }: SessionStarterOptions, { looks }: StarterState): void {
  for (const [session, { hello, channel }] of looks)
    if (!admission.mayLook(hello, channel))
      session.close('USYNC-1400', 'The code is no longer good: it was revoked, used, or has expired.');
}
