/** Digests, and what `usync verify` asks and answers. */
import { malformed, type ByteReader } from '../core/byte-reader.js';
import type { ByteWriter } from '../core/byte-writer.js';
import type { DatasetDigest, TableDigest } from '../core/digest.js';
import { nameBytesMax as tableNameBytesMax } from '../core/limits.js';
import { RawText, type SqlValue } from '../core/value.js';
import { readVector, writeVector } from '../core/vector-codec.js';
import type { Answer, AnsweredRow, Question } from './message.js';
import { readContentPieces, readContentRequests, writeContentPieces, writeContentRequests } from './content-codec.js';
import {
  answerBytesMax,
  bucketRowsMax,
  bucketsMax,
  keyColumnsMax,
  nameBytesMax,
  tablesMax,
  textBytesMax,
} from './protocol-limits.js';
import { readText, readTexts, writeText, writeTexts } from './text-codec.js';

const hashLimit = 2 ** 48;

export function writeDigest(writer: ByteWriter, digest: DatasetDigest): void {
  writer.varint(digest.size);
  for (const [table, { rows, sum, columns }] of digest) {
    writeText(writer, table, tableNameBytesMax);
    writer.varint(rows);
    writer.varint(sum);
    writer.varint(columns === undefined ? 0 : columns + 1);
  }
}

export function readDigest(reader: ByteReader): DatasetDigest {
  const count = reader.count('tables', tablesMax, 4);
  const digest = new Map<string, TableDigest>();
  for (let i = 0; i < count; i++) {
    const table = readText(reader, tableNameBytesMax);
    if (digest.has(table)) throw malformed('a digest names a table twice');
    const rows = reader.varint();
    const sum = readHash(reader);
    const columns = readHash(reader);
    digest.set(table, columns === 0 ? { rows, sum } : { rows, sum, columns: columns - 1 });
  }
  return digest;
}

function readHash(reader: ByteReader): number {
  const hash = reader.varint();
  if (hash >= hashLimit) throw malformed('a hash has more than 48 bits');
  return hash;
}

export function writeQuestion(writer: ByteWriter, question: Question): void {
  switch (question.kind) {
    case 'digest':
      writer.byte(0);
      return;
    case 'sums':
      writer.byte(1);
      writeText(writer, question.table, tableNameBytesMax);
      writer.varint(question.buckets);
      return;
    case 'rows':
      writer.byte(2);
      writeText(writer, question.table, tableNameBytesMax);
      writer.varint(question.buckets);
      writer.varint(question.rowsMax);
      writer.varint(question.chosen.length);
      for (const bucket of question.chosen) writer.varint(bucket);
      return;
    case 'content':
      writer.byte(3);
      writeContentRequests(writer, question.requests);
  }
}

export function readQuestion(reader: ByteReader): Question {
  const kind = reader.byte();
  if (kind === 0) return { kind: 'digest' };
  if (kind === 3) return { kind: 'content', requests: readContentRequests(reader) };
  if (kind > 3) throw malformed('unknown kind of question');
  const table = readText(reader, tableNameBytesMax);
  const buckets = readAtMost(reader, bucketsMax, 1);
  if (kind === 1) return { kind: 'sums', table, buckets };
  const rowsMax = readAtMost(reader, bucketRowsMax, 1);
  const count = reader.count('buckets', bucketsMax, 1);
  const chosen = Array.from({ length: count }, () => readAtMost(reader, buckets - 1, 0));
  return { kind: 'rows', table, buckets, chosen, rowsMax };
}

function readAtMost(reader: ByteReader, max: number, min: number): number {
  const value = reader.varint();
  if (value > max || value < min) throw malformed('a number of a question is out of range');
  return value;
}

export function writeAnswer(writer: ByteWriter, answer: Answer): void {
  switch (answer.kind) {
    case 'digest':
      writer.byte(0);
      writeVector(writer, answer.vector);
      writeDigest(writer, answer.digest);
      writeTexts(writer, answer.leftOut, textBytesMax);
      writer.varint(answer.held);
      return;
    case 'sums':
      writer.byte(1);
      writer.varint(answer.sums.length);
      for (const sum of answer.sums) writer.varint(sum);
      return;
    case 'rows':
      writer.byte(2);
      writeRows(writer, answer.rows);
      return;
    case 'content':
      writer.byte(4);
      writeContentPieces(writer, answer.pieces);
      return;
    case 'failed':
      writer.byte(3);
      writeText(writer, answer.code, nameBytesMax);
      writeText(writer, answer.text, textBytesMax);
  }
}

export function readAnswer(reader: ByteReader): Answer {
  switch (reader.byte()) {
    case 0: {
      const vector = readVector(reader);
      const digest = readDigest(reader);
      const leftOut = readTexts(reader, 'left out', tablesMax, textBytesMax);
      return { kind: 'digest', vector, digest, leftOut, held: reader.varint() };
    }
    case 1: {
      const count = reader.count('sums', bucketsMax, 1);
      return { kind: 'sums', sums: Array.from({ length: count }, () => readHash(reader)) };
    }
    case 2: {
      const count = reader.count('rows', bucketRowsMax, 3);
      return { kind: 'rows', rows: Array.from({ length: count }, () => readRow(reader)) };
    }
    case 3:
      return { kind: 'failed', code: readText(reader, nameBytesMax), text: readText(reader, textBytesMax) };
    case 4:
      return { kind: 'content', pieces: readContentPieces(reader) };
    default:
      throw malformed('unknown kind of answer');
  }
}

/** As many rows as an answer holds; the asker sees from the hashes that some are missing. */
function writeRows(writer: ByteWriter, rows: readonly AnsweredRow[]): void {
  const fitting: AnsweredRow[] = [];
  let bytes = 0;
  for (const row of rows.slice(0, bucketRowsMax)) {
    bytes += 32 + row.key.reduce<number>((sum, value) => sum + valueBytesMax(value), 0);
    if (bytes > answerBytesMax) break;
    fitting.push(row);
  }
  writer.varint(fitting.length);
  for (const row of fitting) {
    writer.varint(row.bucket);
    writer.varint(row.hash);
    writer.varint(row.key.length);
    for (const value of row.key) writeValue(writer, value);
  }
}

function readRow(reader: ByteReader): AnsweredRow {
  const bucket = reader.varint();
  const hash = readHash(reader);
  const count = reader.count('key columns', keyColumnsMax, 1);
  return { bucket, hash, key: Array.from({ length: count }, () => readValue(reader)) };
}

function valueBytesMax(value: SqlValue): number {
  if (typeof value === 'string') return 8 + value.length * 3;
  if (value instanceof Uint8Array) return 8 + value.length;
  if (value instanceof RawText) return 8 + value.bytes.length;
  return 24;
}

function writeValue(writer: ByteWriter, value: SqlValue): void {
  if (value === null) return writer.byte(0);
  if (typeof value === 'bigint') {
    writer.byte(1);
    return writeText(writer, value.toString(), 32);
  }
  if (typeof value === 'number') {
    writer.byte(2);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value);
    return writer.raw(bytes);
  }
  if (typeof value === 'string') {
    writer.byte(3);
    return writeText(writer, value, answerBytesMax);
  }
  writer.byte(value instanceof RawText ? 5 : 4);
  const bytes = value instanceof RawText ? value.bytes : value;
  writer.varint(bytes.length);
  writer.raw(bytes);
}

function readValue(reader: ByteReader): SqlValue {
  switch (reader.byte()) {
    case 0:
      return null;
    case 1: {
      const digits = readText(reader, 32);
      if (!/^-?\d{1,20}$/.test(digits)) throw malformed('an integer has the wrong form');
      return BigInt(digits);
    }
    case 2: {
      const bytes = reader.take(8);
      return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
    }
    case 3:
      return readText(reader, answerBytesMax);
    case 4:
      return reader.take(reader.varint()).slice();
    case 5:
      return new RawText(reader.take(reader.varint()).slice());
    default:
      throw malformed('unknown kind of value');
  }
}
