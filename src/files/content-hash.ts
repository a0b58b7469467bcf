import { createHash } from 'node:crypto';
import { encodeChunkList, type Chunk } from '../core/chunking/chunk-list.js';
import { chunkSizeFor, singleChunkBytesMax, type ChunkSize } from '../core/chunking/chunk-size.js';
import { findChunkEnd } from '../core/chunking/find-chunk-end.js';
import { contentVersion, type EntryVersion } from '../core/entry.js';
import type { Disk } from '../system/disk.js';
import type { HashAside } from '../system/hash-aside.js';

export interface HashedContent {
  readonly version: EntryVersion;
  readonly size: number;
  /** The list of chunks; null for content of one chunk. */
  readonly list: Uint8Array | null;
  /** The first bytes, by which databases are recognised. */
  readonly head: Uint8Array;
}

export interface ContentToHash {
  readonly disk: Disk;
  readonly handle: number;
  readonly size: number;
  readonly hashAside: HashAside;
  readonly pause: () => Promise<void>;
  readonly onRead?: (bytes: number) => void;
}

/**
 * Reads `size` bytes of an open file from its start. Null when it ended before. Content of one chunk is read at once; with
 * larger content other work goes on between blocks.
 */
export function hashContent(content: ContentToHash): HashedContent | null | Promise<HashedContent | null> {
  return content.size <= singleChunkBytesMax ? hashSmall(content) : hashLarge(content);
}

async function hashLarge(content: ContentToHash): Promise<HashedContent | null> {
  const { disk, handle, size, hashAside, pause, onRead } = content;
  const file: OpenFile = { disk, handle };
  const chunkSize = chunkSizeFor(size);
  const buffer = Buffer.allocUnsafeSlow(blockBytes);
  const chunks: Chunk[] = [];
  let head: Uint8Array = new Uint8Array();
  let read = 0;
  let filled = 0;
  let offset = 0;
  let hashing = Promise.resolve<readonly Chunk[]>([]);
  while (offset < size) {
    const wanted = Math.min(buffer.length - filled, size - read);
    if (!readWhole(file, buffer.subarray(filled, filled + wanted), read)) return null;
    read += wanted;
    onRead?.(wanted);
    filled += wanted;
    if (offset === 0) head = Uint8Array.from(buffer.subarray(0, headBytes));
    const ends = chunkEnds(buffer.subarray(0, filled), { size: chunkSize, isEnd: read === size });
    // The chunks of one block are hashed while the next one is read: no more of them are held.
    chunks.push(...(await hashing));
    hashing = hashChunks(buffer, { ends, offset, hashAside });
    // What fails is told where it is waited for.
    hashing.catch(() => undefined);
    const used = ends.at(-1) ?? 0;
    offset += used;
    buffer.copyWithin(0, used, filled);
    filled -= used;
    await pause();
  }
  chunks.push(...(await hashing));
  const list = encodeChunkList(chunks);
  return { version: listVersion(list), size, list, head };
}

interface BlockOfChunks {
  readonly ends: readonly number[];
  /** Where the block begins in the content. */
  readonly offset: number;
  readonly hashAside: HashAside;
}

/** The block may be written over as soon as this has returned. */
const hashChunks = (block: Uint8Array, { ends, offset, hashAside }: BlockOfChunks): Promise<Chunk[]> =>
  Promise.all(
    ends.map(async (end, at) => {
      const from = ends[at - 1] ?? 0;
      const hash = await hashAside(block.subarray(from, end));
      return { hash, offset: offset + from, length: end - from };
    }),
  );

/** The chunks of which the bytes hold the whole. */
function chunkEnds(
  bytes: Uint8Array,
  { size, isEnd }: { readonly size: ChunkSize; readonly isEnd: boolean },
): number[] {
  const ends: number[] = [];
  const last = isEnd ? bytes.length - 1 : bytes.length - size.max;
  for (let from = 0; from <= last; from = ends.at(-1) ?? bytes.length)
    ends.push(findChunkEnd(bytes, { from, to: bytes.length, size }));
  return ends;
}

/** Larger than two chunks of the largest size. */
const blockBytes = 8 * 1024 * 1024;
const headBytes = 16;

function hashSmall({ size, onRead, ...file }: ContentToHash): HashedContent | null {
  const bytes = Buffer.allocUnsafe(size);
  if (!readWhole(file, bytes, 0)) return null;
  onRead?.(size);
  return { version: bytesVersion(bytes), size, list: null, head: Uint8Array.from(bytes.subarray(0, headBytes)) };
}

export interface OpenFile {
  readonly disk: Disk;
  readonly handle: number;
}

/** Fills `bytes` from this place of a file. False when the file ends before. */
export function readWhole({ disk, handle }: OpenFile, bytes: Uint8Array, offset: number): boolean {
  for (let filled = 0; filled < bytes.length;) {
    const count = disk.read(handle, bytes.subarray(filled), offset + filled);
    if (count === 0) return false;
    filled += count;
  }
  return true;
}

/** Of the parts one after the other. */
export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The version of content of one chunk. */
export const bytesVersion = (bytes: Uint8Array): EntryVersion =>
  contentVersion('f', createHash('sha256').update(bytes).digest('base64url'));

/** The version of larger content: by the list of its chunks. */
export const listVersion = (list: Uint8Array): EntryVersion =>
  contentVersion('m', createHash('sha256').update(list).digest('base64url'));

const sqliteHeader = Buffer.from('SQLite format 3\0');

/** Databases are never replicated as files: their content is only whole together with its companions and locks. */
export const isDatabase = (head: Uint8Array): boolean => sqliteHeader.equals(head);
