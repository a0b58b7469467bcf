/** Goal: numbers of every size come back exactly, and nothing reads past the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createByteReader } from './byte-reader.js';
import { createByteWriter } from './byte-writer.js';
import { SyncError } from './sync-error.js';

const edges = [0, 1, 63, 64, 127, 128, 8191, 8192, 2 ** 28 - 1, 2 ** 28, 2 ** 31, 2 ** 32, 2 ** 49, 2 ** 53 - 1];

test('numbers of every size come back exactly', () => {
  const out = createByteWriter(1);
  for (const edge of edges) {
    out.varint(edge);
    out.signed(edge);
    out.signed(-edge);
  }
  out.signed(2 ** 53);
  const input = createByteReader(out.copy());
  for (const edge of edges) {
    assert.equal(input.varint(), edge);
    assert.equal(input.signed(), edge);
    assert.equal(input.signed() + 0, 0 - edge);
  }
  assert.equal(input.signed(), 2 ** 53);
  assert.equal(input.left, 0);
  fc.assert(
    fc.property(fc.maxSafeInteger(), (number) => {
      out.reset();
      out.signed(number);
      out.varint(Math.abs(number));
      const back = createByteReader(out.copy());
      assert.equal(back.signed() + 0, number + 0);
      assert.equal(back.varint(), Math.abs(number));
    }),
  );
});

test('text of every length in bytes comes back, also when it fills the buffer', () => {
  for (const text of ['', 'a', 'é', '語', '🙂', 'a'.repeat(1000), 'é'.repeat(1000), `x${'🙂'.repeat(333)}`]) {
    const out = createByteWriter(1);
    out.utf8(text);
    assert.equal(createByteReader(out.copy()).utf8(out.position), text);
  }
});

test('a number that does not end, is too large, or is cut is refused', () => {
  const endless = new Uint8Array(20).fill(0xff);
  const padded = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0);
  for (const bytes of [endless, padded, Uint8Array.of(0x80), new Uint8Array()]) {
    assert.throws(() => createByteReader(bytes).varint(), SyncError);
    assert.throws(() => createByteReader(bytes).signed(), SyncError);
  }
});

test('a writer stops at its bound', () => {
  const out = createByteWriter(16, 1000);
  out.raw(new Uint8Array(1000));
  assert.throws(
    () => out.byte(0),
    (error) => error instanceof SyncError && error.code === 'USYNC-1507',
  );
});

test('text that is not UTF-8 is refused', () => {
  assert.throws(() => createByteReader(Uint8Array.of(0xc3, 0x28)).utf8(2), SyncError);
});
