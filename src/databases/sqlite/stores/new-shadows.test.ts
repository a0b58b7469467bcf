import assert from 'node:assert/strict';
import { test } from 'node:test';
import { genesisOrigin } from '../../../core/origin.js';
import type { LifeName } from '../../../core/life.js';
import type { Stamp } from '../../../core/stamp.js';
import { openMergeServer } from '../testing/merge-scene.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

/** Multiplied with a large odd number modulo 2^32: the same on every run. */
function createNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
}

test('shadows written in bulk are those that were given, whatever runs of them have in common', async () => {
  using folder = temporaryFolder();
  const server = openMergeServer(folder.path('a.db'), 'a', { schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)' });
  await server.capture();
  const { context } = server;
  const table = context.tables.byName('t');
  assert.ok(table);
  const numbers = createNumbers(7);
  const origin = context.origins.own();
  const stamp = 5_000_000 as Stamp;
  const count = 4000;
  const keys: bigint[] = [];
  const rows = new Map<number, LifeName>();
  const times: number[] = [];
  const indexes: number[] = [];
  // Names grow by a byte at 128 and at 16,384; now and then a key, a time, an index or a name breaks the run.
  let [key, time, index] = [1, stamp - 9, 0];
  for (let n = 0; n < count; n++) {
    key += numbers(150) === 0 ? 1 + numbers(9000) : 1;
    if (numbers(200) === 0) time = stamp - numbers(50);
    index += numbers(300) === 0 ? 2 : 1;
    keys.push(BigInt(key));
    times.push(time);
    indexes.push(index);
    if (n < 2000 || numbers(100) === 0) rows.set(n, { origin: genesisOrigin, stamp: 1 as Stamp, index: key });
  }
  const hashes = keys.map(() => numbers(2 ** 31) * 2 ** 16 + numbers(2 ** 16));
  const columns = Uint8Array.from({ length: count * 8 }, () => numbers(256));
  const originNumber = context.origins.numberOf(origin);
  const shadows = { origin: originNumber, stamp, count, keys: [keys], indexes, times, hashes, columns, rows };
  context.shadows.putMany(table, shadows);
  for (let n = 0; n < count; n++) {
    const shadow = context.shadows.find(table, [keys[n] ?? null]);
    assert.deepEqual(
      shadow && { ...shadow, columns: [...shadow.columns] },
      {
        life: { origin, stamp, index: indexes[n] },
        row: rows.get(n) ?? null,
        at: { origin, stamp: times[n] },
        hash: hashes[n],
        columns: [...columns.subarray(n * 8, n * 8 + 8)],
        exceptions: null,
      },
      `shadow ${n}`,
    );
  }
  assert.equal(context.shadows.count(table), count);
  server.close();
});
