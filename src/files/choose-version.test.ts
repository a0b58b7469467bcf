/**
 * Goal: which version has a path does not depend on the order of the rows, and no row is left unaccounted for. Method:
 * random rows, hostile ones included (equal times, bases in circles).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { folderVersion, linkVersion, type Entry, type EntryVersion } from '../core/entry.js';
import { chooseVersion } from './choose-version.js';
import { planPath } from './plan-path.js';

const versions: readonly EntryVersion[] = [
  folderVersion,
  linkVersion('a'),
  ...['A', 'B', 'C', 'D'].map((letter) => `f:${letter.repeat(43)}` as EntryVersion),
];

const entries = fc.uniqueArray(
  fc.record({
    path: fc.constant('a.txt'),
    version: fc.constantFrom(...versions),
    size: fc.nat({ max: 9 }),
    mode: fc.constantFrom(0o644, 0o600),
    modeAge: fc.nat({ max: 2 }),
    mtime: fc.nat({ max: 3 }),
    base: fc.option(fc.constantFrom(...versions)),
    author: fc.constantFrom('pit', 'ann'),
    time: fc.nat({ max: 3 }),
    copyOf: fc.constant(null),
  }),
  { selector: ({ version }) => version, maxLength: versions.length },
) as fc.Arbitrary<Entry[]>;

const namesOf = (rows: readonly Entry[]): string[] => rows.map(({ version }) => version).toSorted();

test('the choice does not depend on the order of the rows', () => {
  fc.assert(
    fc.property(entries, fc.boolean(), fc.infiniteStream(fc.nat()), (rows, isFolderNeeded, numbers) => {
      const shuffled = rows
        .map((row) => ({ row, key: numbers.next().value ?? 0 }))
        .toSorted((a, b) => a.key - b.key)
        .map(({ row }) => row);
      assert.deepEqual(chooseVersion(shuffled, isFolderNeeded), chooseVersion(rows, isFolderNeeded));
    }),
  );
});

test('every row is shown, superseded or a loser, and no row is two of them', () => {
  fc.assert(
    fc.property(entries, fc.boolean(), (rows, isFolderNeeded) => {
      const { shown, superseded, losers } = chooseVersion(rows, isFolderNeeded);
      const own = shown === null || shown === 'folder' ? [] : [shown];
      assert.deepEqual(namesOf([...own, ...superseded, ...losers]), namesOf(rows));
      if (rows.length > 0 || isFolderNeeded) assert.notEqual(shown, null);
    }),
  );
});

test('a row is superseded only by one that was made from it and is left', () => {
  fc.assert(
    fc.property(entries, fc.boolean(), (rows, isFolderNeeded) => {
      const { superseded } = chooseVersion(rows, isFolderNeeded);
      for (const { version } of superseded)
        assert.ok(
          rows.some((row) => row.base === version),
          version,
        );
      assert.ok(rows.length === 0 || superseded.length < rows.length);
    }),
  );
});

test('the winner of a part that has the winner of all is the winner of all: the order is total', () => {
  fc.assert(
    fc.property(entries, fc.nat(), (rows, dropped) => {
      const { shown } = chooseVersion(rows, false);
      if (shown === null || shown === 'folder' || rows.length < 2) return;
      const others = rows.filter(({ version }) => version !== shown.version);
      const left = rows.filter((row) => row !== others[dropped % others.length]);
      assert.equal((chooseVersion(left, false).shown as Entry).version, shown.version);
    }),
  );
});

test('what a plan has settled needs no second settling, and each loser stands in a copy', () => {
  fc.assert(
    fc.property(entries, fc.boolean(), (rows, isFolderNeeded) => {
      const { table } = planPath({ path: 'a.txt', rows, isFolderNeeded, standing: null });
      const ended = new Set(table.end.map(({ version }) => version));
      const left = rows.filter(({ version }) => !ended.has(version));
      const again = planPath({ path: 'a.txt', rows: left, isFolderNeeded, standing: null });
      assert.deepEqual(again.table.end, []);
      assert.deepEqual(again.table.insert, []);
      const { losers } = chooseVersion(rows, isFolderNeeded);
      assert.deepEqual(namesOf(table.insert), namesOf(losers));
      for (const copy of table.insert) assert.notEqual(copy.path, 'a.txt');
    }),
  );
});
