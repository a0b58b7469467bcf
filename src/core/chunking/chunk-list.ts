import { malformed } from '../byte-reader.js';
import { chunkBytesMax } from './chunk-size.js';

/** One chunk of a content: SHA-256 of its bytes, and where they are. */
export interface Chunk {
  readonly hash: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

const chunkHashBytes = 32;
/** A length of four bytes, most significant first, then the hash. */
export const chunkRecordBytes = 4 + chunkHashBytes;

/** The list of a content's chunks in their order: what its name is the hash of. */
export function encodeChunkList(chunks: readonly Chunk[]): Uint8Array {
  const bytes = new Uint8Array(chunks.length * chunkRecordBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, { hash, length }] of chunks.entries()) {
    view.setUint32(index * chunkRecordBytes, length);
    bytes.set(hash, index * chunkRecordBytes + 4);
  }
  return bytes;
}

/** Throws USYNC-1504 for bytes that are no list of chunks of a content of this size. Hashes are views into `bytes`. */
export function decodeChunkList(bytes: Uint8Array, contentBytes: number): Chunk[] {
  if (bytes.length === 0 || bytes.length % chunkRecordBytes !== 0) throw malformed('a list of chunks is cut');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunks: Chunk[] = [];
  let offset = 0;
  for (let at = 0; at < bytes.length; at += chunkRecordBytes) {
    const length = view.getUint32(at);
    if (length === 0 || length > chunkBytesMax) throw malformed('a chunk has a size that no chunk has');
    chunks.push({ hash: bytes.subarray(at + 4, at + chunkRecordBytes), offset, length });
    offset += length;
  }
  if (offset !== contentBytes) throw malformed('a list of chunks is of another size than its content');
  return chunks;
}
