/** Messages as frames and back. `docs/protocol.md` is the specification; its numbered invariants W1 to W6 hold here. */
import { createByteReader, malformed, type ByteReader } from '../core/byte-reader.js';
import { createByteWriterIn, type ByteWriter } from '../core/byte-writer.js';
import { partBytesMax } from '../core/limits.js';
import { isServerId, type ServerId } from '../core/origin.js';
import { readHistory, writeHistory } from '../core/history-codec.js';
import { readOrigin, writeOrigin } from '../core/part-dictionary.js';
import { giveSpare, takeBytes } from '../core/spare-buffers.js';
import { isStamp, type Stamp } from '../core/stamp.js';
import { SyncError } from '../core/sync-error.js';
import { readVector, writeVector } from '../core/vector-codec.js';
import { readAnswer, readDigest, readQuestion, writeAnswer, writeDigest, writeQuestion } from './answer-codec.js';
import type { Answer, HelloMessage, Message, PartPiece } from './message.js';
import { datasetsMax, frameBytesMax, linksMax, nameBytesMax, tablesMax, textBytesMax } from './protocol-limits.js';
import { readFlag, readHex, readText, readTexts, writeFlag, writeHex, writeText, writeTexts } from './text-codec.js';

/** The first bytes of the first frame in both directions: what does not start so is not Universal Sync. */
export const protocolMagic: Uint8Array = new TextEncoder().encode('USYNC\n');

const kinds = [
  'hello',
  'close',
  'open',
  'wait',
  'ping',
  'pong',
  'links',
  'have',
  'credit',
  'parts',
  'again',
  'behind',
  'ack',
  'snapshot-want',
  'snapshot-begin',
  'snapshot-piece',
  'snapshot-end',
  'snapshot-abort',
  'paused',
  'proof',
  'fork',
  'ask',
  'answer',
] as const satisfies readonly Message['kind'][];

const numberByKind = new Map<Message['kind'], number>(kinds.map((kind, number) => [kind, number]));

type Of<K extends Message['kind']> = Extract<Message, { kind: K }>;

interface Codec<K extends Message['kind']> {
  write(writer: ByteWriter, message: Of<K>): void;
  read(reader: ByteReader): Of<K>;
}

/**
 * One frame. Throws USYNC-1507 for a message that would be larger than a frame may be. The bytes of contents in an answer
 * are taken over: their buffers are used again.
 */
export function encodeMessage(message: Message): Uint8Array {
  const writer = createByteWriterIn(takeBytes(256 + bulkBytesOf(message)));
  if (message.kind === 'hello') writer.raw(protocolMagic);
  writer.byte(numberByKind.get(message.kind) ?? 0);
  codecOf(message.kind).write(writer, message);
  if (writer.position > frameBytesMax) {
    throw new SyncError('USYNC-1507', `A ${message.kind} message of ${writer.position} bytes is larger than a frame.`);
  }
  if (message.kind === 'answer') giveContents(message.answer);
  // Nobody else has this writer, so its buffer is the frame's.
  return writer.view();
}

/** So that the buffer grows never for much, and is small for little. */
function bulkBytesOf(message: Message): number {
  if (message.kind === 'snapshot-piece') return message.bytes.length;
  if (message.kind === 'answer') return contentBytesOf(message.answer);
  if (message.kind !== 'parts') return 0;
  return message.pieces.reduce((sum, { bytes }) => sum + bytes.length + pieceOverheadBytes, 0);
}

function contentBytesOf(answer: Answer): number {
  if (answer.kind !== 'content') return 0;
  return answer.pieces.reduce((sum, piece) => sum + (piece?.length ?? 0) + pieceOverheadBytes, 0);
}

const pieceOverheadBytes = 64;

function giveContents(answer: Answer): void {
  if (answer.kind === 'content') for (const piece of answer.pieces) if (piece !== null) giveSpare(piece.buffer);
}

/**
 * The message of a frame that was received after the hello. Throws USYNC-1504 or USYNC-1507 for anything that is not
 * exactly one message. Bytes of pieces are views into the frame.
 */
export function decodeMessage(frame: Uint8Array): Message {
  if (frame.length > frameBytesMax) throw new SyncError('USYNC-1507', 'A frame is larger than allowed.');
  const reader = createByteReader(frame);
  const kind = kinds[reader.byte()];
  if (kind === undefined) throw malformed('unknown kind of message');
  if (kind === 'hello') throw malformed('a second hello');
  const message = codecOf(kind).read(reader);
  if (reader.left > 0) throw malformed('a message is longer than its content');
  return message;
}

/**
 * The first frame. Throws USYNC-1502 when it is not of this protocol. The layout up to the two version numbers never
 * changes, so that a hello of any version can be told to be newer or older; `null` says that the rest is of a version
 * that is not understood here, with the range in `versions`.
 */
export function decodeHello(
  frame: Uint8Array,
  isUnderstood: (range: { versionMin: number; versionMax: number }) => boolean,
): HelloMessage | null {
  if (!startsWithMagic(frame)) {
    throw new SyncError('USYNC-1502', 'The other side does not speak the protocol of Universal Sync.');
  }
  const reader = createByteReader(frame);
  reader.take(protocolMagic.length);
  if (reader.byte() !== 0) throw malformed('the first message is not a hello');
  const versionMin = reader.varint();
  const versionMax = reader.varint();
  if (versionMin > versionMax) throw malformed('the versions are in the wrong order');
  if (!isUnderstood({ versionMin, versionMax })) return null;
  return readHello(reader, versionMin, versionMax);
}

/** Whether this first frame turns the receiver away instead of greeting it. */
export const isCloseFrame = (frame: Uint8Array): boolean => frame[0] === kinds.indexOf('close');

const startsWithMagic = (frame: Uint8Array): boolean => protocolMagic.every((byte, at) => frame[at] === byte);

function readHello(reader: ByteReader, versionMin: number, versionMax: number): HelloMessage {
  const server = readServer(reader);
  const name = readText(reader, nameBytesMax);
  const bootNonce = readHex(reader, 16);
  const addresses = readTexts(reader, 'addresses', 64, nameBytesMax);
  const datasets = readTexts(reader, 'datasets', datasetsMax, nameBytesMax);
  if (new Set(datasets).size !== datasets.length) throw malformed('a dataset is named twice');
  const pairing = readFlag(reader) ? { invite: readHex(reader, 8), proof: readHex(reader, 32) } : null;
  // What a later version adds to the hello comes behind and is not read here.
  return { kind: 'hello', versionMin, versionMax, server, name, bootNonce, addresses, datasets, pairing };
}

function readServer(reader: ByteReader): ServerId {
  const server = reader.utf8(16);
  if (!isServerId(server)) throw malformed('a server id has the wrong form');
  return server;
}

// The table below is total over the kinds, so that a message without a codec does not compile; the one assertion that
// a kind's codec fits its message is here.
const codecOf = (kind: Message['kind']): Codec<Message['kind']> => codecs[kind] as unknown as Codec<Message['kind']>;

const readDataset = (reader: ByteReader): number => {
  const dataset = reader.varint();
  if (dataset >= datasetsMax) throw malformed('a dataset number is out of range');
  return dataset;
};

const codecs: { readonly [K in Message['kind']]: Codec<K> } = {
  hello: {
    write(w, m) {
      w.varint(m.versionMin);
      w.varint(m.versionMax);
      w.utf8(m.server);
      writeText(w, m.name, nameBytesMax);
      writeHex(w, m.bootNonce);
      writeTexts(w, m.addresses, nameBytesMax);
      writeTexts(w, m.datasets, nameBytesMax);
      writeFlag(w, m.pairing !== null);
      if (!m.pairing) return;
      writeHex(w, m.pairing.invite);
      writeHex(w, m.pairing.proof);
    },
    read: () => {
      throw malformed('a second hello');
    },
  },
  close: {
    write(w, m) {
      writeText(w, m.code, nameBytesMax);
      writeText(w, m.text, textBytesMax);
    },
    read: (r) => ({ kind: 'close', code: readText(r, nameBytesMax), text: readText(r, textBytesMax) }),
  },
  open: { write: () => undefined, read: () => ({ kind: 'open' }) },
  wait: {
    write(w, m) {
      writeText(w, m.text, textBytesMax);
      w.varint(m.members.length);
      for (const fingerprint of m.members) writeHex(w, fingerprint);
    },
    read: (r) => {
      const text = readText(r, textBytesMax);
      const count = r.count('members', linksMax, 32);
      return { kind: 'wait', text, members: Array.from({ length: count }, () => readHex(r, 32)) };
    },
  },
  ping: { write: (w, m) => w.varint(m.nonce), read: (r) => ({ kind: 'ping', nonce: r.varint() }) },
  pong: {
    write(w, m) {
      w.varint(m.nonce);
      w.varint(Math.max(0, Math.trunc(m.wallMs)));
    },
    read: (r) => ({ kind: 'pong', nonce: r.varint(), wallMs: r.varint() }),
  },
  links: {
    write(w, m) {
      w.varint(m.servers.length);
      for (const server of m.servers) w.utf8(server);
    },
    read: (r) => {
      const count = r.count('links', linksMax, 16);
      return { kind: 'links', servers: Array.from({ length: count }, () => readServer(r)) };
    },
  },
  have: {
    write(w, m) {
      w.varint(m.dataset);
      w.byte((m.isWhole ? 1 : 0) + (m.isFresh ? 2 : 0) + (m.isLanding ? 4 : 0));
      writeVector(w, m.vector);
    },
    read(r) {
      const dataset = readDataset(r);
      const flags = r.byte();
      if (flags > 7) throw malformed('unknown flags');
      const vector = readVector(r);
      const isWhole = (flags & 1) !== 0;
      return { kind: 'have', dataset, isWhole, isFresh: (flags & 2) !== 0, isLanding: (flags & 4) !== 0, vector };
    },
  },
  credit: {
    write(w, m) {
      w.varint(m.dataset);
      w.varint(m.bytes);
    },
    read: (r) => ({ kind: 'credit', dataset: readDataset(r), bytes: r.varint() }),
  },
  parts: {
    write(w, m) {
      w.varint(m.dataset);
      w.varint(m.stream);
      w.varint(m.pieces.length);
      for (const piece of m.pieces) writePiece(w, piece);
    },
    read(r) {
      const dataset = readDataset(r);
      const stream = r.varint();
      const count = r.count('pieces', frameBytesMax, 20);
      return { kind: 'parts', dataset, stream, pieces: Array.from({ length: count }, () => readPiece(r)) };
    },
  },
  again: {
    write(w, m) {
      w.varint(m.dataset);
      w.varint(m.stream);
      writeVector(w, m.vector);
    },
    read: (r) => ({ kind: 'again', dataset: readDataset(r), stream: r.varint(), vector: readVector(r) }),
  },
  behind: { write: (w, m) => w.varint(m.dataset), read: (r) => ({ kind: 'behind', dataset: readDataset(r) }) },
  ack: {
    write(w, m) {
      w.varint(m.dataset);
      writeVector(w, m.vector);
    },
    read: (r) => ({ kind: 'ack', dataset: readDataset(r), vector: readVector(r) }),
  },
  'snapshot-want': {
    write(w, m) {
      w.varint(m.dataset);
      w.varint(m.stream);
    },
    read: (r) => ({ kind: 'snapshot-want', dataset: readDataset(r), stream: r.varint() }),
  },
  'snapshot-begin': {
    write(w, m) {
      w.varint(m.dataset);
      w.varint(m.stream);
      w.varint(m.rows);
      writeVector(w, m.vector);
    },
    read(r) {
      const dataset = readDataset(r);
      const stream = r.varint();
      const rows = r.varint();
      return { kind: 'snapshot-begin', dataset, stream, rows, vector: readVector(r) };
    },
  },
  'snapshot-piece': {
    write(w, m) {
      w.varint(m.dataset);
      w.varint(m.stream);
      w.varint(m.rest);
      w.varint(m.bytes.length);
      w.raw(m.bytes);
    },
    read(r) {
      const dataset = readDataset(r);
      const stream = r.varint();
      const rest = r.varint();
      if (rest > partBytesMax) throw malformed('a chunk is larger than allowed');
      return { kind: 'snapshot-piece', dataset, stream, rest, bytes: r.take(r.varint()) };
    },
  },
  'snapshot-end': {
    write(w, m) {
      w.varint(m.dataset);
      w.varint(m.stream);
      w.varint(m.chunks);
    },
    read: (r) => ({ kind: 'snapshot-end', dataset: readDataset(r), stream: r.varint(), chunks: r.varint() }),
  },
  'snapshot-abort': {
    write(w, m) {
      w.varint(m.dataset);
      w.varint(m.stream);
      writeText(w, m.text, textBytesMax);
    },
    read: (r) => ({
      kind: 'snapshot-abort',
      dataset: readDataset(r),
      stream: r.varint(),
      text: readText(r, textBytesMax),
    }),
  },
  paused: {
    write(w, m) {
      w.varint(m.dataset);
      writeText(w, m.code, nameBytesMax);
      writeText(w, m.text, textBytesMax);
    },
    read: (r) => ({
      kind: 'paused',
      dataset: readDataset(r),
      code: readText(r, nameBytesMax),
      text: readText(r, textBytesMax),
    }),
  },
  proof: {
    write(w, m) {
      w.varint(m.dataset);
      writeVector(w, m.vector);
      writeDigest(w, m.digest);
      writeTexts(w, m.leftOut, textBytesMax);
      w.varint(m.held);
    },
    read(r) {
      const dataset = readDataset(r);
      const vector = readVector(r);
      const digest = readDigest(r);
      const leftOut = readTexts(r, 'left out', tablesMax, textBytesMax);
      return { kind: 'proof', dataset, vector, digest, leftOut, held: r.varint() };
    },
  },
  fork: {
    write(w, m) {
      w.varint(m.dataset);
      writeOrigin(w, m.origin);
      writeHistory(w, m.history);
    },
    read: (r) => ({ kind: 'fork', dataset: readDataset(r), origin: readOrigin(r), history: readHistory(r) }),
  },
  ask: {
    write(w, m) {
      w.varint(m.dataset);
      w.varint(m.id);
      writeQuestion(w, m.question);
    },
    read: (r) => ({ kind: 'ask', dataset: readDataset(r), id: r.varint(), question: readQuestion(r) }),
  },
  answer: {
    write(w, m) {
      w.varint(m.id);
      writeAnswer(w, m.answer);
    },
    read: (r) => ({ kind: 'answer', id: r.varint(), answer: readAnswer(r) }),
  },
};

function readStamp(reader: ByteReader): Stamp {
  const stamp = reader.varint();
  if (!isStamp(stamp)) throw malformed('a stamp is out of range');
  return stamp;
}

function writePiece(writer: ByteWriter, piece: PartPiece): void {
  writeOrigin(writer, piece.origin);
  writer.varint(piece.stamp);
  writer.varint(piece.part);
  writeFlag(writer, piece.isLast);
  writer.varint(piece.rest);
  writer.varint(piece.bytes.length);
  writer.raw(piece.bytes);
}

function readPiece(reader: ByteReader): PartPiece {
  const origin = readOrigin(reader);
  const stamp = readStamp(reader);
  const part = reader.varint();
  const isLast = readFlag(reader);
  const rest = reader.varint();
  if (rest > partBytesMax) throw malformed('a part is larger than allowed');
  return { origin, stamp, part, isLast, rest, bytes: reader.take(reader.varint()) };
}
