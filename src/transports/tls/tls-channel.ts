import type { TLSSocket } from 'node:tls';
import { frameBytesMax, helloBytesMax, queuedBytesLow } from '../../protocol/protocol-limits.js';
import type { System } from '../../system/system.js';
import type { Channel, ChannelListener } from '../transport.js';
import { createFrameReader, frameHeaderBytes } from './frame-reader.js';

export interface TlsChannelOptions {
  readonly socket: TLSSocket;
  readonly system: System;
  readonly peerFingerprint: string;
  /** Let in only to show an invite: small frames and few bytes until `admit`. */
  readonly isStranger: boolean;
  readonly onAdmitted?: () => void;
}

/** What a stranger may send in all. */
const strangerBytesMax = 60 * 1024;
/** How long a closed channel may take to send what is queued. */
const lingerMs = 3_000;
const bindingLabel = 'EXPORTER-usync-channel-binding';

interface ChannelState {
  readonly socket: TLSSocket;
  listener: ChannelListener | null;
  /** Frames that came before anybody listened. */
  early: Uint8Array[];
  isLimited: boolean;
  receivedBytes: number;
  endReason: string | null;
  /** The queue has been above the low mark since it was told to be below. */
  wasHigh: boolean;
  /** Frames of this moment are held back until all of it is done. */
  isGathering: boolean;
}

export function createTlsChannel(options: TlsChannelOptions): Channel {
  const { socket, system, peerFingerprint, isStranger } = options;
  const state: ChannelState = {
    socket,
    listener: null,
    early: [],
    isLimited: isStranger,
    receivedBytes: 0,
    endReason: null,
    wasHigh: false,
    isGathering: false,
  };
  receive(state);
  return {
    peerFingerprint,
    remoteAddress: `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`,
    binding: socket.exportKeyingMaterial(32, bindingLabel, Buffer.alloc(0)).toString('hex'),
    admit() {
      state.isLimited = false;
      options.onAdmitted?.();
    },
    send(frame) {
      if (state.endReason === null && socket.writable) write(state, frame);
    },
    get queuedBytes() {
      return socket.writableLength;
    },
    listen(listener) {
      state.listener = listener;
      const wasEnded = state.endReason;
      // What came before the end is still worth reading: it may say why.
      for (const frame of state.early.splice(0)) listener.onFrame(frame);
      if (wasEnded !== null) listener.onClose(wasEnded);
    },
    close(reason) {
      if (state.endReason !== null) return;
      end(state, reason);
      const cancel = system.after(lingerMs, () => socket.destroy());
      socket.once('close', cancel);
      socket.end();
    },
  };
}

function receive(state: ChannelState): void {
  const { socket } = state;
  const reader = createFrameReader({
    frameBytesMax: () => (state.isLimited ? helloBytesMax : frameBytesMax),
    onFrame(frame) {
      if (state.listener) state.listener.onFrame(frame);
      else state.early.push(frame);
      return state.endReason === null;
    },
  });
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    if (state.endReason !== null) return;
    state.receivedBytes += chunk.length;
    if (state.isLimited && state.receivedBytes > strangerBytesMax) {
      destroy(state, 'a server that is not admitted sent too much');
      return;
    }
    // A plain array over the same bytes: `slice` of a Buffer would not copy.
    const fault = reader.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    if (fault) destroy(state, `the other side broke the framing: ${fault}`);
  });
  socket.on('end', () => destroy(state, 'the other side closed the connection'));
  socket.on('error', (error) => destroy(state, error.message));
  socket.on('close', () => end(state, 'the connection was lost'));
}

function write(state: ChannelState, frame: Uint8Array): void {
  const { socket } = state;
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUInt32BE(frame.length);
  if (!state.isGathering) gather(state);
  socket.write(header);
  socket.write(frame, () => {
    if (state.endReason !== null || !state.wasHigh || socket.writableLength >= queuedBytesLow) return;
    state.wasHigh = false;
    state.listener?.onDrain();
  });
  state.wasHigh ||= socket.writableLength >= queuedBytesLow;
}

/** What is sent at one moment goes out as one record: frames are small, and each record costs both sides. */
function gather(state: ChannelState): void {
  state.isGathering = true;
  state.socket.cork();
  process.nextTick(() => {
    state.isGathering = false;
    state.socket.uncork();
  });
}

function destroy(state: ChannelState, reason: string): void {
  state.socket.destroy();
  end(state, reason);
}

/** The listener hears of the end once. */
function end(state: ChannelState, reason: string): void {
  if (state.endReason !== null) return;
  state.endReason = reason;
  state.listener?.onClose(reason);
}
