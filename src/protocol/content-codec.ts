/** Pieces of the contents of a folder dataset, asked for and answered. */
import { malformed, type ByteReader } from '../core/byte-reader.js';
import type { ByteWriter } from '../core/byte-writer.js';
import { contentBytesMax, contentItemsMax, type ContentRequest } from '../core/content-request.js';
import { kindOfVersion, type EntryVersion } from '../core/entry.js';
import { isSpare } from '../core/spare-buffers.js';
import { readFlag, readText, writeFlag, writeText } from './text-codec.js';

/** A version of a file is shorter. */
const versionBytesMax = 64;

export function writeContentRequests(writer: ByteWriter, requests: readonly ContentRequest[]): void {
  writer.varint(requests.length);
  for (const { version, part, offset, length } of requests) {
    writeText(writer, version, versionBytesMax);
    writeFlag(writer, part === 'list');
    writer.varint(offset);
    writer.varint(length);
  }
}

export function readContentRequests(reader: ByteReader): ContentRequest[] {
  const count = reader.count('contents', contentItemsMax, 5);
  let bytes = 0;
  return Array.from({ length: count }, () => {
    const version = readText(reader, versionBytesMax);
    if (kindOfVersion(version) !== 'file') throw malformed('a content has no name of a content');
    const part = readFlag(reader) ? 'list' : 'content';
    const offset = reader.varint();
    const length = reader.varint();
    bytes += length;
    if (bytes > contentBytesMax) throw malformed('a question asks for more than an answer holds');
    return { version: version as EntryVersion, part, offset, length };
  });
}

export function writeContentPieces(writer: ByteWriter, pieces: readonly (Uint8Array | null)[]): void {
  writer.varint(pieces.length);
  for (const piece of pieces) {
    writer.varint(piece === null ? 0 : piece.length + 1);
    if (piece !== null) writer.raw(piece);
  }
}

/** Pieces are handed to other threads with the buffer that they stand in: views of a frame's own, else copies. */
export function readContentPieces(reader: ByteReader): (Uint8Array | null)[] {
  const count = reader.count('contents', contentItemsMax, 1);
  const { bytes } = reader;
  const isOwn = isSpare(bytes.buffer) || bytes.byteLength === bytes.buffer.byteLength;
  return Array.from({ length: count }, () => {
    const length = reader.varint();
    if (length === 0) return null;
    const piece = reader.take(length - 1);
    return isOwn ? piece : piece.slice();
  });
}
