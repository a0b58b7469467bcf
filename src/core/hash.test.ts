/** Goal: hashes tell apart what differs, and only that. Method: realistic data and single flipped bits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createChain } from './hash.js';
import { columnHash, columnSeed, createRowHasher } from './row-hash.js';
import { RawText, type SqlValue } from './value.js';
import { emptyChain, type ChainHash } from './version-vector.js';

const chainOf = (parts: readonly Uint8Array[], before: ChainHash = emptyChain): ChainHash => {
  const chain = createChain(before);
  for (const part of parts) chain.add(part);
  return chain.value();
};

const hashOf = (row: Readonly<Record<string, SqlValue>>): number => {
  const names = Object.keys(row);
  return createRowHasher(names).hash(Object.values(row), new Uint32Array(names.length));
};

const bytesArbitrary = fc.uint8Array({ minLength: 1, maxLength: 40 });

test('a chain is 16 hex characters, the same on every run', () => {
  assert.equal(chainOf([Uint8Array.of(1, 2, 3, 4, 5)]), '93fd02f362c1cc74');
  assert.equal(chainOf([Uint8Array.of(1, 2, 3, 4, 5)], 'ffffffffffffffff' as ChainHash), '754dd5578f6a1b60');
  fc.assert(fc.property(bytesArbitrary, (bytes) => assert.match(chainOf([bytes]), /^[0-9a-f]{16}$/)));
});

test('a chain depends on every bit, on the order and borders of parts, and on what was before (C16)', () => {
  fc.assert(
    fc.property(bytesArbitrary, bytesArbitrary, fc.nat(), (a, b, seed) => {
      const flipped = a.slice();
      flipped[seed % a.length] = (a[seed % a.length] ?? 0) ^ (1 << (seed & 7));
      assert.notEqual(chainOf([flipped]), chainOf([a]));
      assert.notEqual(chainOf([Buffer.concat([a, b])]), chainOf([a, b]));
      assert.notEqual(chainOf([a], chainOf([b])), chainOf([a]));
      if (Buffer.compare(a, b) !== 0) assert.notEqual(chainOf([a, b]), chainOf([b, a]));
    }),
  );
});

test('a chain does not depend on how the bytes lie in memory', () => {
  const whole = Uint8Array.from({ length: 50 }, (_, i) => i);
  assert.equal(chainOf([whole.subarray(3, 40)]), chainOf([whole.slice(3, 40)]));
});

test('the order of columns does not count, their names do', () => {
  assert.equal(hashOf({ a: 1n, b: 'x', c: 2.5 }), hashOf({ c: 2.5, a: 1n, b: 'x' }));
  assert.notEqual(hashOf({ a: 1n, b: 2n }), hashOf({ a: 2n, b: 1n }));
  assert.notEqual(hashOf({ a: 1n }), hashOf({ b: 1n }));
});

test('a column of NULL changes no hash', () => {
  assert.equal(hashOf({ a: 1n, later: null }), hashOf({ a: 1n }));
  assert.equal(columnHash(columnSeed('a'), null), 0);
});

test('values that look alike have different hashes', () => {
  const bytes = Uint8Array.of(0x78);
  const alike: SqlValue[] = [1n, 1, '1', 'x', bytes, new RawText(bytes), 0n, 0, -0, '', new Uint8Array(), '\u0000'];
  alike.push('\u0000\u0000', 'a', 'a\u0000', Uint8Array.of(0), Uint8Array.of(0, 0), new RawText(Uint8Array.of(0)));
  alike.push(-1n, 2n ** 32n, 2n ** 32n - 1n, Infinity, -Infinity, 2n ** 63n - 1n, -(2n ** 63n));
  assert.equal(new Set(alike.map((a) => hashOf({ a }))).size, alike.length);
  assert.equal(new Set(alike.map((a) => columnHash(columnSeed('a'), a))).size, alike.length);
});

test('the hashes of columns that a row gives are those of the columns alone', () => {
  const out = new Uint32Array(3);
  createRowHasher(['a', 'b', 'c']).hash(['x', null, 5n], out);
  assert.deepEqual([...out], [columnHash(columnSeed('a'), 'x'), 0, columnHash(columnSeed('c'), 5n)]);
});

test('a row hash is a whole number below 2^48, the same on every run', () => {
  assert.equal(hashOf({ id: 7n, name: 'Grüße', price: 9.5, data: Uint8Array.of(1, 2, 3, 4, 5) }), 211_166_693_670_247);
  fc.assert(
    fc.property(
      fc.string(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.double(),
      (text, whole, real) => {
        const hash = hashOf({ text, whole, real });
        assert.ok(Number.isSafeInteger(hash) && hash >= 0 && hash < 2 ** 48);
      },
    ),
  );
});

test('rows of sequential numbers and similar texts do not collide', () => {
  const count = 200_000;
  const hasher = createRowHasher(['id', 'name', 'city']);
  const out = new Uint32Array(3);
  const hashes = new Set<number>();
  const low = new Set<number>();
  for (let i = 0; i < count; i++) {
    const hash = hasher.hash([BigInt(i), `customer ${i % 1000}`, `city ${i % 77}`], out);
    hashes.add(hash);
    low.add(hash % 2 ** 32);
  }
  assert.equal(hashes.size, count);
  // By chance about n^2 / 2^33 = 4.7 pairs share 32 bits.
  assert.ok(count - low.size < 20, `${count - low.size} collisions in 32 bits`);
});

test('swapped values between two columns of rows do not cancel each other out', () => {
  const hasher = createRowHasher(['a', 'b']);
  const out = new Uint32Array(2);
  const hashes = new Set<number>();
  for (let a = 0n; a < 300n; a++) for (let b = 0n; b < 300n; b++) hashes.add(hasher.hash([a, b], out));
  assert.equal(hashes.size, 90_000);
});

test('each flipped bit of a value flips about half of the bits of the hash', () => {
  const hasher = createRowHasher(['a']);
  const out = new Uint32Array(1);
  const flips = Array.from({ length: 48 }, () => 0);
  let rounds = 0;
  for (let i = 0; i < 2000; i++) {
    const value = BigInt(i) * 977n;
    const before = BigInt(hasher.hash([value], out));
    for (let bit = 0n; bit < 63n; bit += 7n) {
      const changed = before ^ BigInt(hasher.hash([value ^ (1n << bit)], out));
      for (let at = 0; at < 48; at++) flips[at] = (flips[at] ?? 0) + Number((changed >> BigInt(at)) & 1n);
      rounds++;
    }
  }
  for (const [at, count] of flips.entries()) {
    assert.ok(Math.abs(count / rounds - 0.5) < 0.02, `bit ${at} flips in ${(count / rounds).toFixed(3)} of the cases`);
  }
});

test('rows hashed column by column have the hashes that they have one by one', () => {
  const hasher = createRowHasher(['a', 'b', 'c']);
  const columns = [
    [1n, null, 'ü', new Uint8Array([1, 2, 3])],
    ['x', 1.5, -0, new RawText(new Uint8Array([255]))],
    [null, 2n ** 63n - 1n, '', null],
  ];
  const { rows, columns: hashes } = hasher.hashColumns(columns, 4);
  const one = new Uint32Array(3);
  for (let i = 0; i < 4; i++) {
    assert.equal(
      rows[i],
      hasher.hash(
        columns.map((column) => column[i] ?? null),
        one,
      ),
    );
    assert.deepEqual(hashes.slice(i * 3, i * 3 + 3), one);
  }
  const absent = hasher.hashColumns([['x'], null, null], 1);
  assert.equal(absent.rows[0], hasher.hash(['x', null, null], one));
});
