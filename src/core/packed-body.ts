/** A body as it travels: raw, or compressed by a function from outside with its raw length in front. */
import { beyondLimit, malformed, type ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import { compressedBodyBytesMax } from './limits.js';
import { SyncError } from './sync-error.js';

/** Returns its argument when packing does not pay. */
export type Compress = (raw: Uint8Array) => Uint8Array;

/** Must not make more than `rawBytes` bytes; may throw anything on bytes that it does not understand. */
export type Decompress = (packed: Uint8Array, rawBytes: number) => Uint8Array;

export const noCompression: Compress = (raw) => raw;

export interface PackedBody {
  readonly isCompressed: boolean;
  readonly bytes: Uint8Array;
  readonly rawBytes: number;
}

export function packBody(raw: Uint8Array, compress: Compress): PackedBody {
  const packed = raw.length > compressedBodyBytesMax ? raw : compress(raw);
  return packed.length < raw.length
    ? { isCompressed: true, bytes: packed, rawBytes: raw.length }
    : { isCompressed: false, bytes: raw, rawBytes: raw.length };
}

/** `envelope` and the body behind it, in an array of exactly that length. */
export function sealBody(envelope: ByteWriter, body: PackedBody): Uint8Array {
  if (body.isCompressed) envelope.varint(body.rawBytes);
  const sealed = new Uint8Array(envelope.position + body.bytes.length);
  sealed.set(envelope.view());
  sealed.set(body.bytes, envelope.position);
  return sealed;
}

/** Everything that is left is the body. */
export function readPackedBody(input: ByteReader, isCompressed: boolean, decompress: Decompress): Uint8Array {
  if (!isCompressed) return input.take(input.left);
  const rawBytes = input.varint();
  if (rawBytes > compressedBodyBytesMax) {
    throw beyondLimit('bytes after decompression', rawBytes, compressedBodyBytesMax);
  }
  const packed = input.take(input.left);
  const raw = decompressed(packed, rawBytes, decompress);
  if (raw.length !== rawBytes) throw malformed('it does not have the length that it states');
  return raw;
}

function decompressed(packed: Uint8Array, rawBytes: number, decompress: Decompress): Uint8Array {
  if (rawBytes === 0) throw malformed('an empty body is compressed');
  try {
    return decompress(packed, rawBytes);
  } catch (error) {
    throw error instanceof SyncError ? error : malformed('it cannot be decompressed', error);
  }
}
