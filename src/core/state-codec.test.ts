/** Goal: state, vectors and single rows of cells come back as they were; anything else is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { compressBytes, decompressBytes } from '../system/compression.js';
import { decodeCells, encodeCells } from './cells-codec.js';
import {
  aliasArbitrary,
  cellStampArbitrary,
  cellValueArbitrary,
  chainArbitrary,
  originArbitrary,
  originOf,
  stampArbitrary,
  stateBlockArbitrary,
} from './codec.arbitrary.js';
import { rowsPerPartMax } from './limits.js';
import type { Stamp } from './stamp.js';
import { decodeStateChunk, encodeStateChunk } from './state-codec.js';
import { SyncError } from './sync-error.js';
import { decodeVector, encodeVector } from './vector-codec.js';
import type { VersionVector } from './version-vector.js';

const isRefusal = (error: unknown): boolean =>
  error instanceof SyncError && (error.code === 'USYNC-1504' || error.code === 'USYNC-1507');

const bounded = { interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false };

/** A cut copy and a lengthened copy must be refused; a damaged one may be read as something else. */
function damageRefused(bytes: Uint8Array, seed: number, decode: (bytes: Uint8Array) => unknown): void {
  assert.throws(() => decode(bytes.subarray(0, seed % bytes.length)), isRefusal);
  assert.throws(() => decode(Buffer.concat([bytes, Uint8Array.of(seed & 255)])), isRefusal);
  for (const value of [0, 1, 127, 128, 255]) {
    const copy = bytes.slice();
    copy[seed % copy.length] = value;
    try {
      decode(copy);
    } catch (error) {
      assert.ok(isRefusal(error), String(error));
    }
  }
}

test('a chunk of state comes back as it was', () => {
  const chunk = fc.tuple(fc.array(stateBlockArbitrary, { maxLength: 3 }), fc.array(aliasArbitrary, { maxLength: 5 }));
  fc.assert(
    fc.property(chunk, ([blocks, aliases]) => {
      const back = decodeStateChunk(encodeStateChunk({ blocks, aliases }, compressBytes), decompressBytes);
      assert.deepEqual(back.blocks, blocks);
      const byTable = ['customer', 'Bestellung größer', 'x'];
      const sorted = (list: typeof aliases): unknown =>
        byTable.map((name) => list.filter(({ table }) => table === name));
      assert.deepEqual(sorted([...back.aliases]), sorted(aliases));
    }),
    { numRuns: 80, ...bounded },
  );
});

test('names of tables that the sender lost come back', () => {
  const lost = new Set(['tags', 'naïve 𝄞']);
  assert.deepEqual(decodeStateChunk(encodeStateChunk({ lost }), decompressBytes).lost, lost);
});

test('who had seen what comes back as it was', () => {
  const stamps = fc.uniqueArray(fc.tuple(originArbitrary, stampArbitrary), {
    selector: ([origin]) => origin,
    maxLength: 4,
  });
  const stray = fc.record(
    { low: stampArbitrary, high: stampArbitrary, stamp: stampArbitrary, writer: originArbitrary },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(originArbitrary, stamps, fc.array(stray, { maxLength: 4 }), fc.nat(), (origin, pairs, found, seed) => {
      const seen = new Map([[origin, new Map(pairs)]]);
      const strays = new Map([[origin, found]]);
      const bytes = encodeStateChunk({ seen, strays });
      const back = decodeStateChunk(bytes, decompressBytes);
      assert.deepEqual([back.seen, back.strays], [seen, strays]);
      damageRefused(bytes, seed, (copy) => decodeStateChunk(copy, decompressBytes));
    }),
    { numRuns: 80, ...bounded },
  );
});

test('a damaged chunk of state is refused or read as something else', () => {
  fc.assert(
    fc.property(stateBlockArbitrary, aliasArbitrary, fc.nat(), (block, alias, seed) => {
      const bytes = encodeStateChunk({ blocks: [block], aliases: [alias] });
      damageRefused(bytes, seed, (copy) => decodeStateChunk(copy, decompressBytes));
    }),
    { numRuns: 300, ...bounded },
  );
});

test('a chunk with more rows than one may have is refused by the encoder', () => {
  const life = { stamp: 1 as Stamp, origin: originOf(1), index: 0 };
  const aliases = Array.from({ length: rowsPerPartMax + 1 }, () => ({ table: 'a', from: life, to: life, at: life }));
  assert.throws(() => encodeStateChunk({ aliases }), isRefusal);
});

const vectorArbitrary = fc
  .array(fc.tuple(originArbitrary, stampArbitrary, chainArbitrary))
  .map((entries): VersionVector => new Map(entries.map(([origin, stamp, chain]) => [origin, { stamp, chain }])));

test('a vector comes back as it was, and equal vectors have equal bytes (C8)', () => {
  fc.assert(
    fc.property(vectorArbitrary, fc.nat(), (vector, seed) => {
      const bytes = encodeVector(vector);
      assert.deepEqual(decodeVector(bytes), vector);
      assert.deepEqual(encodeVector(new Map([...vector].toReversed())), bytes);
      damageRefused(bytes, seed, decodeVector);
    }),
    bounded,
  );
});

test('the cells of one row come back as they were', () => {
  const cells = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 8 }), cellValueArbitrary, cellStampArbitrary), {
    selector: ([name]) => name,
  });
  fc.assert(
    fc.property(cells, fc.nat(), (all, seed) => {
      const columns = all.map(([name]) => name);
      const values = all.map(([, value]) => value);
      const stamps = all.map(([, , at]) => at);
      const bytes = encodeCells(columns, values, stamps);
      assert.deepEqual(decodeCells(bytes), { columns, values, stamps });
      damageRefused(bytes, seed, decodeCells);
    }),
    bounded,
  );
});
