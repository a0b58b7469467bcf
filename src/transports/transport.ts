/** The contract of a transport: authenticated channels that carry whole frames in order, or end. */

export interface Channel {
  /** SHA-256 of the other side's public key (lower-case hex); proven by the handshake. */
  readonly peerFingerprint: string;
  /** Where the other side is, for people. */
  readonly remoteAddress: string;
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
  isTrusted(fingerprint: string): boolean;
  onChannel(channel: Channel): void;
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
