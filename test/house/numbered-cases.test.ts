// Goal: every hard case (H1 to H49) and every failure of before (F1 to F47) is a named test. Method: names of tests begin with
// the numbers that they prove; this reads all names.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const named = /\b(?:test|it|describe)\(\s*(?:'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`|"((?:[^"\\]|\\.)*)")/g;
const numbers = /^((?:[HF]\d+, )*[HF]\d+): \S/;

const names = ['src', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .map(String)
    .filter((name) => /\.(?:test|acceptance)\.ts$/.test(name))
    .flatMap((name) =>
      [...readFileSync(join(root, folder, name), 'utf8').matchAll(named)].map((match) => ({
        file: `${folder}/${name}`,
        name: match[1] ?? match[2] ?? match[3] ?? '',
      })),
    ),
);

const proven = new Set(names.flatMap(({ name }) => numbers.exec(name)?.[1]?.split(', ') ?? []));

for (const [letter, last, what] of [
  ['H', 49, 'hard case'],
  ['F', 47, 'failure of before'],
] as const)
  test(`every ${what} (${letter}1 to ${letter}${last}) is a named test, and no other number is`, () => {
    const wanted = Array.from({ length: last }, (_, i) => `${letter}${i + 1}`);
    const missing = wanted.filter((number) => !proven.has(number));
    assert.deepEqual(missing, []);
    const unknown = [...proven].filter((number) => number.startsWith(letter) && !wanted.includes(number));
    assert.deepEqual(unknown, []);
  });

test('a name that speaks of a number begins with it, so that it is counted', () => {
  const astray = names.filter(({ name }) => /\b[HF]\d{1,2}\b/.test(name) && !numbers.test(name));
  assert.deepEqual(astray, []);
});
