/**
 * Goal: two servers cut equal content alike, and an edit leaves the chunks that it does not touch alone. Method: random
 * contents and edits; how the content is read must not show.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeChunkList, encodeChunkList, type Chunk } from './chunk-list.js';
import { chunkBytesMax, chunkSizeFor, type ChunkSize } from './chunk-size.js';
import { findChunkEnd } from './find-chunk-end.js';

const tiny: ChunkSize = { min: 256, average: 1024, max: 4096 };

function chunksOf(bytes: Uint8Array, size: ChunkSize): Chunk[] {
  const chunks: Chunk[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = findChunkEnd(bytes, { from, to: bytes.length, size });
    const hash = createHash('sha256').update(bytes.subarray(from, end)).digest();
    chunks.push({ hash, offset: from, length: end - from });
    from = end;
  }
  return chunks;
}

const names = (chunks: readonly Chunk[]): string[] => chunks.map(({ hash }) => Buffer.from(hash).toString('hex'));

function noise(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}

const contents = fc.record({ seed: fc.nat(), length: fc.nat({ max: 60_000 }) });

test('chunks cover the content without gap, within the bounds of their sizes', () => {
  fc.assert(
    fc.property(contents, ({ seed, length }) => {
      const chunks = chunksOf(noise(seed, length), tiny);
      assert.equal(
        chunks.reduce((sum, chunk) => sum + chunk.length, 0),
        length,
      );
      for (const [index, chunk] of chunks.entries()) {
        assert.ok(chunk.length <= tiny.max);
        if (index < chunks.length - 1) assert.ok(chunk.length > tiny.min);
      }
    }),
    { numRuns: 200 },
  );
});

test('chunks are the same however the content is read', () => {
  fc.assert(
    fc.property(contents, fc.integer({ min: 1, max: 5000 }), ({ seed, length }, surplus) => {
      const whole = noise(seed, length);
      const ends: number[] = [];
      for (let from = 0; from < length;) {
        // A window that ends somewhere behind the largest chunk.
        const window = whole.subarray(from, Math.min(length, from + tiny.max + surplus));
        from += findChunkEnd(window, { from: 0, to: window.length, size: tiny });
        ends.push(from);
      }
      assert.deepEqual(
        ends,
        chunksOf(whole, tiny).map((chunk) => chunk.offset + chunk.length),
      );
    }),
    { numRuns: 100 },
  );
});

test('an insert anywhere changes few chunks', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 100 }),
      (seed, at, bytes) => {
        const before = noise(seed, 200_000);
        const place = Math.floor(at * before.length);
        const after = Buffer.concat([before.subarray(0, place), noise(seed + 1, bytes), before.subarray(place)]);
        const known = new Set(names(chunksOf(before, tiny)));
        const fresh = names(chunksOf(after, tiny)).filter((name) => !known.has(name));
        assert.ok(fresh.length <= 12, `${fresh.length} new chunks`);
      },
    ),
    { numRuns: 100 },
  );
});

test('the average size of chunks is near the one asked for', () => {
  const size = chunkSizeFor(16 * 1024 * 1024);
  const chunks = chunksOf(noise(7, 16 * 1024 * 1024), size);
  const average = (16 * 1024 * 1024) / chunks.length;
  assert.ok(average > size.average * 0.6 && average < size.average * 1.8, `${average}`);
});

test('cutting is fixed by the protocol: these are the borders of a known content', () => {
  assert.deepEqual(
    chunksOf(noise(1, 20_000), tiny).map(({ length }) => length),
    [590, 397, 1172, 1197, 1073, 966, 1685, 1452, 715, 1291, 1186, 1221, 1111, 1602, 1382, 1538, 1422],
  );
});

test('every size of content has chunks that fit the largest one', () => {
  for (const bytes of [0, 1, 2 ** 26, 2 ** 26 + 1, 2 ** 32, 2 ** 32 + 1, 2 ** 45])
    assert.ok(chunkSizeFor(bytes).max <= chunkBytesMax);
});

test('a list of chunks is read as it was written', () => {
  fc.assert(
    fc.property(contents, ({ seed, length }) => {
      const chunks = chunksOf(noise(seed, length + 1), tiny);
      const read = decodeChunkList(encodeChunkList(chunks), length + 1);
      assert.deepEqual(names(read), names(chunks));
      assert.deepEqual(
        read.map(({ offset }) => offset),
        chunks.map(({ offset }) => offset),
      );
    }),
    { numRuns: 50 },
  );
});

test('a list that is cut, of another size, or with impossible chunks is refused', () => {
  const good = encodeChunkList(chunksOf(noise(3, 9000), tiny));
  const zero = good.slice();
  zero.fill(0, 0, 4);
  const huge = good.slice();
  huge.fill(0xff, 0, 4);
  for (const [bytes, size] of [
    [good.subarray(1), 9000],
    [good, 9001],
    [zero, 9000],
    [huge, 9000],
    [new Uint8Array(), 0],
  ] as const)
    assert.throws(() => decodeChunkList(bytes, size), { code: 'USYNC-1504' });
});
