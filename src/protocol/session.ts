/**
 * The conversation of two servers over one channel: a state machine without IO, promises or a clock. docs/protocol.md
 * is its specification; the numbers S1 to S14 in tests are its invariants.
 */
import type { ServerId } from '../core/origin.js';
import { serverIdOfOrigin } from '../core/origin.js';
import { errorCodeOf, errorMessageOf, SyncError } from '../core/sync-error.js';
import { createDatasetSession, type DatasetSession } from './dataset-session.js';
import type { HelloMessage, Message, PairingProof } from './message.js';
import { decodeHello, decodeMessage, encodeMessage, isCloseFrame } from './message-codec.js';
import {
  deadAfterMs,
  helloBytesMax,
  helloTimeoutMs,
  linksMax,
  nameBytesMax,
  pingAfterMs,
  protocolVersionMax,
  protocolVersionMin,
  queuedBytesMax,
  textBytesMax,
  unreadBytesMax,
} from './protocol-limits.js';
import type { SessionEffect, SessionEvent, SessionReport, StepTime, Verdict } from './session-event.js';
import type { SessionStage, SessionStatus } from './session-status.js';
import { cutText } from './text-codec.js';

export interface SessionOptions {
  readonly server: ServerId;
  /** The server whose key the other side has proven: no other id is taken from it. Null where nothing proves a key. */
  readonly provenPeer: ServerId | null;
  readonly name: string;
  /** 32 hex characters, new at each start of the server. */
  readonly bootNonce: string;
  readonly addresses: readonly string[];
  readonly datasets: readonly string[];
  readonly pairing: PairingProof | null;
}

export interface Session {
  /** Takes one event and says what to do, in order. After the `close` effect every event gives nothing. */
  step(time: StepTime, event: SessionEvent): readonly SessionEffect[];
  readonly status: SessionStatus;
  /** What of the status is asked for with each message; the whole of it costs more. */
  readonly peer: HelloMessage | null;
  carries(dataset: string): boolean;
}

interface SessionState {
  time: StepTime;
  stage: SessionStage;
  peer: HelloMessage | null;
  isAccepted: boolean;
  isPeerOpen: boolean;
  peerWaits: string | null;
  /** What the peer was told while it waits; the same is not told twice. */
  waitTold: string | null;
  startedAtMs: number;
  heardAtMs: number;
  pingedAtMs: number;
  pingNonce: number;
  roundTripMs: number | null;
  clockOffsetMs: number | null;
  alarmAtMs: number;
  links: readonly ServerId[];
  peerLinks: ReadonlySet<string>;
  bytesIn: number;
  bytesOut: number;
  /** Bytes handed out in this step, on top of what waits in the channel. */
  bytesInStep: number;
  effects: SessionEffect[];
}

interface SessionParts {
  readonly options: SessionOptions;
  readonly state: SessionState;
  readonly datasetByName: Map<string, DatasetSession>;
  readonly datasetByPeerNumber: Map<number, DatasetSession>;
}

export function createSession(options: SessionOptions): Session {
  const parts: SessionParts = {
    options,
    state: createState(),
    datasetByName: new Map(),
    datasetByPeerNumber: new Map(),
  };
  const { state } = parts;
  return {
    step(time, event) {
      if (state.stage === 'closed') return [];
      state.time = time;
      state.effects = [];
      state.bytesInStep = 0;
      noticeStandstill(state);
      try {
        handle(parts, event);
        settle(parts);
      } catch (error) {
        // Only bytes of the peer can lead here: it is told why, and the channel ends.
        close(parts, errorCodeOf(error), errorMessageOf(error));
      }
      return state.effects;
    },
    get peer() {
      return state.peer;
    },
    carries: (dataset) => parts.datasetByName.has(dataset),
    get status() {
      const { stage, peer, peerWaits, roundTripMs, clockOffsetMs, heardAtMs, bytesIn, bytesOut } = state;
      const datasets = [...parts.datasetByName.values()].map((dataset) => dataset.status);
      return {
        stage,
        peer,
        peerWaits,
        roundTripMs,
        clockOffsetMs,
        lastHeardMs: heardAtMs,
        bytesIn,
        bytesOut,
        datasets,
      };
    },
  };
}

const createState = (): SessionState => ({
  time: { nowMs: 0, wallMs: 0, queuedBytes: 0 },
  stage: 'greeting',
  peer: null,
  isAccepted: false,
  isPeerOpen: false,
  peerWaits: null,
  waitTold: null,
  startedAtMs: 0,
  heardAtMs: 0,
  pingedAtMs: 0,
  pingNonce: 0,
  roundTripMs: null,
  clockOffsetMs: null,
  alarmAtMs: Infinity,
  links: [],
  peerLinks: new Set(),
  bytesIn: 0,
  bytesOut: 0,
  bytesInStep: 0,
  effects: [],
});

function handle(parts: SessionParts, event: SessionEvent): void {
  const { state, datasetByName } = parts;
  switch (event.kind) {
    case 'started':
      start(parts);
      return;
    case 'frame':
      onFrame(parts, event.frame);
      return;
    case 'drained':
    case 'alarm':
      return;
    case 'decided':
      onVerdict(parts, event.verdict);
      return;
    case 'changed':
      datasetByName.get(event.dataset)?.onChanged(event.moved);
      return;
    case 'links':
      state.links = event.servers;
      if (state.stage === 'open') send(parts, { kind: 'links', servers: event.servers });
      return;
    case 'result': {
      const dataset = datasetByName.get(event.dataset);
      // An answer is of its question, whatever happened to the streams meanwhile.
      if (dataset?.round === event.round || event.result.kind === 'answer') dataset?.onResult(event.result);
      return;
    }
    case 'failed': {
      const dataset = datasetByName.get(event.dataset);
      if (dataset?.round === event.round) dataset.onFailed(event);
      return;
    }
    case 'turn':
      datasetByName.get(event.dataset)?.onTurn();
      return;
    case 'resume':
      datasetByName.get(event.dataset)?.onResume();
      return;
    case 'ask':
      ask(parts, event);
      return;
    case 'stop':
      close(parts, event.code, event.reason);
      return;
    case 'closed':
      finish(parts, { code: '', reason: event.reason, isByPeer: true });
  }
}

function start(parts: SessionParts): void {
  const { options, state } = parts;
  state.startedAtMs = state.time.nowMs;
  state.heardAtMs = state.time.nowMs;
  const { server, bootNonce, addresses, datasets, pairing } = options;
  send(parts, {
    kind: 'hello',
    versionMin: protocolVersionMin,
    versionMax: protocolVersionMax,
    server,
    name: cutText(options.name, nameBytesMax),
    bootNonce,
    addresses,
    datasets,
    pairing,
  });
}

function onFrame(parts: SessionParts, frame: Uint8Array): void {
  const { state } = parts;
  state.heardAtMs = state.time.nowMs;
  state.bytesIn += frame.length;
  if (!state.peer) {
    onHello(parts, frame);
    return;
  }
  if (state.time.queuedBytes > unreadBytesMax)
    throw new SyncError('USYNC-1507', 'The other server goes on sending and reads nothing.');
  onMessage(parts, decodeMessage(frame));
}

const isVersionShared = (range: { versionMin: number; versionMax: number }): boolean =>
  range.versionMin <= protocolVersionMax && range.versionMax >= protocolVersionMin;

function onHello(parts: SessionParts, frame: Uint8Array): void {
  const { options, state } = parts;
  if (isCloseFrame(frame)) {
    // A server that turns this one away says so before it greets.
    onMessage(parts, decodeMessage(frame));
    return;
  }
  if (frame.length > helloBytesMax) throw new SyncError('USYNC-1504', 'The hello of the other server is too long.');
  const hello = decodeHello(frame, isVersionShared);
  if (!hello) {
    const text = `The other server speaks no version from ${protocolVersionMin} to ${protocolVersionMax} of the protocol.`;
    throw new SyncError('USYNC-1503', text);
  }
  // Before anything of it is used: what a session ends with is told in the name of its peer.
  if (options.provenPeer !== null && hello.server !== options.provenPeer)
    throw new SyncError('USYNC-1401', 'The id of the server does not belong to its key.');
  if (hello.server === options.server) {
    const isSelf = hello.bootNonce === options.bootNonce;
    const text = isSelf
      ? 'This server reached itself: one of its own addresses is in its list of peers.'
      : `The other server has the identity of this one (${options.server}).`;
    throw new SyncError('USYNC-1404', text);
  }
  state.peer = hello;
  state.stage = 'deciding';
  state.effects.push({ kind: 'decide', hello });
}

function onVerdict(parts: SessionParts, verdict: Verdict): void {
  const { state } = parts;
  if (!state.peer || state.isAccepted) return;
  switch (verdict.kind) {
    case 'refused':
      close(parts, verdict.code, verdict.text);
      return;
    case 'pending':
      state.stage = 'pending';
      tellToWait(parts, verdict);
      return;
    case 'accepted':
      state.isAccepted = true;
      state.stage = 'waiting';
      send(parts, { kind: 'open' });
      openWhenBoth(parts);
  }
}

function tellToWait(parts: SessionParts, verdict: Extract<Verdict, { kind: 'pending' }>): void {
  const { state } = parts;
  const text = cutText(verdict.text, textBytesMax);
  const members = verdict.members.slice(0, linksMax);
  const told = JSON.stringify([text, members]);
  if (told === state.waitTold) return;
  state.waitTold = told;
  send(parts, { kind: 'wait', text, members });
}

function openWhenBoth(parts: SessionParts): void {
  const { options, state, datasetByName, datasetByPeerNumber } = parts;
  const { peer } = state;
  if (!state.isAccepted || !state.isPeerOpen || !peer || state.stage === 'open') return;
  state.stage = 'open';
  state.effects.push({ kind: 'report', report: { kind: 'opened' } });
  if (state.links.length > 0) send(parts, { kind: 'links', servers: state.links });
  for (const [number, name] of options.datasets.entries()) {
    const peerNumber = peer.datasets.indexOf(name);
    if (peerNumber < 0) continue;
    const dataset = createDatasetSession(contextOf(parts, { name, number, peer: peer.server }));
    datasetByName.set(name, dataset);
    datasetByPeerNumber.set(peerNumber, dataset);
  }
  for (const dataset of datasetByName.values()) dataset.open();
}

type Named = { readonly name: string; readonly number: number; readonly peer: ServerId };

function contextOf(parts: SessionParts, { name, number, peer }: Named): Parameters<typeof createDatasetSession>[0] {
  const { state, options } = parts;
  return {
    dataset: name,
    number,
    self: options.server,
    peer,
    time: () => state.time,
    send: (message) => send(parts, message),
    room: () => queuedBytesMax - state.time.queuedBytes - state.bytesInStep,
    callInRound: (round, call) => state.effects.push({ kind: 'call', dataset: name, round, call }),
    report: (report: SessionReport) => state.effects.push({ kind: 'report', report }),
    wantTurn: () => state.effects.push({ kind: 'turn-want', dataset: name }),
    endTurn: () => state.effects.push({ kind: 'turn-end', dataset: name }),
    wakeAt: (atMs) => (state.alarmAtMs = Math.min(state.alarmAtMs, atMs)),
    isPeerLinkedWith: (origin) => state.peerLinks.has(serverIdOfOrigin(origin)),
  };
}

function onMessage(parts: SessionParts, message: Message): void {
  const { state, datasetByPeerNumber } = parts;
  switch (message.kind) {
    case 'close':
      finish(parts, { code: message.code, reason: message.text, isByPeer: true });
      return;
    case 'open':
      state.isPeerOpen = true;
      state.peerWaits = null;
      openWhenBoth(parts);
      return;
    case 'wait':
      state.peerWaits = message.text;
      state.effects.push({ kind: 'report', report: { ...message, kind: 'peer-waits' } });
      return;
    case 'ping':
      send(parts, { kind: 'pong', nonce: message.nonce, wallMs: state.time.wallMs });
      return;
    case 'pong':
      onPong(state, message);
      return;
    default:
  }
  // Each side says `open` before anything else, so what comes before both have is of nobody who was let in.
  if (state.stage !== 'open')
    throw new SyncError('USYNC-1504', `A ${message.kind} message came before it was allowed.`);
  if (message.kind === 'links') state.peerLinks = new Set(message.servers);
  else if (message.kind === 'answer') {
    const { id, answer } = message;
    state.effects.push({ kind: 'report', report: { kind: 'answered', id, answer } });
  } else if ('dataset' in message) datasetByPeerNumber.get(message.dataset)?.onMessage(message);
}

function onPong(state: SessionState, { nonce, wallMs }: { readonly nonce: number; readonly wallMs: number }): void {
  if (nonce !== state.pingNonce) return;
  state.roundTripMs = state.time.nowMs - state.pingedAtMs;
  state.clockOffsetMs = Math.round(wallMs + state.roundTripMs / 2 - state.time.wallMs);
}

/** This process itself stood still (suspended, stopped): the peer's frames may be waiting to be read. */
function noticeStandstill(state: SessionState): void {
  const { nowMs } = state.time;
  if (nowMs - state.alarmAtMs > pingAfterMs) state.heardAtMs = nowMs;
}

function ask(parts: SessionParts, { dataset, id, question }: Extract<SessionEvent, { kind: 'ask' }>): void {
  const number = parts.options.datasets.indexOf(dataset);
  if (parts.datasetByName.has(dataset)) {
    send(parts, { kind: 'ask', dataset: number, id, question });
    return;
  }
  const text = `the peer does not carry ${dataset}, or has not opened it yet`;
  const answer = { kind: 'failed', code: 'USYNC-1407', text } as const;
  parts.state.effects.push({ kind: 'report', report: { kind: 'answered', id, answer } });
}

/** After every event: work that has become possible, keep-alive, and the next alarm. */
function settle(parts: SessionParts): void {
  const { state } = parts;
  if (isClosed(state)) return;
  state.alarmAtMs = Infinity;
  for (const dataset of parts.datasetByName.values()) dataset.pump();
  keepAlive(parts);
  if (!isClosed(state)) state.effects.push({ kind: 'alarm', atMs: state.alarmAtMs });
}

// Told apart in a function because the compiler does not see that handling an event may close the session.
const isClosed = (state: SessionState): boolean => state.stage === 'closed';

function keepAlive(parts: SessionParts): void {
  const { state } = parts;
  const { nowMs } = state.time;
  if (!state.peer) {
    const helloUntilMs = state.startedAtMs + helloTimeoutMs;
    if (nowMs >= helloUntilMs) close(parts, 'USYNC-1502', 'The other side did not greet in time.');
    state.alarmAtMs = Math.min(state.alarmAtMs, helloUntilMs);
    return;
  }
  if (nowMs - state.heardAtMs >= deadAfterMs) {
    close(parts, 'USYNC-1505', `Nothing was heard from the other server for ${deadAfterMs / 1000} seconds.`);
    return;
  }
  // Each side pings by its own count, so that both learn whether their frames arrive.
  const pingAtMs = Math.max(state.pingedAtMs, state.startedAtMs) + pingAfterMs;
  if (nowMs >= pingAtMs) {
    state.pingedAtMs = nowMs;
    state.pingNonce++;
    send(parts, { kind: 'ping', nonce: state.pingNonce });
  }
  const nextPingMs = Math.max(state.pingedAtMs, state.startedAtMs) + pingAfterMs;
  state.alarmAtMs = Math.min(state.alarmAtMs, nextPingMs, state.heardAtMs + deadAfterMs);
}

function send({ state }: SessionParts, message: Message): void {
  const frame = encodeMessage(message);
  state.bytesOut += frame.length;
  state.bytesInStep += frame.length;
  state.effects.push({ kind: 'send', frame });
}

/** Tells the peer why, then ends. */
function close(parts: SessionParts, code: string, reason: string): void {
  if (isClosed(parts.state)) return;
  send(parts, { kind: 'close', code: cutText(code, nameBytesMax), text: cutText(reason, textBytesMax) });
  finish(parts, { code, reason, isByPeer: false });
}

function finish({ state }: SessionParts, end: { code: string; reason: string; isByPeer: boolean }): void {
  if (isClosed(state)) return;
  state.stage = 'closed';
  state.effects.push({ kind: 'close', ...end });
}
