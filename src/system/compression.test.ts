import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import { compressBytes, decompressBytes } from './compression.js';

const text = (count: number): Uint8Array => new TextEncoder().encode('the same again, '.repeat(count));

test('what is compressed comes back', () => {
  const raw = text(10_000);
  const packed = compressBytes(raw);
  assert.ok(packed.length < raw.length / 10);
  assert.deepEqual(Uint8Array.from(decompressBytes(packed, raw.length)), raw);
});

test('small bytes, and bytes that would not shrink, are handed back as they are', () => {
  const small = text(10);
  assert.equal(compressBytes(small), small);
  let state = 1;
  const noise = new Uint8Array(100_000).map(() => (state = Math.imul(state, 0x0019_660d) + 0x3c6e_f35f) >>> 24);
  assert.equal(compressBytes(noise), noise);
});

test('decompression stops at the stated size', () => {
  const packed = compressBytes(text(100_000));
  assert.throws(
    () => decompressBytes(packed, 1000),
    (error) => error instanceof SyncError && error.code === 'USYNC-1504',
  );
});
