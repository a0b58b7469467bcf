import { takeBytes } from '../../core/spare-buffers.js';

/** Cuts a byte stream into frames: four bytes of length, most significant first, then the frame. */
export interface FrameReader {
  /**
   * Calls `onFrame` for every frame that is whole now. Returns a reason when the stream breaks the rules. The chunk may
   * be written over afterwards.
   */
  push(chunk: Uint8Array): string | null;
}

export interface FrameReaderOptions {
  /** Asked before each frame is taken, so that it can change. */
  readonly frameBytesMax: () => number;
  /** Gets bytes that nobody else has. Returns false when nothing more is to be read. */
  readonly onFrame: (frame: Uint8Array) => boolean;
}

export const frameHeaderBytes = 4;

export function createFrameReader({ frameBytesMax, onFrame }: FrameReaderOptions): FrameReader {
  const header = new Uint8Array(frameHeaderBytes);
  /** What is being filled: a header, then its frame. */
  let target = header;
  let filled = 0;

  return {
    push(chunk) {
      for (let at = 0; at < chunk.length;) {
        const part = chunk.subarray(at, at + target.length - filled);
        target.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < target.length) return null;
        filled = 0;
        if (target === header) {
          const expected = new DataView(header.buffer).getUint32(0);
          if (expected === 0) return 'an empty frame';
          if (expected > frameBytesMax()) return `a frame of ${expected} bytes`;
          target = takeBytes(expected);
        } else {
          const frame = target;
          target = header;
          if (!onFrame(frame)) return null;
        }
      }
      return null;
    },
  };
}
