import { existsSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { median, type Figure } from './figure.js';
import { createUsyncPair, untilTrue, type UsyncPair } from './folder-pair.js';
import { mebibyte, randomKey, writeLargeFile } from './random-files.js';

const insertBytes = 256 * mebibyte;

/** A byte is inserted at the front of a large file, which is written anew beside it and takes its place. */
export const benchInsert = (rounds: number): Promise<Figure[]> =>
  withLargeFile(insertBytes, async (pair, key) => {
    const bytes: number[] = [];
    const ms: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const fresh = join(pair.beside, 'fresh.bin');
      writeLargeFile(fresh, insertBytes, key, Buffer.alloc(round, 'x'));
      const bytesBefore = pair.bytes();
      const startedAt = performance.now();
      renameSync(fresh, join(pair.source, 'large.bin'));
      const size = insertBytes + round;
      ms.push(await untilTrue(startedAt, 120_000, () => statSync(join(pair.target, 'large.bin')).size === size));
      await pair.settled();
      bytes.push(pair.bytes() - bytesBefore);
    }
    return [
      trafficFigure('a byte inserted at the front of 256 MiB: what travels', median(bytes), 1500),
      {
        name: 'the same: from the rename until it is visible',
        value: median(ms),
        unit: 'ms',
        baseline: null,
        goal: { kind: 'at most', value: 3000 },
      },
    ];
  });

export const benchRename = (rounds: number): Promise<Figure[]> =>
  withLargeFile(1024 * mebibyte, async (pair) => {
    const bytes: number[] = [];
    const ms: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const from = round === 0 ? 'large.bin' : `renamed-${round - 1}.bin`;
      const to = `renamed-${round}.bin`;
      const bytesBefore = pair.bytes();
      const startedAt = performance.now();
      renameSync(join(pair.source, from), join(pair.source, to));
      const isMoved = (): boolean => existsSync(join(pair.target, to)) && !existsSync(join(pair.target, from));
      ms.push(await untilTrue(startedAt, 120_000, isMoved));
      await pair.settled();
      bytes.push(pair.bytes() - bytesBefore);
    }
    return [
      trafficFigure('a file of 1 GiB renamed: what travels', median(bytes), 100),
      { name: 'the same: until it is visible', value: median(ms), unit: 'ms', baseline: null, goal: null },
    ];
  });

const trafficFigure = (name: string, bytes: number, kilobytesMax: number): Figure => ({
  name,
  value: bytes / 1000,
  unit: 'kB',
  baseline: null,
  goal: { kind: 'at most', value: kilobytesMax },
});

async function withLargeFile(
  bytes: number,
  work: (pair: UsyncPair, key: Uint8Array) => Promise<Figure[]>,
): Promise<Figure[]> {
  const pair = await createUsyncPair({ isCounted: true });
  try {
    const key = randomKey();
    writeLargeFile(join(pair.beside, 'large.bin'), bytes, key);
    renameSync(join(pair.beside, 'large.bin'), join(pair.source, 'large.bin'));
    await untilTrue(performance.now(), 300_000, () => existsSync(join(pair.target, 'large.bin')));
    await pair.settled();
    return await work(pair, key);
  } finally {
    await pair.clear();
  }
}
