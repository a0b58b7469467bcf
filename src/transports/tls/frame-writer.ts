import { giveSpare, takeBytes } from '../../core/spare-buffers.js';
import { frameHeaderBytes } from './frame-reader.js';

/**
 * Sends frames in order, many in one write: each write is a record of TLS and costs both sides. One write is under way at
 * a time, as a socket that has several to do joins them in a new buffer.
 */
export interface FrameWriter {
  /** Takes the frame over: its buffer is used again once it is sent. */
  send(frame: Uint8Array): void;
  /** Of frames that are not sent yet, with their headers. */
  readonly queuedBytes: number;
  /** Calls back when everything is sent. */
  finish(onSent: () => void): void;
}

export interface FrameWriterOptions {
  /** Writes the bytes; they may be written over once it calls back. */
  readonly write: (bytes: Uint8Array, onWritten: () => void) => void;
  readonly onSent: () => void;
}

/** So much that a large frame goes out in one write with its header. */
const writeBytesMax = 144 * 1024;

interface WriterState {
  readonly frames: Uint8Array[];
  /** Of the first frame with its header, what went out already. */
  sentOfFirst: number;
  queuedBytes: number;
  isWriting: boolean;
  isScheduled: boolean;
}

export function createFrameWriter({ write, onSent }: FrameWriterOptions): FrameWriter {
  const state: WriterState = { frames: [], sentOfFirst: 0, queuedBytes: 0, isWriting: false, isScheduled: false };
  let onAllSent: (() => void) | null = null;
  const flush = (): void => {
    if (state.isWriting || state.frames.length === 0) return;
    state.isWriting = true;
    const bytes = fill(state);
    write(bytes, () => {
      giveSpare(bytes.buffer);
      state.isWriting = false;
      state.queuedBytes -= bytes.length;
      onSent();
      flush();
      if (state.queuedBytes === 0) onAllSent?.();
    });
  };
  return {
    send(frame) {
      state.frames.push(frame);
      state.queuedBytes += frameHeaderBytes + frame.length;
      if (state.isScheduled || state.isWriting) return;
      state.isScheduled = true;
      // What is sent at this moment goes out together.
      process.nextTick(() => {
        state.isScheduled = false;
        flush();
      });
    },
    get queuedBytes() {
      return state.queuedBytes;
    },
    finish(onSentAll) {
      onAllSent = onSentAll;
      if (state.queuedBytes === 0) onSentAll();
    },
  };
}

/** The next bytes to write, in a buffer of their own. */
function fill(state: WriterState): Uint8Array<ArrayBuffer> {
  const bytes = takeBytes(Math.min(writeBytesMax, state.queuedBytes));
  let filled = 0;
  let frames = 0;
  for (const frame of state.frames) {
    if (state.sentOfFirst < frameHeaderBytes) {
      if (bytes.length - filled < frameHeaderBytes) break;
      new DataView(bytes.buffer).setUint32(filled, frame.length);
      filled += frameHeaderBytes;
      state.sentOfFirst = frameHeaderBytes;
    }
    const from = state.sentOfFirst - frameHeaderBytes;
    const part = frame.subarray(from, from + bytes.length - filled);
    bytes.set(part, filled);
    filled += part.length;
    state.sentOfFirst += part.length;
    if (from + part.length < frame.length) break;
    state.sentOfFirst = 0;
    giveSpare(frame.buffer);
    frames++;
  }
  state.frames.splice(0, frames);
  return bytes.subarray(0, filled);
}
