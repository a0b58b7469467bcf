import { malformed, type ByteReader } from '../core/byte-reader.js';
import type { ByteWriter } from '../core/byte-writer.js';
import { SyncError } from '../core/sync-error.js';

const utf8 = new TextEncoder();

/** Length in bytes, then UTF-8. Text for people that is too long is cut by the sender (`cutText`), names are refused. */
export function writeText(writer: ByteWriter, text: string, bytesMax: number): void {
  const bytes = utf8.encode(text);
  if (bytes.length > bytesMax) throw new SyncError('USYNC-1507', `A name of ${bytes.length} bytes cannot be sent.`);
  writer.varint(bytes.length);
  writer.raw(bytes);
}

export function readText(reader: ByteReader, bytesMax: number): string {
  const length = reader.varint();
  if (length > bytesMax) throw malformed('a text is longer than allowed');
  return reader.utf8(length);
}

export function writeTexts(writer: ByteWriter, texts: readonly string[], bytesMax: number): void {
  writer.varint(texts.length);
  for (const text of texts) writeText(writer, text, bytesMax);
}

export function readTexts(reader: ByteReader, what: string, countMax: number, bytesMax: number): string[] {
  const count = reader.count(what, countMax, 1);
  return Array.from({ length: count }, () => readText(reader, bytesMax));
}

export const writeFlag = (writer: ByteWriter, flag: boolean): void => writer.byte(flag ? 1 : 0);

export function readFlag(reader: ByteReader): boolean {
  const value = reader.byte();
  if (value > 1) throw malformed('a flag is neither 0 nor 1');
  return value === 1;
}

/** Text for people, short enough for the wire: at most `bytesMax` bytes however it is encoded. */
export const cutText = (text: string, bytesMax: number): string =>
  text.length * 3 <= bytesMax ? text : text.slice(0, Math.floor(bytesMax / 3));

/** A fixed number of bytes from lower-case hex. */
export function writeHex(writer: ByteWriter, hex: string): void {
  for (let i = 0; i < hex.length; i += 2) writer.byte(Number.parseInt(hex.slice(i, i + 2), 16));
}

export const readHex = (reader: ByteReader, bytes: number): string =>
  Array.from(reader.take(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
