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

export interface SimulatedNetwork {
  /** A new channel from `from` to `to`; null when no frame can pass both ways just now. */
  connect(from: number, to: number): readonly [Channel, Channel] | null;
  cut(from: number, to: number): void;
  heal(from: number, to: number): void;
  healAll(): void;
  /** Ends every channel between the two; each side notices in its own time. */
  breakChannels(a: number, b: number): void;
  /** Ends every channel of a server; its own side hears nothing (the process is gone). */
  dropServer(server: number): void;
  readonly isOpen: (from: number, to: number) => boolean;
  readonly frameCount: () => number;
  readonly byteCount: () => number;
  readonly onFrame: (listener: (from: number, to: number, frame: Uint8Array) => void) => void;
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
  stalled: Uint8Array[];
  lastArrivalMs: number;
}

export function createNetwork(time: VirtualTime, random: Random, options: NetworkOptions): SimulatedNetwork {
  const cuts = new Set<string>();
  const pairs = new Set<readonly [Side, Side]>();
  let frames = 0;
  let bytes = 0;
  let observe: (from: number, to: number, frame: Uint8Array) => void = () => undefined;
  const isOpen = (from: number, to: number): boolean => !cuts.has(`${from}>${to}`);
  const delay = (): number => random.between(options.latencyMsMin, options.latencyMsMax);

  const deliver = (from: Side, to: Side, frame: Uint8Array): void => {
    // In order: never before what was sent earlier on this direction.
    to.lastArrivalMs = Math.max(to.lastArrivalMs, time.nowMs() + delay());
    time.at(to.lastArrivalMs, () => {
      from.queuedBytes -= frame.length;
      if (from.queuedBytes === 0 && from.closeReason === null && !from.isGone) from.listener?.onDrain();
      if (to.closeReason !== null || to.isGone) return;
      frames++;
      bytes += frame.length;
      observe(from.server, to.server, frame);
      if (to.listener) to.listener.onFrame(frame);
      else to.inbox.push(frame);
    });
  };

  const end = (side: Side, reason: string): void => {
    if (side.closeReason !== null || side.isGone) return;
    side.closeReason = reason;
    side.listener?.onClose(reason);
  };

  const channelOf = (own: Side, other: Side, pair: readonly [Side, Side]): Channel => ({
    peerFingerprint: fingerprintOf(own.peer),
    remoteAddress: `server-${own.peer}`,
    get queuedBytes() {
      return own.queuedBytes;
    },
    send: (frame) => {
      if (own.closeReason !== null || own.isGone) return;
      // The sender may re-use its buffer.
      const copy = frame.slice();
      own.queuedBytes += copy.length;
      if (isOpen(own.server, own.peer)) deliver(own, other, copy);
      else own.stalled.push(copy);
    },
    listen: (listener) => {
      own.listener = listener;
      for (const frame of own.inbox.splice(0)) listener.onFrame(frame);
      if (own.closeReason !== null) listener.onClose(own.closeReason);
    },
    close: (reason) => {
      end(own, reason);
      pairs.delete(pair);
      // What was sent before still arrives; the end comes after it, or never while the direction is cut.
      if (isOpen(own.server, own.peer))
        time.at(Math.max(other.lastArrivalMs, time.nowMs() + delay()), () => end(other, reason));
      else time.after(delay() + options.noticeMsMax, () => end(other, 'timed out'));
    },
  });

  const breakPair = (pair: readonly [Side, Side]): void => {
    pairs.delete(pair);
    for (const side of pair) time.after(random.between(0, options.noticeMsMax), () => end(side, 'connection reset'));
  };

  return {
    isOpen,
    frameCount: () => frames,
    byteCount: () => bytes,
    onFrame: (listener) => {
      observe = listener;
    },
    connect: (from, to) => {
      if (!isOpen(from, to) || !isOpen(to, from)) return null;
      const a = createSide(from, to);
      const b = createSide(to, from);
      const pair = [a, b] as const;
      pairs.add(pair);
      return [channelOf(a, b, pair), channelOf(b, a, pair)];
    },
    cut: (from, to) => void cuts.add(`${from}>${to}`),
    heal: (from, to) => {
      cuts.delete(`${from}>${to}`);
      for (const [a, b] of pairs) release(a, b);
    },
    healAll: () => {
      cuts.clear();
      for (const [a, b] of pairs) release(a, b);
    },
    breakChannels: (a, b) => {
      for (const pair of pairs) if (pair.some((side) => side.server === a && side.peer === b)) breakPair(pair);
    },
    dropServer: (server) => {
      for (const pair of pairs) {
        const own = pair.find((side) => side.server === server);
        if (!own) continue;
        own.isGone = true;
        breakPair(pair);
      }
    },
  };

  function release(a: Side, b: Side): void {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const)
      if (isOpen(from.server, from.peer)) for (const frame of from.stalled.splice(0)) deliver(from, to, frame);
  }
}

export const fingerprintOf = (server: number): string => server.toString(16).padStart(2, '0').repeat(32);

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
