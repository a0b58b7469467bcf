import type { Disk } from '../system/disk.js';

/** Makes a large content durable while it comes, so that little is left to wait for at its end. */
export interface ContentFlusher {
  written(bytes: number): void;
  /** Everything that was written is durable. Rejects when any of it could not be made so. */
  finish(): Promise<void>;
  /** Nothing uses the handle any more. Never rejects. */
  rest(): Promise<void>;
}

const flushBytes = 32 * 1024 * 1024;

export function createContentFlusher(disk: Disk, handle: number): ContentFlusher {
  let bytes = 0;
  let flushing: Promise<void> | null = null;
  /** The system tells of a failed write once: who asks next would hear that all is well. */
  let failure: { readonly error: unknown } | null = null;
  const flush = async (): Promise<void> => {
    try {
      await disk.syncContent(handle);
    } catch (error) {
      failure ??= { error };
    } finally {
      flushing = null;
    }
  };
  const rest = async (): Promise<void> => {
    await flushing;
  };
  return {
    written(count) {
      bytes += count;
      if (bytes < flushBytes || flushing !== null) return;
      bytes = 0;
      flushing = flush();
    },
    async finish() {
      await rest();
      await flush();
      if (failure !== null) throw failure.error;
    },
    rest,
  };
}
