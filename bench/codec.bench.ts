import { createChain } from '../src/core/hash.js';
import { decodePart } from '../src/core/changeset-decoder.js';
import { createChangesetEncoder, type EncoderOptions } from '../src/core/changeset-encoder.js';
import type { ChangesetHeader, ChangesetPart, InsertBlock } from '../src/core/changeset.js';
import type { OriginId } from '../src/core/origin.js';
import { createRowHasher } from '../src/core/row-hash.js';
import type { Stamp } from '../src/core/stamp.js';
import { emptyChain } from '../src/core/version-vector.js';
import { compressBytes, decompressBytes } from '../src/system/compression.js';
import { median, type Figure } from './figure.js';
import { readingOf, type Reading } from './readings-table.js';

const rowCount = 200_000;
const runs = 5;
const columns = ['id', 'device', 'kind', 'place', 'value', 'count', 'note', 'payload'];
const stamp = (6.5 * 2 ** 49) as Stamp;
const header: ChangesetHeader = {
  origin: 'abcdefghijk23456-0000abcd' as OriginId,
  stamp,
  prev: (stamp - 1) as Stamp,
  prevChain: emptyChain,
  seen: new Map(),
  isDuty: false,
};

/** The codec and the hashes on their own: one changeset of 200,000 rows of about 210 bytes. JSON is the plain way. */
export function benchCodec(): Promise<Figure[]> {
  const rows = Array.from({ length: rowCount }, (_, at) => readingOf(at + 1));
  const block = blockOf(rows);
  const raw = encode(block, {});
  const packed = encode(block, { compress: compressBytes });
  const json = jsonOf(rows);
  const encodeJson = rowsPerSecond(() => jsonOf(rows));
  const decodeJson = rowsPerSecond(() => JSON.parse(json));
  return Promise.resolve([
    figure(
      'codec: encode',
      rowsPerSecond(() => encode(block, {})),
      'rows/s',
      encodeJson,
    ),
    figure(
      'codec: decode',
      rowsPerSecond(() => decode(raw)),
      'rows/s',
      decodeJson,
    ),
    figure(
      'codec: encode, compressed',
      rowsPerSecond(() => encode(block, { compress: compressBytes })),
    ),
    figure(
      'codec: decode, compressed',
      rowsPerSecond(() => decode(packed)),
    ),
    figure('codec: size of a row', bytesOf(raw) / rowCount, 'bytes', json.length / rowCount),
    figure('codec: size of a row, compressed', bytesOf(packed) / rowCount, 'bytes', json.length / rowCount),
    figure(
      'codec: chain hash',
      rowsPerSecond(() => chainOf(raw)),
    ),
    figure(
      'codec: row hash',
      rowsPerSecond(() => hashAll(rows)),
    ),
  ]);
}

const figure = (name: string, value: number, unit = 'rows/s', baseline: number | null = null): Figure => ({
  name,
  value,
  unit,
  baseline,
  goal: null,
});

const blockOf = (rows: readonly Reading[]): InsertBlock => ({
  kind: 'insert',
  table: 'readings',
  count: rows.length,
  columns,
  indexes: rows.map((_, at) => at),
  rows: new Map(),
  times: rows.map(() => (stamp - 1) as Stamp),
  cellStamps: new Map(),
  values: columns.map((_, column) => rows.map((row) => row[column] ?? null)),
});

function encode(block: InsertBlock, options: EncoderOptions): ChangesetPart[] {
  const encoder = createChangesetEncoder(header, options);
  return [...encoder.add(block), ...encoder.finish()];
}

function decode(parts: readonly ChangesetPart[]): void {
  for (const part of parts) decodePart(part.bytes, { decompress: decompressBytes, expect: part });
}

const bytesOf = (parts: readonly ChangesetPart[]): number => parts.reduce((sum, part) => sum + part.bytes.length, 0);

const jsonOf = (rows: readonly Reading[]): string =>
  JSON.stringify(
    rows.map((row) =>
      row.map((value) => {
        if (typeof value === 'bigint') return Number(value);
        return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
      }),
    ),
  );

function chainOf(parts: readonly ChangesetPart[]): string {
  const chain = createChain(emptyChain);
  for (const part of parts) chain.add(part.bytes);
  return chain.value();
}

function hashAll(rows: readonly Reading[]): number {
  const hasher = createRowHasher(columns);
  const hashes = new Uint32Array(columns.length);
  let sum = 0;
  for (const row of rows) sum += hasher.hash(row, hashes);
  return sum;
}

/** Median of some runs after a warm one, of CPU time, so that a busy machine does not count. */
function rowsPerSecond(run: () => unknown): number {
  run();
  const seconds = Array.from({ length: runs }, () => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  });
  return rowCount / median(seconds);
}
