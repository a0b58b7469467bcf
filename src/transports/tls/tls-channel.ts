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
}

/** What a stranger may send in all. */
const strangerBytesMax = 60 * 1024;
/** How long a closed channel may take to send what is queued. */
const lingerMs = 3_000;
const bindingLabel = 'EXPORTER-usync-channel-binding';

export function createTlsChannel({ socket, system, peerFingerprint, isStranger }: TlsChannelOptions): Channel {
  let listener: ChannelListener | null = null;
  let early: Uint8Array[] = [];
  let isLimited = isStranger;
  let receivedBytes = 0;
  let isEnded = false;
  let endReason = '';
  let wasHigh = false;

  const end = (reason: string): void => {
    if (isEnded) return;
    isEnded = true;
    endReason = reason;
    listener?.onClose(reason);
  };
  const destroy = (reason: string): void => {
    socket.destroy();
    end(reason);
  };
  const reader = createFrameReader({
    frameBytesMax: () => (isLimited ? helloBytesMax : frameBytesMax),
    onFrame(frame) {
      if (listener) listener.onFrame(frame);
      else early.push(frame);
      return !isEnded;
    },
  });

  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    if (isEnded) return;
    receivedBytes += chunk.length;
    if (isLimited && receivedBytes > strangerBytesMax) {
      destroy('a server that is not admitted sent too much');
      return;
    }
    // A plain array over the same bytes: `slice` of a Buffer would not copy.
    const fault = reader.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    if (fault) destroy(`the other side broke the framing: ${fault}`);
  });
  socket.on('end', () => destroy('the other side closed the connection'));
  socket.on('error', (error) => destroy(error.message));
  socket.on('close', () => end('the connection was lost'));

  const onWritten = (): void => {
    if (isEnded || !wasHigh || socket.writableLength >= queuedBytesLow) return;
    wasHigh = false;
    listener?.onDrain();
  };
  return {
    peerFingerprint,
    remoteAddress: `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`,
    binding: socket.exportKeyingMaterial(32, bindingLabel, Buffer.alloc(0)).toString('hex'),
    admit() {
      isLimited = false;
    },
    send(frame) {
      if (isEnded || !socket.writable) return;
      const header = Buffer.alloc(frameHeaderBytes);
      header.writeUInt32BE(frame.length);
      socket.cork();
      socket.write(header);
      socket.write(frame, onWritten);
      socket.uncork();
      wasHigh ||= socket.writableLength >= queuedBytesLow;
    },
    get queuedBytes() {
      return socket.writableLength;
    },
    listen(newListener) {
      listener = newListener;
      const frames = early;
      early = [];
      const wasEnded = isEnded;
      // What came before the end is still worth reading: it may say why.
      for (const frame of frames) newListener.onFrame(frame);
      if (wasEnded) newListener.onClose(endReason);
    },
    close(reason) {
      if (isEnded) return;
      end(reason);
      const cancel = system.after(lingerMs, () => socket.destroy());
      socket.once('close', cancel);
      socket.end();
    },
  };
}
