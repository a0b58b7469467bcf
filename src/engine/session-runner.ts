import { errorCatalogue, type ErrorCode } from '../core/error-catalogue.js';
import type { OriginId, ServerId } from '../core/origin.js';
import type { Stamp } from '../core/stamp.js';
import type { Replica } from '../databases/replica.js';
import type { Observe } from '../observe/event.js';
import type { Answer, HelloMessage, PairingProof, Question } from '../protocol/message.js';
import { createSession, type Session } from '../protocol/session.js';
import type { SessionEffect, SessionEvent, SessionReport, StepTime, Verdict } from '../protocol/session-event.js';
import type { SessionStatus } from '../protocol/session-status.js';
import type { System } from '../system/system.js';
import type { Channel } from '../transports/transport.js';
import { createDatasetTurns, type DatasetTurns } from './dataset-turns.js';
import { createReplicaLane, type ChooseAdoption, type ReplicaLane } from './replica-lane.js';
import { reportToEvent } from './session-report.js';

export interface RunSessionOptions {
  readonly channel: Channel;
  /** The datasets that may be synced with this peer, by name; open. */
  readonly replicas: ReadonlyMap<string, Replica>;
  readonly system: System;
  readonly observe: Observe;
  readonly identity: SessionIdentity;
  readonly hooks: SessionHooks;
  /** Shared by all sessions of a server, so that they do not fetch the same history twice. */
  readonly turns?: DatasetTurns;
  /** Aborting ends the session. */
  readonly signal?: AbortSignal;
}

export interface SessionIdentity {
  readonly server: ServerId;
  readonly name: string;
  /** 32 hex characters, new at each start of the server. */
  readonly bootNonce: string;
  /** Where others can reach this server, "host:port". */
  readonly addresses?: readonly string[];
  readonly pairing?: PairingProof;
}

export interface SessionHooks {
  /** Whether the peer may in. A rejection counts as a refusal. */
  decide(hello: HelloMessage, channel: Channel): Promise<Verdict> | Verdict;
  /** This session merged something, or changed the replica's origin: tell the other sessions by `changed`. */
  onMoved?(dataset: string): void;
  /** Every fact the session reports; acknowledged vectors and forks among them. Must not throw. */
  onReport?(report: SessionReport): void;
  /** Asked when the first snapshot of a dataset is here and not merged yet. Absent: the replica measures. */
  readonly chooseAdoption?: ChooseAdoption;
}

export interface SessionEnd {
  /** Empty for an ordinary end. */
  readonly code: string;
  readonly reason: string;
  readonly isByPeer: boolean;
}

export interface RunningSession {
  /** Resolves, never rejects, when the channel has ended and no call to a replica is under way. */
  readonly closed: Promise<SessionEnd>;
  /** The replica's vector may have moved: after a drain that found something, or a merge of another session. */
  changed(dataset: string): void;
  /** Tries a paused dataset again now. */
  resume(dataset: string): void;
  /** Servers that this server is connected with; their changes are not relayed to a peer that has them first-hand. */
  links(servers: readonly ServerId[]): void;
  /** The decision on a peer that was pending. */
  decide(verdict: Verdict): void;
  /** Asks the peer's replica; for `usync verify`. Answers "failed" when the session ends or time runs out. */
  ask(dataset: string, question: Question): Promise<Answer>;
  tellFork(dataset: string, fork: { readonly origin: OriginId; readonly after: Stamp }): void;
  status(): SessionStatus;
  close(code: ErrorCode | '', reason: string): void;
}

const askTimeoutMs = 30_000;

/**
 * Runs one session over a channel until it ends: carries out its effects, feeds back results. Calls to one replica are
 * in order; a replica that fails pauses its dataset alone.
 */
export function runSession(options: RunSessionOptions): RunningSession {
  const runner = createRunner(options);
  runner.start();
  return runner.running;
}

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly cancelTimer: () => void;
}

interface RunnerState {
  readonly queue: SessionEvent[];
  isStepping: boolean;
  cancelAlarm: () => void;
  alarmAtMs: number;
  end: SessionEnd | null;
  nextAskId: number;
}

function createRunner(options: RunSessionOptions): { start: () => void; running: RunningSession } {
  const { channel, replicas, system, identity, hooks, signal } = options;
  const turns = options.turns ?? createDatasetTurns();
  const session = createSession({
    server: identity.server,
    name: identity.name,
    bootNonce: identity.bootNonce,
    addresses: identity.addresses ?? [],
    datasets: [...replicas.keys()],
    pairing: identity.pairing ?? null,
  });
  const state: RunnerState = {
    queue: [],
    isStepping: false,
    cancelAlarm: () => undefined,
    alarmAtMs: Infinity,
    end: null,
    nextAskId: 1,
  };
  const pendingById = new Map<number, Pending>();
  let resolveClosed: (end: SessionEnd) => void = () => undefined;
  const closed = new Promise<SessionEnd>((resolve) => (resolveClosed = resolve));

  const dispatch = (event: SessionEvent): void => {
    state.queue.push(event);
    if (state.isStepping) return;
    state.isStepping = true;
    for (let next = state.queue.shift(); next; next = state.queue.shift()) {
      const time: StepTime = {
        nowMs: system.monotonicMs(),
        wallMs: system.nowMs(),
        queuedBytes: channel.queuedBytes,
      };
      for (const effect of session.step(time, next)) perform(effect);
    }
    state.isStepping = false;
  };
  const lanes = createLanes(options, dispatch);
  const decided = (verdict: Verdict): void => {
    if (verdict.kind === 'accepted') channel.admit?.();
    dispatch({ kind: 'decided', verdict });
  };

  const settleAnswer = (id: number, answer: Answer): void => {
    pendingById.get(id)?.cancelTimer();
    pendingById.get(id)?.resolve(answer);
    pendingById.delete(id);
  };
  const report = (fact: SessionReport): void => {
    if (fact.kind === 'answered') settleAnswer(fact.id, fact.answer);
    const event = reportToEvent(fact, session.status.peer?.name ?? channel.remoteAddress);
    if (event) options.observe(event.level, event.detail);
    hooks.onReport?.(fact);
    if ((fact.kind === 'merged' && fact.merged > 0) || fact.kind === 'snapshot-merged') hooks.onMoved?.(fact.dataset);
    if (fact.kind === 'origin-changed') hooks.onMoved?.(fact.dataset);
  };
  const setAlarm = (atMs: number): void => {
    if (atMs === state.alarmAtMs) return;
    state.cancelAlarm();
    state.alarmAtMs = atMs;
    const ring = (): void => {
      state.alarmAtMs = Infinity;
      dispatch({ kind: 'alarm' });
    };
    // Timers may fire a little early on a coarse clock: the session then asks for the rest.
    state.cancelAlarm = Number.isFinite(atMs)
      ? system.after(Math.max(0, Math.ceil(atMs - system.monotonicMs())), ring)
      : () => undefined;
  };
  const finish = (end: SessionEnd): void => {
    if (state.end) return;
    state.end = end;
    state.cancelAlarm();
    signal?.removeEventListener('abort', onAbort);
    for (const id of [...pendingById.keys()]) {
      settleAnswer(id, { kind: 'failed', code: 'USYNC-1505', text: 'the connection ended' });
    }
    channel.close(end.reason);
    void endLanes(lanes, turns, session).then(() => resolveClosed(end));
  };
  const perform = (effect: SessionEffect): void => {
    switch (effect.kind) {
      case 'send':
        channel.send(effect.frame);
        return;
      case 'close':
        finish(effect);
        return;
      case 'alarm':
        setAlarm(effect.atMs);
        return;
      case 'decide':
        void decide(hooks, effect.hello, channel).then(decided);
        return;
      case 'call':
        lanes.get(effect.dataset)?.run(effect.round, effect.call);
        return;
      case 'turn-want':
        turns.want(effect.dataset, session, () => dispatch({ kind: 'turn', dataset: effect.dataset }));
        return;
      case 'turn-end':
        turns.end(effect.dataset, session);
        return;
      case 'report':
        report(effect.report);
    }
  };
  const onAbort = (): void => dispatch({ kind: 'stop', code: '', reason: 'the server is stopping' });

  const running: RunningSession = {
    closed,
    changed: (dataset) => dispatch({ kind: 'changed', dataset }),
    resume: (dataset) => dispatch({ kind: 'resume', dataset }),
    links: (servers) => dispatch({ kind: 'links', servers }),
    decide: decided,
    tellFork: (dataset, { origin, after }) => dispatch({ kind: 'tell-fork', dataset, origin, after }),
    status: () => session.status,
    close: (code, reason) => dispatch({ kind: 'stop', code, reason }),
    async ask(dataset, question) {
      if (state.end) return { kind: 'failed', code: 'USYNC-1505', text: 'the connection ended' };
      const id = state.nextAskId++;
      return await new Promise<Answer>((resolve) => {
        const lapse = (): void => settleAnswer(id, { kind: 'failed', code: 'USYNC-1501', text: 'no answer in time' });
        pendingById.set(id, { resolve, cancelTimer: system.after(askTimeoutMs, lapse) });
        dispatch({ kind: 'ask', dataset, id, question });
      });
    },
  };
  const start = (): void => {
    channel.listen({
      onFrame: (frame) => dispatch({ kind: 'frame', frame }),
      onDrain: () => dispatch({ kind: 'drained' }),
      onClose: (reason) => dispatch({ kind: 'closed', reason }),
    });
    signal?.addEventListener('abort', onAbort);
    dispatch({ kind: 'started' });
    if (signal?.aborted) onAbort();
  };
  return { start, running };
}

function createLanes(
  { replicas, hooks }: RunSessionOptions,
  dispatch: (event: SessionEvent) => void,
): Map<string, ReplicaLane> {
  const lanes = new Map<string, ReplicaLane>();
  for (const [dataset, replica] of replicas) {
    const lane = createReplicaLane({
      replica,
      chooseAdoption: hooks.chooseAdoption,
      onResult: (round, result) => dispatch({ kind: 'result', dataset, round, result }),
      onFailed: (round, failure) => dispatch({ kind: 'failed', dataset, round, ...failure }),
    });
    lanes.set(dataset, lane);
  }
  return lanes;
}

async function endLanes(lanes: Map<string, ReplicaLane>, turns: DatasetTurns, session: Session): Promise<void> {
  turns.endAll(session);
  for (const lane of lanes.values()) await lane.end();
}

async function decide(hooks: SessionHooks, hello: HelloMessage, channel: Channel): Promise<Verdict> {
  try {
    return await hooks.decide(hello, channel);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { kind: 'refused', code: codeOf(error), text };
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code in errorCatalogue
    ? error.code
    : 'USYNC-1000';
