import { bodyBytesMax } from './limits.js';
import { SyncError } from './sync-error.js';

/**
 * A growing buffer. Written is `bytes[0 .. position)`. Bulk loops call `room(count)`, write behind `position` into the
 * array they get, and move `position` themselves; any later call may exchange the array.
 */
export interface ByteWriter {
  position: number;
  /** Makes room for `count` more bytes. Throws USYNC-1507 beyond the bound of the writer. */
  room(count: number): Uint8Array;
  byte(value: number): void;
  /** A whole number from 0 to 2^53 - 1, seven bits a byte, low bits first. */
  varint(value: number): void;
  /** A whole number from -2^53 to 2^53: the first byte holds more (1 bit), sign (1 bit), six bits. */
  signed(value: number): void;
  raw(bytes: Uint8Array): void;
  /** Well-formed text as UTF-8, without its length. */
  utf8(text: string): void;
  /** What was written, until the next call. */
  view(): Uint8Array;
  /** A copy of what was written. */
  copy(): Uint8Array;
  /** Starts again, keeping the buffer unless it has grown huge. */
  reset(): void;
}

const keptBytesMax = 4 * 1024 * 1024;

export const createByteWriter = (startBytes = 256, bytesMax = bodyBytesMax): ByteWriter =>
  new GrowingBytes(new Uint8Array(startBytes), bytesMax);

/** Begins in these bytes, which are its own from now on. */
export const createByteWriterIn = (bytes: Uint8Array): ByteWriter => new GrowingBytes(bytes, bodyBytesMax);

const textEncoder = new TextEncoder();

class GrowingBytes implements ByteWriter {
  position = 0;
  private bytes: Uint8Array;
  private readonly startBytes: number;
  private readonly bytesMax: number;

  constructor(bytes: Uint8Array, bytesMax: number) {
    this.bytes = bytes;
    this.startBytes = bytes.length;
    this.bytesMax = bytesMax;
  }

  room(count: number): Uint8Array {
    const needed = this.position + count;
    if (needed > this.bytes.length) this.grow(needed);
    return this.bytes;
  }

  byte(value: number): void {
    this.room(1)[this.position++] = value;
  }

  varint(value: number): void {
    this.position = putVarint(this.room(8), this.position, value);
  }

  signed(value: number): void {
    this.position = putSigned(this.room(8), this.position, value);
  }

  raw(bytes: Uint8Array): void {
    this.room(bytes.length).set(bytes, this.position);
    this.position += bytes.length;
  }

  utf8(text: string): void {
    let rest = text;
    // Enough for ASCII at once; each further round takes at least a third of what is left.
    while (rest.length > 0) {
      const bytes = this.room(rest.length + 3);
      const { read, written } = textEncoder.encodeInto(rest, bytes.subarray(this.position));
      this.position += written;
      rest = rest.slice(read);
    }
  }

  view(): Uint8Array {
    return this.bytes.subarray(0, this.position);
  }

  copy(): Uint8Array {
    return this.bytes.slice(0, this.position);
  }

  reset(): void {
    this.position = 0;
    if (this.bytes.length > keptBytesMax) this.bytes = new Uint8Array(this.startBytes);
  }

  private grow(needed: number): void {
    if (needed > this.bytesMax) {
      throw new SyncError('USYNC-1507', 'A row is too large to be sent.', {
        facts: { bytes: needed, bytesMax: this.bytesMax },
      });
    }
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.position));
    this.bytes = grown;
  }
}

/** Writes at `position` and returns the position behind; needs 8 bytes of room. */
function putVarint(bytes: Uint8Array, position: number, value: number): number {
  let at = position;
  let rest = value;
  while (rest > 0x0fff_ffff) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** Writes at `position` and returns the position behind; needs 8 bytes of room. */
export function putSigned(bytes: Uint8Array, position: number, value: number): number {
  const magnitude = value < 0 ? -value : value;
  const head = (value < 0 ? 0x40 : 0) | (magnitude & 0x3f);
  if (magnitude < 64) {
    bytes[position] = head;
    return position + 1;
  }
  bytes[position] = head | 0x80;
  return putVarint(bytes, position + 1, Math.floor(magnitude / 64));
}
