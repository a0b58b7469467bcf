/** One dataset within a session: what both replicas hold, the streams in both directions, acknowledgements, faults. */
import type { OriginId } from '../core/origin.js';
import type { Stamp } from '../core/stamp.js';
import {
  covers,
  emptyVector,
  forksBetween,
  gained,
  isEqualVector,
  stampIn,
  type VersionVector,
} from '../core/version-vector.js';
import { cutText } from './text-codec.js';
import { createDatasetAcks, type DatasetAcks } from './dataset-acks.js';
import type { DatasetContext, DatasetView } from './dataset-context.js';
import { createDatasetProof, type DatasetProof } from './dataset-proof.js';
import { createDatasetReceiver, type DatasetReceiver } from './dataset-receiver.js';
import { createDatasetSender, type DatasetSender } from './dataset-sender.js';
import { dialDelayMs } from './dial-delay.js';
import type { HaveMessage, Message, Question } from './message.js';
import { askedMax, bothFreshMs, forkAgainMs, landingPollMs, nameBytesMax, textBytesMax } from './protocol-limits.js';
import { retryFirstMs, retryMaxMs } from './protocol-limits.js';
import type { CallResult, ReplicaCall, SessionMove, SessionPosition } from './session-event.js';
import { statusOfDataset, type DatasetSessionStatus } from './session-status.js';

export interface DatasetSession {
  /** Both sides accepted each other: begin. */
  open(): void;
  onMessage(message: Message): void;
  onChanged(moved: SessionMove | null): void;
  onResult(result: CallResult): void;
  onFailed(failure: { readonly call: ReplicaCall['kind']; readonly code: string; readonly text: string }): void;
  onTurn(): void;
  onResume(): void;
  /** Does what time or a free queue allows. */
  pump(): void;
  /** Results of calls with another round are void. */
  readonly round: number;
  readonly status: DatasetSessionStatus;
}

export interface Pause {
  readonly code: string;
  readonly text: string;
  readonly retryAtMs: number;
}

interface LinkState {
  round: number;
  isOpen: boolean;
  pause: Pause | null;
  failures: number;
  isResuming: boolean;
  isAskingPosition: boolean;
  mustAskPosition: boolean;
  announced: { vector: VersionVector; isFresh: boolean; isLanding: boolean } | null;
  peerAcked: VersionVector;
  bothFreshSinceMs: number | null;
  forkToldAtMs: Map<OriginId, number>;
  backTo: Map<OriginId, Stamp>;
  landingPollAtMs: number;
  /** Cuts under way that the peer asked for; a pause makes them void. */
  cutting: number;
  /** Questions of the peer under way: each is answered, whatever happens to the streams meanwhile. */
  answering: number;
}

interface Link {
  readonly context: DatasetContext;
  readonly view: DatasetView;
  readonly state: LinkState;
  readonly sender: DatasetSender;
  readonly receiver: DatasetReceiver;
  readonly proof: DatasetProof;
  readonly acks: DatasetAcks;
}

type ContextOptions = Omit<DatasetContext, 'foundFork' | 'view' | 'call'> & {
  readonly callInRound: (round: number, call: ReplicaCall) => void;
};

export function createDatasetSession(options: ContextOptions): DatasetSession {
  const state = createLinkState();
  const view: DatasetView = { own: null, peer: null, peerPaused: null, receivedByOrigin: new Map() };
  const context: DatasetContext = {
    ...options,
    view,
    call: (call) => options.callInRound(state.round, call),
    foundFork: (origin) => tellHistory(link, origin),
  };
  const link: Link = {
    context,
    view,
    state,
    sender: createDatasetSender(context),
    receiver: createDatasetReceiver(context),
    proof: createDatasetProof(context, () => link.receiver.onBehind()),
    acks: createDatasetAcks(context),
  };
  return {
    open() {
      state.isOpen = true;
      askPosition(link);
    },
    onMessage: (message) => onMessage(link, message),
    onChanged(moved) {
      if (!state.isOpen || state.pause) return;
      if (moved && !state.isAskingPosition && isPlainStep(view.own, moved.position)) takeMove(link, moved);
      else askPosition(link);
    },
    onResult: (result) => onResult(link, result),
    onFailed: (failure) => pauseFor(link, failure),
    onTurn: () => link.receiver.onTurn(),
    onResume() {
      if (state.pause) state.pause = { ...state.pause, retryAtMs: context.time().nowMs };
    },
    pump: () => pump(link),
    get round() {
      return state.round;
    },
    get status() {
      const { sender, receiver, proof } = link;
      return statusOfDataset({
        dataset: context.dataset,
        view,
        pause: state.pause,
        peerAcked: state.peerAcked,
        sender: sender.status,
        receiver: receiver.status,
        proof: proof.status,
      });
    },
  };
}

const createLinkState = (): LinkState => ({
  round: 0,
  isOpen: false,
  pause: null,
  failures: 0,
  isResuming: false,
  isAskingPosition: false,
  mustAskPosition: false,
  announced: null,
  peerAcked: emptyVector,
  bothFreshSinceMs: null,
  forkToldAtMs: new Map(),
  backTo: new Map(),
  landingPollAtMs: 0,
  cutting: 0,
  answering: 0,
});

function pump(link: Link): void {
  const { context, state, view } = link;
  if (!state.isOpen) return;
  const { nowMs } = context.time();
  if (state.pause) {
    if (nowMs < state.pause.retryAtMs) {
      if (Number.isFinite(state.pause.retryAtMs)) context.wakeAt(state.pause.retryAtMs);
      return;
    }
    state.pause = null;
    askPosition(link);
    return;
  }
  if (!view.own) return;
  watchLanding(link);
  link.acks.pump();
  foundWhenDue(link);
  link.receiver.pump();
  link.sender.pump();
  link.proof.pump();
}

function askPosition({ context, state }: Link): void {
  if (state.isAskingPosition) {
    state.mustAskPosition = true;
    return;
  }
  state.isAskingPosition = true;
  state.mustAskPosition = false;
  context.call({ kind: 'position' });
}

function onMessage(link: Link, message: Message): void {
  const { sender, receiver, proof, state, view, context } = link;
  switch (message.kind) {
    case 'have':
      onHave(link, message);
      return;
    case 'credit':
      sender.onCredit(message.bytes);
      return;
    case 'parts':
      receiver.onParts(message);
      return;
    case 'again':
      view.receivedByOrigin.clear();
      if (view.peer) view.peer = { ...view.peer, vector: message.vector };
      sender.onAgain(message.stream);
      return;
    case 'behind':
      receiver.onBehind();
      return;
    case 'ack':
      state.peerAcked = new Map([...state.peerAcked, ...message.vector]);
      context.report({ kind: 'acked', dataset: context.dataset, vector: state.peerAcked });
      return;
    case 'snapshot-want':
      sender.onSnapshotWant(message.stream);
      return;
    case 'snapshot-begin':
    case 'snapshot-piece':
    case 'snapshot-end':
    case 'snapshot-abort':
      receiver.onSnapshotMessage(message);
      return;
    case 'paused':
      view.peerPaused = { code: message.code, text: message.text };
      receiver.onPeerPaused();
      return;
    case 'proof':
      proof.onPeer(message);
      return;
    case 'fork':
      if (!view.own || asked(state) >= askedMax) return;
      state.cutting++;
      context.call({ kind: 'cut', origin: message.origin, theirs: message.history });
      return;
    case 'ask':
      answer(link, message.id, message.question);
      return;
    default:
      // The session handles every other kind itself.
      return;
  }
}

function onHave(link: Link, message: HaveMessage): void {
  const { view, sender, proof } = link;
  const { isWhole, isFresh, isLanding, vector } = message;
  if (isWhole) {
    view.peerPaused = null;
    // It may have gone back, or renamed a branch: then what it sent is not what it holds.
    view.receivedByOrigin.clear();
  }
  const before = isWhole ? emptyVector : (view.peer?.vector ?? emptyVector);
  view.peer = { vector: new Map([...before, ...vector]), isFresh, isLanding };
  sender.onHave();
  proof.onMoved();
  // The journal is read once more with the peer's vector: the read says where the histories part.
  if (view.own && forksBetween(view.own.vector, vector).length > 0) sender.onMoved();
  checkWentBack(link);
}

function onResult(link: Link, result: CallResult): void {
  const { context, state, view, sender, receiver, proof } = link;
  if (result.kind !== 'position' && state.failures > 0) {
    context.report({ kind: 'resumed', dataset: context.dataset, count: state.failures });
    state.failures = 0;
  }
  switch (result.kind) {
    case 'position':
      onPosition(link, result.position);
      return;
    case 'flush':
      link.acks.onFlushed(result.vector);
      return;
    case 'prove':
      proof.onOwn(result.proof);
      // It may be the first to tell that the replica moved.
      if (view.own && !isEqualVector(view.own.vector, result.proof.vector)) askPosition(link);
      return;
    case 'read':
    case 'snapshot-open':
    case 'snapshot-next':
      sender.onResult(result);
      return;
    case 'history':
      context.send({ kind: 'fork', dataset: context.number, origin: result.origin, history: result.history });
      return;
    case 'cut':
      state.cutting--;
      onCut(link, result);
      return;
    case 'done':
      context.report({ kind: 'origin-changed', dataset: context.dataset, reason: result.call });
      askPosition(link);
      return;
    case 'answer':
      state.answering--;
      context.send({ kind: 'answer', id: result.id, answer: result.answer });
      return;
    case 'merge':
    case 'snapshot-receive':
    case 'snapshot-add':
    case 'snapshot-finish': {
      const outcome = receiver.onResult(result);
      if (result.kind === 'snapshot-finish') proof.onSnapshot();
      if (!outcome) return;
      for (const { origin } of outcome.forks) tellHistory(link, origin);
      const { merged, rows, conflicts, quarantined } = outcome;
      context.report({ kind: 'merged', dataset: context.dataset, merged, rows, conflicts, quarantined });
      if (link.view.own && covers(outcome.vector, link.view.own.vector)) {
        announceMerged(link, { ...link.view.own, vector: outcome.vector });
      }
      askPosition(link);
    }
  }
}

/**
 * Whether a position that came unasked is the own one with more in its vector. Anything else is asked for, in the order
 * of the calls: a step back has consequences.
 */
const isPlainStep = (own: SessionPosition | null, position: SessionPosition): boolean =>
  own !== null &&
  covers(position.vector, own.vector) &&
  forksBetween(position.vector, own.vector).length === 0 &&
  position.origin === own.origin &&
  position.isFresh === own.isFresh &&
  position.isLanding === own.isLanding;

/** What is new goes out first: the peer can merge while it reads the rest. */
function takeMove(link: Link, { position, news }: SessionMove): void {
  if (news) link.sender.onNews(news);
  takePosition(link, position);
}

function onPosition(link: Link, position: SessionPosition): void {
  const { state, receiver } = link;
  state.isAskingPosition = false;
  const wentBack = takePosition(link, position);
  // A replica that lost something, or dropped what it had received, is sent everything from where it stands.
  if (wentBack || state.isResuming) receiver.again(position.vector);
  state.isResuming = false;
  if (state.mustAskPosition) askPosition(link);
  checkWentBack(link);
}

/** Returns whether the replica stands behind what it held before. */
function takePosition(link: Link, position: SessionPosition): boolean {
  const { view, sender, proof, acks } = link;
  const before = view.own;
  view.own = position;
  announce(link, position);
  const hasMoved = !before || !covers(before.vector, position.vector);
  const wentBack = before !== null && !covers(position.vector, before.vector);
  if (hasMoved || wentBack || before.isFresh !== position.isFresh || before.isLanding !== position.isLanding) {
    sender.onMoved();
    proof.onMoved();
    acks.onMoved();
  }
  if (wentBack || (before && before.origin !== position.origin)) sender.onRewound();
  if (wentBack) view.receivedByOrigin.clear();
  return wentBack;
}

/** The peer learns at once what is merged, so that it is not sent again; the position that is asked next tells the rest. */
function announceMerged(link: Link, position: SessionPosition): void {
  const { view, sender, proof, acks } = link;
  view.own = position;
  announce(link, position);
  sender.onMoved();
  proof.onMoved();
  acks.onMoved();
}

/** Tells the peer what is merged here: all of it at first and after a step back, else only what is new. */
function announce({ context, state }: Link, { vector, isFresh, isLanding }: SessionPosition): void {
  const before = state.announced;
  const isWhole = !before || !covers(vector, before.vector) || forksBetween(vector, before.vector).length > 0;
  const news = isWhole ? vector : gained(vector, before.vector);
  const isSame = !isWhole && news.size === 0 && before.isFresh === isFresh && before.isLanding === isLanding;
  if (isSame) return;
  state.announced = { vector, isFresh, isLanding };
  context.send({ kind: 'have', dataset: context.number, isWhole, isFresh, isLanding, vector: news });
}

function watchLanding({ context, state, view }: Link): void {
  if (!view.own?.isLanding || state.isAskingPosition) return;
  const { nowMs } = context.time();
  if (nowMs >= state.landingPollAtMs) {
    state.landingPollAtMs = nowMs + landingPollMs;
    state.isAskingPosition = true;
    context.call({ kind: 'position' });
  }
  context.wakeAt(state.landingPollAtMs);
}

/** Two new replicas: after a while for a third that has the data, one of them founds the dataset; which, the engine knows. */
function foundWhenDue({ context, state, view }: Link): void {
  if (!view.own?.isFresh || !view.peer?.isFresh || view.peerPaused) {
    state.bothFreshSinceMs = null;
    return;
  }
  const { nowMs } = context.time();
  state.bothFreshSinceMs ??= nowMs;
  const dueAtMs = state.bothFreshSinceMs + bothFreshMs;
  if (nowMs < dueAtMs) {
    context.wakeAt(dueAtMs);
    return;
  }
  state.bothFreshSinceMs = nowMs;
  context.call({ kind: 'found' });
}

/**
 * The peer holds own changesets that are not here: this database is older than what was sent from it. The position is
 * asked once more before it is believed, since the peer may have got a newer one through another connection.
 */
function checkWentBack(link: Link): void {
  const { context, state, view } = link;
  if (!view.own || !view.peer || view.own.isFresh) return;
  const { origin, vector } = view.own;
  const there = stampIn(view.peer.vector, origin);
  if (there <= stampIn(vector, origin)) {
    state.backTo.delete(origin);
    return;
  }
  const asked = state.backTo.get(origin);
  if (asked === there && !state.isAskingPosition) {
    state.backTo.delete(origin);
    context.report({ kind: 'went-back', dataset: context.dataset, origin });
    context.call({ kind: 'new-epoch', origin, reason: 'peers remember more of this database than it holds' });
  } else if (asked !== there) {
    state.backTo.set(origin, there);
    askPosition(link);
  }
}

/** Two histories of one origin have met: the peer gets the one that is held here, and cuts its branch if it is younger. */
function tellHistory({ context, state }: Link, origin: OriginId): void {
  const { nowMs } = context.time();
  if (nowMs < (state.forkToldAtMs.get(origin) ?? -Infinity) + forkAgainMs) return;
  state.forkToldAtMs.set(origin, nowMs);
  context.report({ kind: 'fork', dataset: context.dataset, origin });
  context.call({ kind: 'history', origin });
}

/** The branch here has another name now, which shows in the position; or the peer's must get one. */
function onCut(link: Link, { origin, outcome }: Extract<CallResult, { kind: 'cut' }>): void {
  const { context } = link;
  if (outcome === 'theirs') tellHistory(link, origin);
  if (outcome !== 'renamed') return;
  context.report({ kind: 'origin-changed', dataset: context.dataset, reason: 'cut' });
  askPosition(link);
}

/** What the peer may have under way here is bounded. */
const asked = ({ cutting, answering }: LinkState): number => cutting + answering;

function answer({ context, state }: Link, id: number, question: Question): void {
  if (!state.pause && state.isOpen && asked(state) < askedMax) {
    state.answering++;
    context.call({ kind: 'answer', id, question });
    return;
  }
  const { code, text } = state.pause ?? { code: 'USYNC-1507', text: 'too many questions at a time' };
  context.send({ kind: 'answer', id, answer: { kind: 'failed', code, text } });
}

/** The dataset stops alone, with its reason, and is tried again; other datasets of the session go on. */
function pauseFor(link: Link, failure: { readonly code: string; readonly text: string }): void {
  const { context, state, view } = link;
  state.round++;
  state.failures++;
  const needsDecision = failure.code === 'USYNC-1406';
  const retryInMs = needsDecision
    ? Infinity
    : dialDelayMs({ failures: state.failures, random: 0.5, firstMs: retryFirstMs, maxMs: retryMaxMs });
  const text = cutText(failure.text, textBytesMax);
  const code = cutText(failure.code, nameBytesMax);
  state.pause = { code, text, retryAtMs: context.time().nowMs + retryInMs };
  Object.assign(state, {
    isAskingPosition: false,
    mustAskPosition: false,
    announced: null,
    isResuming: true,
    cutting: 0,
  });
  view.own = null;
  link.sender.reset();
  link.receiver.reset();
  link.proof.reset();
  link.acks.reset();
  const { dataset } = context;
  context.report({ kind: 'paused', dataset, code, text, retryInMs, count: state.failures });
  context.send({ kind: 'paused', dataset: context.number, code, text });
}
