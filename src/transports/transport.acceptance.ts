/** What every channel must do, whatever carries it. Each transport runs this suite on the real thing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel } from './transport.js';

export interface ChannelPair {
  readonly channels: readonly [Channel, Channel];
  /** Frees everything that the pair needed. */
  end(): Promise<void>;
}

interface Received {
  readonly frames: Uint8Array[];
  readonly closes: string[];
  drains: number;
}

export function acceptChannels(name: string, open: () => Promise<ChannelPair>): void {
  const withPair = (fact: string, run: (pair: ChannelPair) => Promise<void>): void => {
    test(`${name}: ${fact}`, async () => {
      const pair = await open();
      try {
        await run(pair);
      } finally {
        await pair.end();
      }
    });
  };

  withPair('frames of every size arrive whole and in order, both ways', async ({ channels: [a, b] }) => {
    const [atA, atB] = [collect(a), collect(b)];
    const sizes = [1, 2, 5, 1000, 65_535, 65_536, 70_001, 1024 * 1024, 3];
    for (const size of sizes) {
      a.send(patterned(size));
      b.send(patterned(size));
    }
    await until(() => atA.frames.length === sizes.length && atB.frames.length === sizes.length);
    for (const received of [atA, atB]) {
      assert.deepEqual(
        received.frames.map((frame) => frame.length),
        sizes,
      );
      for (const frame of received.frames) assert.deepEqual(frame, patterned(frame.length));
    }
  });

  withPair('frames that came before anybody listened are delivered', async ({ channels: [a, b] }) => {
    a.send(patterned(10));
    a.send(patterned(20));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const atB = collect(b);
    await until(() => atB.frames.length === 2);
    assert.deepEqual(
      atB.frames.map((frame) => frame.length),
      [10, 20],
    );
  });

  withPair('what was queued before the close arrives, then both sides hear of the end once', async ({ channels }) => {
    const [a, b] = channels;
    const [atA, atB] = [collect(a), collect(b)];
    for (let i = 0; i < 20; i++) a.send(patterned(100_000));
    a.close('done');
    await until(() => atA.closes.length > 0 && atB.closes.length > 0);
    assert.equal(atB.frames.length, 20);
    b.send(patterned(1));
    a.send(patterned(1));
    a.close('again');
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual([atA.closes.length, atB.closes.length], [1, 1]);
  });

  withPair('the queue is counted, and its fall below the low mark is told', async ({ channels: [a, b] }) => {
    const [atA, atB] = [collect(a), collect(b)];
    for (let i = 0; i < 40; i++) a.send(patterned(128 * 1024));
    assert.ok(a.queuedBytes > 1024 * 1024, `${a.queuedBytes} bytes are queued`);
    await until(() => atB.frames.length === 40 && atA.drains > 0);
    await until(() => a.queuedBytes === 0);
  });
}

function collect(channel: Channel): Received {
  const received: Received = { frames: [], closes: [], drains: 0 };
  channel.listen({
    onFrame: (frame) => received.frames.push(frame.slice()),
    onDrain: () => received.drains++,
    onClose: (reason) => received.closes.push(reason),
  });
  return received;
}

const patterned = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * 7 + length) % 251);

async function until(isDone: () => boolean, timeoutMs = 5000): Promise<void> {
  const untilMs = Date.now() + timeoutMs;
  while (!isDone()) {
    assert.ok(Date.now() < untilMs, 'it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
