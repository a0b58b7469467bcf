import { SyncError } from './sync-error.js';

/**
 * Reads untrusted bytes from front to end; throws USYNC-1504 instead of reading past the end. Bulk loops use `bytes`
 * and move `position` themselves.
 */
export interface ByteReader {
  readonly bytes: Uint8Array;
  position: number;
  readonly left: number;
  byte(): number;
  varint(): number;
  signed(): number;
  /** A count of things that take at least `bytesEach` bytes each of what is left; throws USYNC-1507 above `max`. */
  count(what: string, max: number, bytesEach: number): number;
  /** A view of the next `count` bytes. */
  take(count: number): Uint8Array;
  utf8(byteCount: number): string;
}

export const createByteReader = (bytes: Uint8Array): ByteReader => new BoundedBytes(bytes);

export const malformed = (what: string, cause?: unknown): SyncError =>
  new SyncError('USYNC-1504', `Received bytes are malformed: ${what}.`, cause === undefined ? {} : { cause });

export const beyondLimit = (what: string, value: number, max: number): SyncError =>
  new SyncError('USYNC-1507', `Received bytes exceed a limit: ${what}.`, { facts: { value, max } });

const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class BoundedBytes implements ByteReader {
  readonly bytes: Uint8Array;
  position = 0;

  constructor(bytes: Uint8Array) {
    // A Buffer's `slice` does not copy; what is read must not depend on where the bytes came from.
    this.bytes =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get left(): number {
    return this.bytes.length - this.position;
  }

  byte(): number {
    const value = this.bytes[this.position];
    if (value === undefined) throw malformed('it ends too early');
    this.position++;
    return value;
  }

  varint(): number {
    const first = this.byte();
    return first < 0x80 ? first : this.more(first & 0x7f, 128);
  }

  signed(): number {
    const first = this.byte();
    const magnitude = first < 0x80 ? first & 0x3f : this.more(first & 0x3f, 64);
    return (first & 0x40) === 0 ? magnitude : -magnitude;
  }

  count(what: string, max: number, bytesEach: number): number {
    const count = this.varint();
    if (count > max) throw beyondLimit(what, count, max);
    if (count * bytesEach > this.left) throw malformed(`${what} do not fit what is left`);
    return count;
  }

  take(count: number): Uint8Array {
    if (count > this.left) throw malformed('a length does not fit what is left');
    this.position += count;
    return this.bytes.subarray(this.position - count, this.position);
  }

  utf8(byteCount: number): string {
    const bytes = this.take(byteCount);
    try {
      return textDecoder.decode(bytes);
    } catch (error) {
      throw malformed('text is not UTF-8', error);
    }
  }

  /** The further bytes of a number whose first byte is read; `scale` is the worth of the next bit. */
  private more(low: number, scale: number): number {
    let value = low;
    let worth = scale;
    for (;;) {
      const next = this.byte();
      value += (next & 0x7f) * worth;
      // 2^53 itself only exists as the distance of two integers; more is not exact.
      if (value > 2 ** 53) throw malformed('a number is larger than 2^53');
      if (next < 0x80) return value;
      worth *= 128;
      if (worth > 2 ** 56) throw malformed('a number does not end');
    }
  }
}
