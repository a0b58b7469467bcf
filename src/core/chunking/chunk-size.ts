/**
 * Where content is cut is part of the protocol: two servers find equal chunks only if they cut alike. Changing a number
 * here is a new protocol version.
 */
export interface ChunkSize {
  readonly min: number;
  readonly average: number;
  readonly max: number;
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** Content up to this size is one chunk: it fits into one answer of a peer. */
export const singleChunkBytesMax = 128 * kibibyte;

/** No chunk of any content is larger. */
export const chunkBytesMax = 4 * mebibyte;

const sizeOf = (average: number): ChunkSize => ({ min: average / 4, average, max: average * 4 });
const small = sizeOf(64 * kibibyte);
const medium = sizeOf(256 * kibibyte);
const large = sizeOf(mebibyte);

/** Whether a chunk was cut at its largest size, as it is where no border is found: in a run of one byte. */
export const isLargestChunk = (length: number): boolean => [small, medium, large].some(({ max }) => max === length);

/** Larger content has larger chunks, so that lists of chunks stay short. */
export function chunkSizeFor(contentBytes: number): ChunkSize {
  if (contentBytes <= 64 * mebibyte) return small;
  if (contentBytes <= 4096 * mebibyte) return medium;
  return large;
}
