/**
 * Buffers for the contents of files, used again and again. A new buffer of this size costs more than what is done with
 * it: its pages are cleared, and each 64 MB of new ones make the collector go through the whole heap. Each thread keeps
 * its own; a buffer changes threads by being transferred. What is never given back is collected as any other.
 */

/** Enough for a frame with as much content as one answer holds. */
const spareBytes = 144 * 1024;
/** Less than this is quickly made. */
const worthwhileBytes = 32 * 1024;
const sparesMax = 32;
const spares: ArrayBuffer[] = [];

/** Bytes to be written over: what stands in them is of another use. */
export const takeBytes = (count: number): Uint8Array<ArrayBuffer> =>
  count >= worthwhileBytes && count <= spareBytes
    ? new Uint8Array(spares.pop() ?? new ArrayBuffer(spareBytes), 0, count)
    : new Uint8Array(count);

/** What was used before, to be sent to where so many bytes are going to be needed; none is made for it. */
export function takeSpares(count: number): ArrayBuffer[] {
  const spare = count >= worthwhileBytes ? spares.pop() : undefined;
  return spare === undefined ? [] : [spare];
}

export const isSpare = (buffer: ArrayBufferLike): buffer is ArrayBuffer =>
  buffer instanceof ArrayBuffer && buffer.byteLength === spareBytes;

/** Nobody uses the buffer any more; those of another size are left to the collector. */
export function giveSpare(buffer: ArrayBufferLike): void {
  if (isSpare(buffer) && spares.length < sparesMax && !spares.includes(buffer)) spares.push(buffer);
}
