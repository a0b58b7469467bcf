import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SyncError } from '../../../core/sync-error.js';

/** Chunks of a snapshot on their way: written once, then read in order, as often as wanted. */
export interface ChunkSpool {
  add(chunk: Uint8Array): void;
  readonly count: number;
  read(index: number): Uint8Array;
  /** Forgets everything; twice is allowed. */
  close(): void;
}

/** In a temporary file inside `folder`; in memory when there is none. */
export const createChunkSpool = (folder: string | null): ChunkSpool =>
  folder === null ? createMemorySpool() : createFileSpool(folder);

function createMemorySpool(): ChunkSpool {
  let chunks: Uint8Array[] = [];
  return {
    add: (chunk) => void chunks.push(chunk),
    get count() {
      return chunks.length;
    },
    read: (index) => chunks[index] ?? missing(index),
    close() {
      chunks = [];
    },
  };
}

function createFileSpool(folder: string): ChunkSpool {
  const own = mkdtempSync(join(folder, 'snapshot-'));
  const file = openSync(join(own, 'chunks'), 'w+', 0o600);
  const places: { readonly offset: number; readonly length: number }[] = [];
  let end = 0;
  let isOpen = true;
  return {
    add(chunk) {
      for (let written = 0; written < chunk.length;) {
        written += writeSync(file, chunk, written, chunk.length - written, end + written);
      }
      places.push({ offset: end, length: chunk.length });
      end += chunk.length;
    },
    get count() {
      return places.length;
    },
    read(index) {
      const { offset, length } = places[index] ?? missing(index);
      const chunk = new Uint8Array(length);
      for (let filled = 0; filled < length;) {
        const count = readSync(file, chunk, filled, length - filled, offset + filled);
        if (count === 0) throw new SyncError('USYNC-1001', 'the spool of a snapshot was cut off');
        filled += count;
      }
      return chunk;
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      closeSync(file);
      rmSync(own, { recursive: true, force: true });
    },
  };
}

function missing(index: number): never {
  throw new SyncError('USYNC-1001', `chunk ${index} of a snapshot is not there`);
}
