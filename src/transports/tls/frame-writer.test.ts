/** Frames through a writer and a reader whose chunks are written over: what comes out is what went in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFrameReader } from './frame-reader.js';
import { createFrameWriter } from './frame-writer.js';

/** A socket that is done with a write when it is told so. */
function ground() {
  const writes: { readonly bytes: Uint8Array; readonly done: () => void }[] = [];
  const writer = createFrameWriter({
    write: (bytes, onWritten) => void writes.push({ bytes, done: onWritten }),
    onSent: () => undefined,
  });
  return { writes, writer };
}

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const patterned = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * 7 + length) % 251);

test('frames of one moment go out in one write, and one write is under way at a time', async () => {
  const { writes, writer } = ground();
  for (const length of [1, 200, 3000]) writer.send(patterned(length));
  await tick();
  writer.send(patterned(5));
  await tick();
  assert.deepEqual(
    writes.map(({ bytes }) => bytes.length),
    [3201 + 3 * 4],
  );
  assert.equal(writer.queuedBytes, 3201 + 3 * 4 + 5 + 4);
  writes[0]?.done();
  await tick();
  assert.equal(writes.length, 2);
  assert.equal(writer.queuedBytes, 9);
});

test('frames of every size arrive whole and in order, in whatever pieces the bytes come', async () => {
  const { writes, writer } = ground();
  const lengths = [1, 140_000, 7, 147_450, 147_452, 147_456, 3, 300_000, 1024 * 1024, 2, 131_072];
  for (const length of lengths) writer.send(patterned(length));
  let isFinished = false;
  writer.finish(() => {
    isFinished = true;
  });
  const frames: Uint8Array[] = [];
  const reader = createFrameReader({ frameBytesMax: () => 1024 * 1024, onFrame: (frame) => frames.push(frame) > 0 });
  const chunk = new Uint8Array(16_001);
  for (let at = 0; at === 0 || at < writes.length; at++) {
    await tick();
    const write = writes[at];
    assert.ok(write);
    for (let from = 0; from < write.bytes.length; from += chunk.length) {
      const part: Uint8Array = write.bytes.subarray(from, from + chunk.length);
      chunk.set(part);
      assert.equal(reader.push(chunk.subarray(0, part.length)), null);
    }
    assert.equal(isFinished, false);
    write.done();
  }
  assert.equal(isFinished, true);
  assert.deepEqual(
    frames.map(({ length }) => length),
    lengths,
  );
  for (const frame of frames) assert.deepEqual(Buffer.from(frame), Buffer.from(patterned(frame.length)));
});
