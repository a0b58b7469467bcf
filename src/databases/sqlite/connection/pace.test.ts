/** The gaps that are left between two locks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPace } from './pace.js';

/** When SQLite's busy handler tries again, in ms after the first try. */
const tries = [0, 1, 3, 8, 18, 33, 53, 78, 103, 128, 178, 228, 328];

test('whoever waits for the lock through SQLite gets it in the first gap, whenever it began to wait', () => {
  const pace = createPace();
  for (let heldMs = 0.25; heldMs < 200; heldMs += 0.25) {
    const gapMs = pace.pauseMs(heldMs);
    assert.ok(gapMs >= heldMs, `the gap after ${heldMs} ms is as long`);
    for (let leftMs = 0.125; leftMs <= heldMs; leftMs += 0.25) {
      const isMet = tries.some((at) => at >= leftMs && at <= leftMs + gapMs);
      assert.ok(isMet, `held for ${heldMs} ms, of which ${leftMs} ms were left: the gap of ${gapMs} ms is missed`);
    }
  }
});

test('where writers do not wait, a changeset that would hold the lock for more than 25 ms lands in parts', () => {
  const [plain, polite, whole] = [
    createPace(),
    createPace({ polite: true }),
    createPace({ polite: true, landing: 'whole' }),
  ];
  const bytes = 8_000 * 30;
  assert.deepEqual(
    [plain, polite, whole].map((pace) => [
      pace.isTooLarge(bytes, 10),
      pace.isTooLarge(100, 1_001),
      pace.isTooSlow(30, 0.9),
    ]),
    [
      [false, false, false],
      [true, true, true],
      [false, false, false],
    ],
  );
});
