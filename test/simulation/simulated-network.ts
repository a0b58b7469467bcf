/**
 * Channels between virtual servers: frames arrive whole and in order, after a delay, or the channel ends. A direction
 * may be cut while the channel stays open (a half-open connection); healing delivers late what was sent, as TCP does.
 */
import type { Channel, ChannelListener } from '../../src/transports/transport.js';
import type { Random } from './random.js';
import type { VirtualTime } from './virtual-time.js';

export interface NetworkOptions {
  readonly latencyMsMin: number;
  readonly latencyMsMax: number;
  /** How long until the other side notices that a channel was broken. */
  readonly noticeMsMax: number;
}

type FrameListener = (from: number, to: number, frame: Uint8Array) => void;

export interface SimulatedNetwork {
  /** A new channel from `from` to `to`, seen from both; null when frames cannot pass both ways just now. */
  connect(from: number, to: number): readonly [Channel, Channel] | null;
  cut(from: number, to: number): void;
  heal(from: number, to: number): void;
  healAll(): void;
  /** For ever: `server` wants nothing more of `peer`. Its own side of every channel ends at once. */
  wall(server: number, peer: number): void;
  /** Ends every channel between the two; each side notices in its own time. */
  breakChannels(a: number, b: number): void;
  /** Ends every channel of a server; its own side hears nothing (the process is gone). */
  dropServer(server: number): void;
  isOpen(from: number, to: number): boolean;
  onFrame(listener: FrameListener): void;
  readonly frameCount: () => number;
}

interface Side {
  readonly server: number;
  readonly peer: number;
  listener: ChannelListener | null;
  readonly inbox: Uint8Array[];
  closeReason: string | null;
  isGone: boolean;
  queuedBytes: number;
  /** Frames stalled by a cut, in order. */
  readonly stalled: Uint8Array[];
  lastArrivalMs: number;
}

type Pair = readonly [Side, Side];

interface NetworkState {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly options: NetworkOptions;
  readonly cuts: Set<string>;
  readonly walls: Set<string>;
  readonly pairs: Set<Pair>;
  observe: FrameListener;
  frames: number;
}

export function createNetwork(time: VirtualTime, random: Random, options: NetworkOptions): SimulatedNetwork {
  const observe = ignoreFrame;
  const state: NetworkState = {
    time,
    random,
    options,
    cuts: new Set(),
    walls: new Set(),
    pairs: new Set(),
    observe,
    frames: 0,
  };
  const { cuts, pairs } = state;
  return {
    isOpen: (from, to) => isOpen(state, from, to),
    frameCount: () => state.frames,
    onFrame: (listener) => {
      state.observe = listener;
    },
    connect: (from, to) => {
      if (!isOpen(state, from, to) || !isOpen(state, to, from)) return null;
      const pair: Pair = [createSide(from, to), createSide(to, from)];
      pairs.add(pair);
      return [createChannel(state, pair, 0), createChannel(state, pair, 1)];
    },
    cut: (from, to) => void cuts.add(`${from}>${to}`),
    heal: (from, to) => {
      cuts.delete(`${from}>${to}`);
      for (const pair of pairs) release(state, pair);
    },
    healAll: () => {
      cuts.clear();
      for (const pair of pairs) release(state, pair);
    },
    wall: (server, peer) => {
      state.walls.add(`${server}>${peer}`).add(`${peer}>${server}`);
      for (const pair of pairs) {
        const own = pair.find((side) => side.server === server && side.peer === peer);
        if (!own) continue;
        breakPair(state, pair);
        end(own, 'the peer was removed');
      }
    },
    breakChannels: (a, b) => {
      for (const pair of pairs) if (pair.some((side) => side.server === a && side.peer === b)) breakPair(state, pair);
    },
    dropServer: (server) => {
      for (const pair of pairs) {
        const own = pair.find((side) => side.server === server);
        if (!own) continue;
        own.isGone = true;
        breakPair(state, pair);
      }
    },
  };
}

const ignoreFrame: FrameListener = () => undefined;

const isOpen = ({ cuts, walls }: NetworkState, from: number, to: number): boolean =>
  !cuts.has(`${from}>${to}`) && !walls.has(`${from}>${to}`);

const delayMs = ({ random, options }: NetworkState): number =>
  random.between(options.latencyMsMin, options.latencyMsMax);

const createSide = (server: number, peer: number): Side => ({
  server,
  peer,
  listener: null,
  inbox: [],
  closeReason: null,
  isGone: false,
  queuedBytes: 0,
  stalled: [],
  lastArrivalMs: 0,
});

function createChannel(state: NetworkState, pair: Pair, at: 0 | 1): Channel {
  const { time, options } = state;
  const own = pair[at];
  const other = pair[at === 0 ? 1 : 0];
  return {
    // No key is proven: ids are those of the simulation, and clones share one.
    peerFingerprint: '',
    remoteAddress: `server-${own.peer}`,
    get queuedBytes() {
      return own.queuedBytes;
    },
    send: (frame) => {
      if (own.closeReason !== null || own.isGone) return;
      // The sender may use its buffer again.
      const copy = frame.slice();
      own.queuedBytes += copy.length;
      // What stalled on a channel that was broken meanwhile never arrives, so nothing that is sent after it does.
      const isFree = own.stalled.length === 0 && isOpen(state, own.server, own.peer);
      if (isFree) deliver(state, { from: own, to: other, frame: copy });
      else own.stalled.push(copy);
    },
    listen: (listener) => {
      own.listener = listener;
      for (const frame of own.inbox.splice(0)) listener.onFrame(frame);
      if (own.closeReason !== null) listener.onClose(own.closeReason);
    },
    close: (reason) => {
      end(own, reason);
      state.pairs.delete(pair);
      // What was sent before still arrives and the end comes after it; over a cut, the other side notices by itself.
      if (isOpen(state, own.server, own.peer))
        time.at(Math.max(other.lastArrivalMs, time.nowMs() + delayMs(state)), () => end(other, reason));
      else time.after(delayMs(state) + options.noticeMsMax, () => end(other, 'timed out'));
    },
  };
}

function deliver(state: NetworkState, { from, to, frame }: { from: Side; to: Side; frame: Uint8Array }): void {
  // In order: never before what was sent earlier in this direction.
  to.lastArrivalMs = Math.max(to.lastArrivalMs, state.time.nowMs() + delayMs(state));
  state.time.at(to.lastArrivalMs, () => {
    from.queuedBytes -= frame.length;
    if (from.queuedBytes === 0 && from.closeReason === null && !from.isGone) from.listener?.onDrain();
    if (to.closeReason !== null || to.isGone) return;
    state.frames++;
    state.observe(from.server, to.server, frame);
    if (to.listener) to.listener.onFrame(frame);
    else to.inbox.push(frame);
  });
}

function end(side: Side, reason: string): void {
  if (side.closeReason !== null || side.isGone) return;
  side.closeReason = reason;
  side.listener?.onClose(reason);
}

function breakPair(state: NetworkState, pair: Pair): void {
  state.pairs.delete(pair);
  for (const side of pair) {
    state.time.after(state.random.between(0, state.options.noticeMsMax), () => end(side, 'connection reset'));
  }
}

function release(state: NetworkState, [a, b]: Pair): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    if (!isOpen(state, from.server, from.peer)) continue;
    for (const frame of from.stalled.splice(0)) deliver(state, { from, to, frame });
  }
}
