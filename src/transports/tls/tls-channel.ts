import type { TLSSocket } from 'node:tls';
import { frameBytesMax, helloBytesMax, queuedBytesLow } from '../../protocol/protocol-limits.js';
import type { System } from '../../system/system.js';
import type { Channel, ChannelListener } from '../transport.js';
import { createFrameReader } from './frame-reader.js';
import { createFrameWriter, type FrameWriter } from './frame-writer.js';

export interface TlsChannelOptions {
  readonly socket: TLSSocket;
  readonly system: System;
  readonly peerFingerprint: string;
  /** Let in only to show an invite: small frames and few bytes until `admit`. */
  readonly isStranger: boolean;
  readonly onAdmitted?: () => void;
  /** Absent: the socket tells of what it reads. The bytes are written over afterwards. */
  readonly onRead?: (take: (bytes: Uint8Array) => void) => void;
}

/** What a stranger may send in all. */
const strangerBytesMax = 60 * 1024;
/** How long a closed channel may take to send what is queued. */
const lingerMs = 3_000;
const bindingLabel = 'EXPORTER-usync-channel-binding';

interface ChannelState {
  readonly socket: TLSSocket;
  readonly writer: FrameWriter;
  listener: ChannelListener | null;
  /** Frames that came before anybody listened. */
  early: Uint8Array[];
  isLimited: boolean;
  receivedBytes: number;
  endReason: string | null;
  /** The queue has been above the low mark since it was told to be below. */
  wasHigh: boolean;
}

export function createTlsChannel(options: TlsChannelOptions): Channel {
  const { socket, system, peerFingerprint, isStranger } = options;
  const writer = createFrameWriter({
    // Where it fails the socket is closed too, and nothing more is written.
    write: (bytes, onWritten) => void socket.write(bytes, (error) => void (error ?? onWritten())),
    onSent: () => tellIfLow(state),
  });
  const state: ChannelState = {
    socket,
    writer,
    listener: null,
    early: [],
    isLimited: isStranger,
    receivedBytes: 0,
    endReason: null,
    wasHigh: false,
  };
  receive(state, options.onRead ?? ((take) => socket.on('data', take)));
  return {
    peerFingerprint,
    remoteAddress: `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`,
    binding: socket.exportKeyingMaterial(32, bindingLabel, Buffer.alloc(0)).toString('hex'),
    admit() {
      state.isLimited = false;
      options.onAdmitted?.();
    },
    send(frame) {
      if (state.endReason !== null || !socket.writable) return;
      writer.send(frame);
      state.wasHigh ||= writer.queuedBytes >= queuedBytesLow;
    },
    get queuedBytes() {
      return writer.queuedBytes;
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
      writer.finish(() => socket.end());
    },
  };
}

function receive(state: ChannelState, onRead: (take: (bytes: Uint8Array) => void) => void): void {
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
  onRead((chunk) => {
    if (state.endReason !== null) return;
    state.receivedBytes += chunk.length;
    if (state.isLimited && state.receivedBytes > strangerBytesMax) {
      destroy(state, 'a server that is not admitted sent too much');
      return;
    }
    const fault = reader.push(chunk);
    if (fault) destroy(state, `the other side broke the framing: ${fault}`);
  });
  socket.on('end', () => destroy(state, 'the other side closed the connection'));
  socket.on('error', (error) => destroy(state, error.message));
  socket.on('close', () => end(state, 'the connection was lost'));
}

function tellIfLow(state: ChannelState): void {
  if (state.endReason !== null || !state.wasHigh || state.writer.queuedBytes >= queuedBytesLow) return;
  state.wasHigh = false;
  state.listener?.onDrain();
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
