/**
 * Two channels that are the ends of one link inside this process, with delay, cuts and losses decided by whoever made
 * it. The simulation runs on it; everything is driven by `System`, so it is as deterministic as that is.
 */
import type { System } from '../../system/system.js';
import type { Channel, ChannelListener } from '../transport.js';

export interface MemoryLink {
  readonly channels: readonly [Channel, Channel];
  /** Ends the link at both sides, as a reset does; frames under way are lost. */
  cut(reason: string): void;
  /** From now on frames from this end (0 or 1) vanish without anybody noticing: a half-open or one-way link. */
  silence(end: 0 | 1): void;
}

export interface MemoryLinkOptions {
  readonly system: System;
  /** Asked for each frame; 0 when absent. Frames never overtake each other. */
  readonly delayMs?: () => number;
  /** Bytes per second in each direction; unlimited when absent. */
  readonly bytesPerSecond?: number;
  readonly fingerprints?: readonly [string, string];
  readonly addresses?: readonly [string, string];
}

const queueLowBytes = 256 * 1024;

interface End {
  listener: ChannelListener | null;
  /** Frames that arrived before anybody listened. */
  early: Uint8Array[];
  isClosed: boolean;
  isSilent: boolean;
  queuedBytes: number;
  wasHigh: boolean;
  arrivesAtMs: number;
  /** On their way, in order: timers of nearly one time may ring in another order. */
  readonly underWay: Uint8Array[];
}

export function createMemoryLink(options: MemoryLinkOptions): MemoryLink {
  const { system } = options;
  const ends: readonly [End, End] = [createEnd(), createEnd()];
  const closeEnd = (end: End, reason: string): void => {
    if (end.isClosed) return;
    end.isClosed = true;
    end.listener?.onClose(reason);
  };
  const cut = (reason: string): void => {
    for (const end of ends) system.after(0, () => closeEnd(end, reason));
  };
  const channelOf = (at: 0 | 1): Channel => {
    const own = ends[at];
    const other = ends[at === 0 ? 1 : 0];
    return {
      peerFingerprint: options.fingerprints?.[at === 0 ? 1 : 0] ?? '',
      remoteAddress: options.addresses?.[at === 0 ? 1 : 0] ?? `memory:${at === 0 ? 1 : 0}`,
      get queuedBytes() {
        return own.queuedBytes;
      },
      send(frame) {
        if (own.isClosed) return;
        // The receiver gets bytes of its own, as from a socket.
        deliverLater({ options, own, other, frame: frame.slice() });
      },
      listen(listener) {
        own.listener = listener;
        for (const frame of own.early.splice(0)) system.after(0, () => own.isClosed || listener.onFrame(frame));
        if (own.isClosed) system.after(0, () => listener.onClose('the link was cut'));
      },
      close(reason) {
        if (own.isClosed) return;
        own.isClosed = true;
        // What was queued is delivered first; then the other side learns of the end.
        const delayMs = Math.max(0, own.arrivesAtMs - system.monotonicMs());
        if (!own.isSilent) system.after(delayMs, () => closeEnd(other, reason));
        system.after(0, () => own.listener?.onClose(reason));
      },
    };
  };
  return {
    channels: [channelOf(0), channelOf(1)],
    cut,
    silence: (at) => {
      ends[at].isSilent = true;
    },
  };
}

const createEnd = (): End => ({
  listener: null,
  early: [],
  isClosed: false,
  isSilent: false,
  queuedBytes: 0,
  wasHigh: false,
  arrivesAtMs: 0,
  underWay: [],
});

interface Delivery {
  readonly options: MemoryLinkOptions;
  readonly own: End;
  readonly other: End;
  readonly frame: Uint8Array;
}

function deliverLater({ options, own, other, frame }: Delivery): void {
  const { system, delayMs, bytesPerSecond } = options;
  const nowMs = system.monotonicMs();
  const transferMs = bytesPerSecond ? (frame.length / bytesPerSecond) * 1000 : 0;
  own.queuedBytes += frame.length;
  own.wasHigh ||= own.queuedBytes >= queueLowBytes;
  own.arrivesAtMs = Math.max(own.arrivesAtMs, nowMs + (delayMs?.() ?? 0)) + transferMs;
  own.underWay.push(frame);
  system.after(own.arrivesAtMs - nowMs, () => {
    const first = own.underWay.shift();
    if (!first) return;
    own.queuedBytes -= first.length;
    if (!own.isSilent && !other.isClosed) {
      if (other.listener) other.listener.onFrame(first);
      else other.early.push(first);
    }
    if (own.wasHigh && own.queuedBytes < queueLowBytes && !own.isClosed) {
      own.wasHigh = false;
      own.listener?.onDrain();
    }
  });
}
