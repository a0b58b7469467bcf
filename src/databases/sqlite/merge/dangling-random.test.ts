/**
 * Random writes to tables that refer to each other by natural keys, composite keys and unique columns. Applications that
 * do not enforce their foreign keys leave references that lead nowhere: what one server shows all show, those that enforce
 * too.
 */
import { test } from 'node:test';
import { naturalKeyWrites } from '../testing/natural-key-writes.js';
import { checkRandomWrites } from '../testing/random-writes.js';

const scenes = [
  { name: 'nobody enforces', enforces: [false, false, false], seeds: [1, 2, 16, 40] },
  { name: 'one enforces', enforces: [true, false, false], seeds: [5, 6] },
  { name: 'all enforce', enforces: [true, true, true], seeds: [3] },
];

for (const { name, enforces, seeds } of scenes) {
  for (const seed of seeds) {
    test(`references by value come to the same everywhere, ${name}, seed ${seed}`, () =>
      checkRandomWrites(seed, naturalKeyWrites(enforces)));
  }
}
