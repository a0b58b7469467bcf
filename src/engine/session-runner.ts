import { errorCatalogue, type ErrorCode } from '../core/error-catalogue.js';
import type { ServerId } from '../core/origin.js';
import { errorMessageOf } from '../core/sync-error.js';
import type { Replica } from '../databases/replica.js';
import type { Observe } from '../observe/event.js';
import type { Answer, HelloMessage, PairingProof, Question } from '../protocol/message.js';
import { serverIdOfFingerprint } from '../protocol/server-id.js';
import { createSession, type Session } from '../protocol/session.js';
import type {
  SessionEffect,
  SessionEvent,
  SessionMove,
  SessionReport,
  StepTime,
  Verdict,
} from '../protocol/session-event.js';
import type { SessionStatus } from '../protocol/session-status.js';
import { deferred } from '../system/deferred.js';
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
  /** Whether a person has to choose that first: the snapshot is not fetched again before. */
  readonly isUndecided?: (dataset: string) => boolean;
  /** Asked when both sides are new. Absent: the server with the lower id begins. */
  readonly mayFound?: (dataset: string) => boolean;
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
  /**
   * The replica's vector may have moved: after a drain that found something, or a merge of another session. With what
   * the caller knows of it, so that it is not asked for.
   */
  changed(dataset: string, moved?: SessionMove | null): void;
  /** Tries a paused dataset again now. */
  resume(dataset: string): void;
  /** Servers that this server is connected with; their changes are not relayed to a peer that has them first-hand. */
  links(servers: readonly ServerId[]): void;
  /** The decision on a peer that was pending. */
  decide(verdict: Verdict): void;
  /** Asks the peer's replica; for `usync verify`. Answers "failed" when the session ends or time runs out. */
  ask(dataset: string, question: Question): Promise<Answer>;
  status(): SessionStatus;
  /** Whether both sides have opened this dataset. */
  carries(dataset: string): boolean;
  close(code: ErrorCode | '', reason: string): void;
}

const askTimeoutMs = 30_000;

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly cancelTimer: () => void;
}

interface Runner {
  readonly options: RunSessionOptions;
  readonly session: Session;
  readonly turns: DatasetTurns;
  readonly lanes: Map<string, ReplicaLane>;
  readonly queue: SessionEvent[];
  readonly pendingById: Map<number, Pending>;
  readonly onAbort: () => void;
  readonly resolveClosed: (end: SessionEnd) => void;
  isStepping: boolean;
  cancelAlarm: () => void;
  alarmAtMs: number;
  end: SessionEnd | null;
  nextAskId: number;
}

/**
 * Runs one session over a channel until it ends: carries out its effects, feeds back results. Calls to one replica are
 * in order; a replica that fails pauses its dataset alone.
 */
export function runSession(options: RunSessionOptions): RunningSession {
  const { channel, signal } = options;
  const { promise: closed, resolve } = deferred<SessionEnd>();
  const runner = createRunner(options, resolve);
  const tell = (event: SessionEvent): void => dispatch(runner, event);
  channel.listen({
    onFrame: (frame) => tell({ kind: 'frame', frame }),
    onDrain: () => tell({ kind: 'drained' }),
    onClose: (reason) => tell({ kind: 'closed', reason }),
  });
  signal?.addEventListener('abort', runner.onAbort);
  tell({ kind: 'started' });
  if (signal?.aborted) runner.onAbort();
  return {
    closed,
    changed: (dataset, moved = null) => tell({ kind: 'changed', dataset, moved }),
    resume: (dataset) => tell({ kind: 'resume', dataset }),
    links: (servers) => tell({ kind: 'links', servers }),
    decide: (verdict) => onVerdict(runner, verdict),
    ask: (dataset, question) => ask(runner, dataset, question),
    status: () => runner.session.status,
    carries: (dataset) => runner.session.carries(dataset),
    close: (code, reason) => tell({ kind: 'stop', code, reason }),
  };
}

function createRunner(options: RunSessionOptions, resolveClosed: Runner['resolveClosed']): Runner {
  const { replicas, identity, hooks } = options;
  const lanes = new Map<string, ReplicaLane>();
  const runner: Runner = {
    options,
    session: createSession({
      server: identity.server,
      provenPeer: provenPeerOf(options.channel),
      name: identity.name,
      bootNonce: identity.bootNonce,
      addresses: identity.addresses ?? [],
      datasets: [...replicas.keys()],
      pairing: identity.pairing ?? null,
    }),
    turns: options.turns ?? createDatasetTurns(),
    lanes,
    queue: [],
    pendingById: new Map(),
    onAbort: () => dispatch(runner, { kind: 'stop', code: '', reason: 'the server is stopping' }),
    resolveClosed,
    isStepping: false,
    cancelAlarm: () => undefined,
    alarmAtMs: Infinity,
    end: null,
    nextAskId: 1,
  };
  for (const [dataset, replica] of replicas) {
    const lane = createReplicaLane({
      replica,
      chooseAdoption: hooks.chooseAdoption,
      isUndecided: hooks.isUndecided,
      mayFound: () => hooks.mayFound?.(dataset) ?? identity.server < (runner.session.peer?.server ?? ''),
      onResult: (round, result) => dispatch(runner, { kind: 'result', dataset, round, result }),
      onFailed: (round, failure) => dispatch(runner, { kind: 'failed', dataset, round, ...failure }),
    });
    lanes.set(dataset, lane);
  }
  return runner;
}

/** Channels that prove no key (those of tests) may carry any id. */
const provenPeerOf = ({ peerFingerprint }: Channel): ServerId | null =>
  peerFingerprint === '' ? null : serverIdOfFingerprint(peerFingerprint);

/** Events that come while one is handled wait for their turn, so that effects are carried out in order. */
function dispatch(runner: Runner, event: SessionEvent): void {
  const { queue, session, options } = runner;
  queue.push(event);
  if (runner.isStepping) return;
  runner.isStepping = true;
  for (let next = queue.shift(); next; next = queue.shift()) {
    const time: StepTime = {
      nowMs: options.system.monotonicMs(),
      wallMs: options.system.nowMs(),
      queuedBytes: options.channel.queuedBytes,
    };
    performAll(runner, session.step(time, next));
  }
  runner.isStepping = false;
}

/** What cannot be carried out ends the session with its reason: half of a step must not pass for the whole. */
function performAll(runner: Runner, effects: readonly SessionEffect[]): void {
  try {
    for (const effect of effects) perform(runner, effect);
  } catch (error) {
    finish(runner, { code: codeOf(error), reason: errorMessageOf(error), isByPeer: false });
  }
}

function perform(runner: Runner, effect: SessionEffect): void {
  const { options, turns, session, lanes } = runner;
  switch (effect.kind) {
    case 'send':
      options.channel.send(effect.frame);
      return;
    case 'close':
      finish(runner, effect);
      return;
    case 'alarm':
      setAlarm(runner, effect.atMs);
      return;
    case 'decide':
      void decide(options.hooks, effect.hello, options.channel).then((verdict) => onVerdict(runner, verdict));
      return;
    case 'call':
      lanes.get(effect.dataset)?.run(effect.round, effect.call);
      return;
    case 'turn-want':
      turns.want(effect.dataset, session, () => dispatch(runner, { kind: 'turn', dataset: effect.dataset }));
      return;
    case 'turn-end':
      turns.end(effect.dataset, session);
      return;
    case 'report':
      report(runner, effect.report);
  }
}

function onVerdict(runner: Runner, verdict: Verdict): void {
  if (verdict.kind === 'accepted') runner.options.channel.admit?.();
  dispatch(runner, { kind: 'decided', verdict });
}

function report(runner: Runner, fact: SessionReport): void {
  const { hooks, observe, channel } = runner.options;
  if (fact.kind === 'answered') settleAnswer(runner, fact.id, fact.answer);
  const event = reportToEvent(fact, runner.session.peer?.name ?? channel.remoteAddress);
  if (event) observe(event.level, event.detail);
  hooks.onReport?.(fact);
  if ((fact.kind === 'merged' && fact.merged > 0) || fact.kind === 'snapshot-merged') hooks.onMoved?.(fact.dataset);
  if (fact.kind === 'origin-changed') hooks.onMoved?.(fact.dataset);
}

function setAlarm(runner: Runner, atMs: number): void {
  if (atMs === runner.alarmAtMs) return;
  const { system } = runner.options;
  runner.cancelAlarm();
  runner.alarmAtMs = atMs;
  const ring = (): void => {
    runner.alarmAtMs = Infinity;
    dispatch(runner, { kind: 'alarm' });
  };
  // Timers may ring a little early on a coarse clock: the session then asks for the rest.
  runner.cancelAlarm = Number.isFinite(atMs)
    ? system.after(Math.max(0, Math.ceil(atMs - system.monotonicMs())), ring)
    : () => undefined;
}

async function ask(runner: Runner, dataset: string, question: Question): Promise<Answer> {
  if (runner.end) return connectionEnded;
  const id = runner.nextAskId++;
  const { promise, resolve } = deferred<Answer>();
  const lapse = (): void => settleAnswer(runner, id, { kind: 'failed', code: 'USYNC-1501', text: 'no answer in time' });
  runner.pendingById.set(id, { resolve, cancelTimer: runner.options.system.after(askTimeoutMs, lapse) });
  dispatch(runner, { kind: 'ask', dataset, id, question });
  return await promise;
}

function settleAnswer({ pendingById }: Runner, id: number, answer: Answer): void {
  pendingById.get(id)?.cancelTimer();
  pendingById.get(id)?.resolve(answer);
  pendingById.delete(id);
}

function finish(runner: Runner, end: SessionEnd): void {
  if (runner.end) return;
  const { channel, signal } = runner.options;
  const { code, reason, isByPeer } = end;
  runner.end = { code, reason, isByPeer };
  runner.cancelAlarm();
  signal?.removeEventListener('abort', runner.onAbort);
  for (const id of runner.pendingById.keys()) settleAnswer(runner, id, connectionEnded);
  channel.close(reason);
  void endLanes(runner, runner.end);
}

async function endLanes({ lanes, turns, session, resolveClosed }: Runner, end: SessionEnd): Promise<void> {
  turns.endAll(session);
  for (const lane of lanes.values()) await lane.end();
  resolveClosed(end);
}

const connectionEnded: Answer = { kind: 'failed', code: 'USYNC-1505', text: 'the connection ended' };

async function decide(hooks: SessionHooks, hello: HelloMessage, channel: Channel): Promise<Verdict> {
  try {
    return await hooks.decide(hello, channel);
  } catch (error) {
    return { kind: 'refused', code: codeOf(error), text: errorMessageOf(error) };
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code in errorCatalogue
    ? error.code
    : 'USYNC-1000';
