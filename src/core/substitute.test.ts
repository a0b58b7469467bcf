/** Goal: substitutes fit where numbers live and do not meet. Method: bounds, and many rows of many origins. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { LifeName } from './life.js';
import type { OriginId } from './origin.js';
import type { Stamp } from './stamp.js';
import { renamedText, substituteNumber } from './substitute.js';

const row = (stamp: number, origin = 'aaaaaaaaaaaaaaab-00000000'): LifeName => ({
  stamp: stamp as Stamp,
  origin: origin as OriginId,
  index: 0,
});

it('a substitute is negative, ends in the digits of the number, and fits 32 bits below a million', () => {
  for (const number of [0n, 57n, 999_999n])
    for (const attempt of [0, 1, 2145]) {
      const substitute = substituteNumber(row(1), number, attempt);
      assert.ok(substitute < 0n && substitute >= -(2n ** 31n));
      assert.equal(-substitute % 1_000_000n, number);
    }
});

it('a substitute is a number that JavaScript holds exactly, whatever it stands for', () => {
  for (const number of [10n ** 6n, 10n ** 12n - 1n, 10n ** 12n, 2n ** 63n - 1n, -5n, -(2n ** 63n)]) {
    const substitute = substituteNumber(row(1), number, 9_005);
    assert.ok(substitute < 0n && substitute >= -BigInt(Number.MAX_SAFE_INTEGER));
  }
});

it('a column without a sign gets a positive one', () => {
  assert.equal(substituteNumber(row(1), 57n, 0, true), -substituteNumber(row(1), 57n, 0));
});

it('different numbers never get one substitute, from whatever origin and at whatever attempt', () => {
  const numberBySubstitute = new Map<bigint, bigint>();
  for (let origin = 0; origin < 40; origin++)
    for (let number = 1n; number <= 60n; number++)
      for (let attempt = 0; attempt < 3; attempt++) {
        const substitute = substituteNumber(row(1, `origin ${origin}`), number, attempt);
        assert.equal(numberBySubstitute.get(substitute) ?? number, number);
        numberBySubstitute.set(substitute, number);
      }
});

it('attempts go on past the last slot', () => {
  const seen = new Set(Array.from({ length: 5_000 }, (_, attempt) => substituteNumber(row(1), 57n, attempt)));
  assert.equal(seen.size, 5_000);
});

it('a renamed text says what it was and differs by row', () => {
  assert.match(renamedText('anna', row(1)), /^anna~[0-9a-z]{7}$/);
  assert.notEqual(renamedText('anna', row(1)), renamedText('anna', row(2)));
});
