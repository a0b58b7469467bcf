/** Cuts a byte stream into frames: four bytes of length, most significant first, then the frame. */
export interface FrameReader {
  /** Calls `onFrame` for every frame that is whole now. Returns a reason when the stream breaks the rules. */
  push(chunk: Uint8Array): string | null;
  /** Bytes that are held because their frame is not whole yet. */
  readonly heldBytes: number;
}

export interface FrameReaderOptions {
  /** Asked before each frame is taken, so that it can change. */
  readonly frameBytesMax: () => number;
  /** Returns false when nothing more is to be read. */
  readonly onFrame: (frame: Uint8Array) => boolean;
}

export const frameHeaderBytes = 4;

export function createFrameReader({ frameBytesMax, onFrame }: FrameReaderOptions): FrameReader {
  let chunks: Uint8Array[] = [];
  let held = 0;

  /** The next bytes as one array; only called when they are there. */
  const take = (count: number): Uint8Array => {
    const first = chunks[0];
    if (first && first.length >= count) {
      if (first.length === count) chunks.shift();
      else chunks[0] = first.subarray(count);
      held -= count;
      return first.subarray(0, count);
    }
    const joined = new Uint8Array(count);
    let at = 0;
    let used = 0;
    for (const chunk of chunks) {
      const part = chunk.subarray(0, count - at);
      joined.set(part, at);
      at += part.length;
      if (part.length < chunk.length) {
        chunks[used] = chunk.subarray(part.length);
        break;
      }
      used++;
      if (at === count) break;
    }
    chunks = chunks.slice(used);
    held -= count;
    return joined;
  };

  let expected: number | null = null;
  return {
    push(chunk) {
      if (chunk.length === 0) return null;
      chunks.push(chunk);
      held += chunk.length;
      for (;;) {
        if (expected === null) {
          if (held < frameHeaderBytes) return null;
          const header = take(frameHeaderBytes);
          expected = new DataView(header.buffer, header.byteOffset, frameHeaderBytes).getUint32(0);
          if (expected === 0) return 'an empty frame';
          if (expected > frameBytesMax()) return `a frame of ${expected} bytes`;
        }
        if (held < expected) return null;
        const frame = take(expected);
        expected = null;
        if (!onFrame(frame)) return null;
      }
    },
    get heldBytes() {
      return held;
    },
  };
}
