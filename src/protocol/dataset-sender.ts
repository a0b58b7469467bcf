import type { ChangesetPart } from '../core/changeset.js';
import type { OriginId } from '../core/origin.js';
import { serverIdOfOrigin } from '../core/origin.js';
import type { Stamp } from '../core/stamp.js';
import { stampIn } from '../core/version-vector.js';
import { costOf, hasPeer, pieceOverheadBytes, type DatasetContext, type DatasetView } from './dataset-context.js';
import type { PartPiece } from './message.js';
import { pieceBytesMax, readBytesMax, relayHoldMs } from './protocol-limits.js';
import type { CallResult, SessionNews } from './session-event.js';
import { createSnapshotSender } from './snapshot-sender.js';

/** Streams the journal to the peer, or a snapshot when it asked for one; never more than the credit it holds. */
export interface DatasetSender {
  /** Does what can be done now. Call after anything changed. */
  pump(): void;
  onCredit(bytes: number): void;
  /** The peer announced what it holds. */
  onHave(): void;
  onAgain(stream: number): void;
  onSnapshotWant(stream: number): void;
  /** What a read would give now, for who has read so far; else it is read as usual. */
  onNews(news: SessionNews): void;
  /** The own replica moved. */
  onMoved(): void;
  onResult(result: CallResult): void;
  /** The own replica went back or changed its origin: the journal is read from its beginning. */
  onRewound(): void;
  /** Forget what was read and what runs; the calls of before are void. */
  reset(): void;
  readonly status: SenderStatus;
}

export interface SenderStatus {
  readonly bytes: number;
  readonly changesets: number;
  readonly snapshot: { readonly rows: number; readonly bytes: number } | null;
}

interface QueuedPart extends ChangesetPart {
  /** Bytes that have gone out already. */
  sent: number;
  readonly notBeforeMs: number;
}

interface SenderState {
  stream: number;
  credit: number;
  cursor: number;
  queue: QueuedPart[];
  queueBytes: number;
  isReading: boolean;
  /** Reads under way that were asked for before a restart: their results are of another cursor. */
  staleReads: number;
  /** The last read found nothing more, and nothing moved since. */
  isAtEnd: boolean;
  hasMoved: boolean;
  isPeerBehind: boolean;
  /** Streamed in this stream; until the peer announces it, "needs a snapshot" is not believed. */
  streamed: Map<OriginId, Stamp>;
  bytes: number;
  changesets: number;
}

export function createDatasetSender(context: DatasetContext): DatasetSender {
  const { view } = context;
  const state = createSenderState();
  const take = (bytes: number): void => {
    state.credit -= costOf(bytes);
    state.bytes += bytes;
  };
  const snapshot = createSnapshotSender(context, { credit: () => state.credit, take });

  const pump = (): void => {
    if (!isReady(view)) return;
    if (snapshot.isActive) {
      snapshot.pump();
      return;
    }
    if (view.peer?.isFresh) return;
    sendQueue(context, state, take);
    readMore(context, state);
  };

  return {
    pump,
    onCredit(bytes) {
      state.credit += bytes;
    },
    onHave() {
      if (!state.isPeerBehind) return;
      state.isPeerBehind = false;
      state.isAtEnd = false;
    },
    onAgain(stream) {
      state.stream = stream;
      snapshot.stop();
      restart(state);
    },
    onSnapshotWant(stream) {
      state.stream = stream;
      snapshot.stop();
      restart(state);
      if (isReady(view)) snapshot.start(stream);
      else snapshot.refuse(stream);
    },
    onNews(news) {
      if (takeNews(context, state, news)) pump();
    },
    onMoved() {
      state.isAtEnd = false;
      state.hasMoved = true;
    },
    onRewound() {
      // A part of which pieces are out is finished, or the receiver could not put it together.
      const begun = state.queue.slice(0, 1).filter((part) => part.sent > 0);
      restart(state);
      state.queue = begun;
      for (const part of begun) state.queueBytes += part.bytes.length;
    },
    onResult(result) {
      if (result.kind === 'read') onRead(context, state, result);
      else snapshot.onResult(result);
    },
    reset() {
      state.isReading = false;
      snapshot.forget();
      restart(state);
      state.staleReads = 0;
    },
    get status() {
      const { bytes, changesets } = state;
      return { bytes, changesets, snapshot: snapshot.progress };
    },
  };
}

const createSenderState = (): SenderState => ({
  stream: 0,
  credit: 0,
  cursor: 0,
  queue: [],
  queueBytes: 0,
  isReading: false,
  staleReads: 0,
  isAtEnd: false,
  hasMoved: false,
  isPeerBehind: false,
  streamed: new Map(),
  bytes: 0,
  changesets: 0,
});

function restart(state: SenderState): void {
  if (state.isReading) state.staleReads++;
  state.isReading = false;
  state.cursor = 0;
  state.queue = [];
  state.queueBytes = 0;
  state.isAtEnd = false;
  state.hasMoved = false;
  state.isPeerBehind = false;
  state.streamed.clear();
}

const isReady = ({ own, peer, peerPaused }: DatasetView): boolean =>
  own !== null && !own.isFresh && !own.isLanding && peer !== null && peerPaused === null;

/** Whether the news are what a read would give now. */
function takeNews(context: DatasetContext, state: SenderState, news: SessionNews): boolean {
  const { view } = context;
  const mayRead = isReady(view) && !view.peer?.isFresh && !state.isReading && !state.isPeerBehind && hasRoom(state);
  if (!mayRead || state.cursor !== news.after) return false;
  onRead(context, state, { kind: 'read', ...news, needsSnapshot: false, forks: [] });
  return true;
}

function readMore(context: DatasetContext, state: SenderState): void {
  const { peer } = context.view;
  if (state.isReading || state.isAtEnd || state.isPeerBehind || !peer) return;
  if (!mayLack(context.view, state.streamed)) return;
  if (!hasRoom(state)) return;
  state.isReading = true;
  state.hasMoved = false;
  context.call({ kind: 'read', vector: peer.vector, after: state.cursor, bytesMax: readBytesMax });
}

/** Nothing is taken from the journal that would only wait here. */
const hasRoom = ({ queueBytes, credit }: SenderState): boolean =>
  queueBytes <= readBytesMax / 2 && credit > pieceOverheadBytes;

/** Whether this replica holds something that the peer neither announced nor was sent: else reading is in vain. */
function mayLack({ own, peer }: DatasetView, streamed: ReadonlyMap<OriginId, Stamp>): boolean {
  if (!own || !peer) return false;
  for (const [origin, { stamp, chain }] of own.vector) {
    const there = peer.vector.get(origin);
    // Another history of the same origin: the read says where the two part.
    if (there?.stamp === stamp && there.chain !== chain) return true;
    if (Math.max(there?.stamp ?? 0, streamed.get(origin) ?? 0) < stamp) return true;
  }
  return false;
}

function onRead(context: DatasetContext, state: SenderState, read: Extract<CallResult, { kind: 'read' }>): void {
  if (state.staleReads > 0) {
    state.staleReads--;
    return;
  }
  state.isReading = false;
  for (const fork of read.forks) context.foundFork(fork.origin);
  if (read.needsSnapshot) {
    onBehind(context, state);
    return;
  }
  const isTail = read.parts.reduce((bytes, part) => bytes + part.bytes.length, 0) < readBytesMax / 2;
  for (const part of read.parts) {
    if (hasPeer(context.view, part.origin, part.stamp)) continue;
    const isHeld = isTail && serverIdOfOrigin(part.origin) !== context.self && context.isPeerLinkedWith(part.origin);
    state.queue.push({ ...part, sent: 0, notBeforeMs: isHeld ? context.time().nowMs + relayHoldMs : 0 });
    state.queueBytes += part.bytes.length;
  }
  state.cursor = read.next;
  if (read.parts.length === 0 && !state.hasMoved) state.isAtEnd = true;
}

/** The journal does not reach back far enough. Judged by what the peer has announced, so what is on its way counts first. */
function onBehind(context: DatasetContext, state: SenderState): void {
  const { peer } = context.view;
  state.isPeerBehind = true;
  if (!peer || state.queue.length > 0) return;
  for (const [origin, stamp] of state.streamed) if (stampIn(peer.vector, origin) < stamp) return;
  context.send({ kind: 'behind', dataset: context.number });
}

function sendQueue(context: DatasetContext, state: SenderState, take: (bytes: number) => void): void {
  let pieces: PartPiece[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (pieces.length > 0) context.send({ kind: 'parts', dataset: context.number, stream: state.stream, pieces });
    pieces = [];
    bytes = 0;
  };
  let done = 0;
  for (const part of state.queue) {
    if (part.sent === 0 && hasPeer(context.view, part.origin, part.stamp)) {
      state.queueBytes -= part.bytes.length;
      done++;
      continue;
    }
    if (part.notBeforeMs > context.time().nowMs) {
      context.wakeAt(part.notBeforeMs);
      break;
    }
    while (part.sent < part.bytes.length || part.bytes.length === 0) {
      const piece = nextPiece(part, Math.min(state.credit, context.room() - bytes), pieceBytesMax - bytes);
      if (!piece) break;
      pieces.push(piece);
      bytes += piece.bytes.length + pieceOverheadBytes;
      part.sent += piece.bytes.length;
      take(piece.bytes.length);
      if (bytes >= pieceBytesMax - minimumPieceBytes) flush();
      if (part.bytes.length === 0) break;
    }
    if (part.sent < part.bytes.length) break;
    state.queueBytes -= part.bytes.length;
    done++;
    if (part.isLast) {
      state.changesets++;
      state.streamed.set(part.origin, part.stamp);
    }
  }
  flush();
  if (done > 0) state.queue.splice(0, done);
}

/** Pieces are not cut smaller than this: for less, more credit is awaited. */
const minimumPieceBytes = 4096;

function nextPiece(part: QueuedPart, allowedBytes: number, frameBytes: number): PartPiece | null {
  const left = part.bytes.length - part.sent;
  const size = Math.min(left, allowedBytes - pieceOverheadBytes, Math.max(frameBytes, minimumPieceBytes));
  if (size < Math.min(left, minimumPieceBytes)) return null;
  const bytes = part.bytes.subarray(part.sent, part.sent + size);
  const { origin, stamp, isLast } = part;
  return { origin, stamp, part: part.part, isLast, rest: left - size, bytes };
}
