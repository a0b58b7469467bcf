/**
 * Origins and names within one encoded part: the first use spells a word out, later uses give its number. So every
 * part can be read by itself, front to back. Origins are packed into 14 bytes, and every 14 bytes are a valid origin.
 */
import { malformed, beyondLimit, type ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import { nameBytesMax, originsMax } from './limits.js';
import { genesisOrigin, isOriginId, type OriginId } from './origin.js';
import type { Stamp } from './stamp.js';
import { SyncError } from './sync-error.js';

/** What the encoders of one part share. */
export interface PartWriter {
  readonly out: ByteWriter;
  /** Stamps are written as distances, the first one from this. */
  readonly baseStamp: Stamp;
  origin(origin: OriginId): void;
  name(name: string): void;
}

export interface PartReader {
  readonly input: ByteReader;
  readonly baseStamp: Stamp;
  origin(): OriginId;
  name(): string;
}

/** `known` are origins that both sides have before the first word; genesis is always one of them. */
export function createPartWriter(out: ByteWriter, baseStamp: Stamp, known: readonly OriginId[]): PartWriter {
  const originNumbers = new Map<string, number>(knownOrigins(known).map((origin, number) => [origin, number]));
  const nameNumbers = new Map<string, number>();
  return {
    out,
    baseStamp,
    origin: (origin) => {
      if (!isNewWord(out, originNumbers, origin)) return;
      if (originNumbers.size > originsMax) throw tooManyOrigins(originNumbers.size);
      writeOrigin(out, origin);
    },
    name: (name) => {
      if (isNewWord(out, nameNumbers, name)) writeName(out, name);
    },
  };
}

const knownOrigins = (known: readonly OriginId[]): OriginId[] => [...new Set([genesisOrigin, ...known])];

function isNewWord(out: ByteWriter, numbers: Map<string, number>, word: string): boolean {
  const number = numbers.get(word);
  out.varint(number ?? numbers.size);
  if (number !== undefined) return false;
  numbers.set(word, numbers.size);
  return true;
}

function writeName(out: ByteWriter, name: string): void {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length > nameBytesMax) {
    throw new SyncError('USYNC-1507', 'The name of a table or column is too long to be sent.', {
      facts: { name: name.slice(0, 64), bytesMax: nameBytesMax },
    });
  }
  out.varint(bytes.length);
  out.raw(bytes);
}

const letters = 'abcdefghijklmnopqrstuvwxyz234567';

export const tooManyOrigins = (count: number): SyncError =>
  new SyncError('USYNC-1507', 'It cannot be encoded: it names too many origins.', {
    facts: { count, max: originsMax },
  });

export function writeOrigin(out: ByteWriter, origin: OriginId): void {
  if (!isOriginId(origin)) {
    throw new SyncError('USYNC-1001', 'An origin to be encoded is not valid.', { facts: { origin } });
  }
  for (let half = 0; half < 16; half += 8) {
    let high = 0;
    for (let i = 0; i < 4; i++) high = high * 32 + letters.indexOf(origin.charAt(half + i));
    let low = 0;
    for (let i = 4; i < 8; i++) low = low * 32 + letters.indexOf(origin.charAt(half + i));
    writeBigEndian(out, high * 2 ** 20 + low, 5);
  }
  writeBigEndian(out, Number.parseInt(origin.slice(17), 16), 4);
}

function writeBigEndian(out: ByteWriter, value: number, byteCount: number): void {
  for (let i = byteCount - 1; i >= 0; i--) out.byte(Math.floor(value / 2 ** (8 * i)) & 0xff);
}

export function createPartReader(input: ByteReader, baseStamp: Stamp, known: readonly OriginId[]): PartReader {
  const origins = knownOrigins(known);
  const names: string[] = [];
  return {
    input,
    baseStamp,
    origin: () => readWord(input, origins, readOrigin, originsMax),
    name: () => readWord(input, names, readName, Number.MAX_SAFE_INTEGER),
  };
}

function readWord<T>(input: ByteReader, words: T[], readNew: (input: ByteReader) => T, wordsMax: number): T {
  const number = input.varint();
  const known = words[number];
  if (known !== undefined) return known;
  if (number !== words.length) throw malformed('it uses a word before spelling it');
  if (number >= wordsMax) throw beyondLimit('origins', number, wordsMax);
  const word = readNew(input);
  words.push(word);
  return word;
}

function readName(input: ByteReader): string {
  return input.utf8(input.count('bytes of a name', nameBytesMax, 1));
}

export function readOrigin(input: ByteReader): OriginId {
  let text = '';
  for (let half = 0; half < 2; half++) {
    let value = readBigEndian(input, 5);
    let eight = '';
    for (let i = 0; i < 8; i++) {
      eight = letters.charAt(value % 32) + eight;
      value = Math.floor(value / 32);
    }
    text += eight;
  }
  return `${text}-${readBigEndian(input, 4).toString(16).padStart(8, '0')}` as OriginId;
}

function readBigEndian(input: ByteReader, byteCount: number): number {
  let value = 0;
  for (let i = 0; i < byteCount; i++) value = value * 256 + input.byte();
  return value;
}
