/** Buffers that are used again: one user at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveSpare, isSpare, takeBytes, takeSpares } from './spare-buffers.js';

const many = 100 * 1024;

function empty(): void {
  while (takeSpares(many).length > 0);
}

test('a buffer that was given back is used again, by one user, however often it was given back', () => {
  empty();
  const { buffer } = takeBytes(many);
  giveSpare(buffer);
  giveSpare(buffer);
  assert.equal(takeBytes(many).buffer, buffer);
  assert.notEqual(takeBytes(many).buffer, buffer);
});

test('few bytes, and more than a spare holds, have a buffer of their own size', () => {
  for (const count of [0, 1, 1000, 1024 * 1024]) {
    const bytes = takeBytes(count);
    assert.equal(bytes.buffer.byteLength, count);
    assert.equal(isSpare(bytes.buffer), false);
  }
});

test('what went to another thread is not used again here', () => {
  empty();
  const { buffer } = takeBytes(many);
  structuredClone(buffer, { transfer: [buffer] });
  giveSpare(buffer);
  assert.deepEqual(takeSpares(many), []);
});

test('a bounded number is kept', () => {
  empty();
  const taken = Array.from({ length: 100 }, () => takeBytes(many).buffer);
  for (const buffer of taken) giveSpare(buffer);
  let kept = 0;
  while (takeSpares(many).length > 0) kept++;
  assert.equal(kept, 32);
});
