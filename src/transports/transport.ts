/** The contract of a transport: authenticated channels that carry whole frames in order, or end. */

import type { ErrorCode } from '../core/error-catalogue.js';

export interface Channel {
  /** SHA-256 of the other side's public key (lower-case hex); proven by the handshake. */
  readonly peerFingerprint: string;
  /** Where the other side is, for people. */
  readonly remoteAddress: string;
  /** 64 hex characters that only the two ends of this very channel know; pairing proofs are bound to it. Absent in tests. */
  readonly binding?: string;
  /** Lifts the limits under which an unknown key is let in to pair (`isTrusted` answered 'pairing'). */
  admit?(): void;
  /** Queues one frame. Never blocks; callers bound what they queue by `queuedBytes`. */
  send(frame: Uint8Array): void;
  readonly queuedBytes: number;
  /** Exactly one listener; set before the first frame is delivered. */
  listen(listener: ChannelListener): void;
  /** Ends the channel; frames already queued are sent if the other side still reads. */
  close(reason: string): void;
}

export interface ChannelListener {
  onFrame(frame: Uint8Array): void;
  /** The queue went below its low mark. */
  onDrain(): void;
  onClose(reason: string): void;
}

export interface Transport {
  /** Accepts channels. `isTrusted` decides by fingerprint before a single frame is read. */
  listen(options: ListenOptions): Promise<Listening>;
  /** Opens a channel to an address and pins the other side's key. */
  dial(options: DialOptions): Promise<Channel>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** 'pairing': an unknown key may show an invite, under tight limits until `Channel.admit`. */
  isTrusted(fingerprint: string): boolean | 'pairing';
  /** Told of each connection that was refused before it became a channel. */
  onRefused?(refusal: Refusal): void;
  onChannel(channel: Channel): void;
}

export interface Refusal {
  readonly remoteAddress: string;
  readonly code: ErrorCode;
  readonly reason: string;
}

export interface Listening {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly fingerprint: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}
