import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathEvents, type EntryChange } from './path-events.js';

const versionOf = (letter: string): string => `f:${letter.repeat(43)}`;

interface Given extends Partial<EntryChange> {
  readonly kind: EntryChange['kind'];
  readonly path: string;
  readonly version: string;
}

/** One change of a changeset of its own at the stamp, unless it says otherwise. */
const changeAt = (stamp: number, { by = 'a', ...given }: Given): EntryChange => ({
  ...{ by, stamp, changeset: `${by} ${stamp}`, atMs: stamp, state: {}, isEdit: false, copyOf: null, author: by },
  ...given,
});

const told = (changes: readonly EntryChange[]): string[] =>
  pathEvents(changes).map(({ event: { kind, path, from, by } }) =>
    [by, kind, ...(from === null ? [] : [from, '->']), path].join(' '),
  );

test('a deletion and an addition of one content at one server are a move, whichever was captured first', () => {
  const end = { kind: 'end', path: 'x', version: versionOf('A') } as const;
  const insert = { kind: 'insert', path: 'sub/x', version: versionOf('A') } as const;
  assert.deepEqual(told([changeAt(1, end), changeAt(30, insert)]), ['a moved x -> sub/x']);
  assert.deepEqual(told([changeAt(1, insert), changeAt(30, end)]), ['a moved x -> sub/x']);
  assert.deepEqual(told([changeAt(1, end), changeAt(600_000, insert)]), ['a added sub/x', 'a deleted x']);
  assert.deepEqual(told([changeAt(1, end), changeAt(30, { ...insert, by: 'b' })]), ['b added sub/x', 'a deleted x']);
});

test('of several files of one content the one with the most names in common was moved; else no move is told', () => {
  const ends = ['x', 'y'].map((path) => changeAt(1, { kind: 'end', path, version: versionOf('A') }));
  const moveTo = (path: string) => [...ends, changeAt(2, { kind: 'insert', path, version: versionOf('A') })];
  assert.deepEqual(told(moveTo('sub/y')), ['a moved y -> sub/y', 'a deleted x']);
  assert.deepEqual(told(moveTo('z')), ['a added z', 'a deleted y', 'a deleted x']);
  const moved = ['a', 'b', 'c'].flatMap((folder) => [
    changeAt(1, { kind: 'end', path: `old/${folder}/index`, version: versionOf('A') }),
    changeAt(2, { kind: 'insert', path: `new/${folder}/index`, version: versionOf('A') }),
  ]);
  assert.deepEqual(
    told(moved),
    ['c', 'b', 'a'].map((folder) => `a moved old/${folder}/index -> new/${folder}/index`),
  );
});

test('a version that gives way to another one was not deleted, and the same content put there twice is one addition', () => {
  const changes = [
    changeAt(1, { kind: 'insert', path: 'x', version: versionOf('A') }),
    changeAt(2, { kind: 'insert', path: 'x', version: versionOf('A'), by: 'b' }),
    changeAt(3, { kind: 'insert', path: 'x', version: versionOf('B'), by: 'b', isEdit: true }),
    changeAt(4, { kind: 'end', path: 'x', version: versionOf('A') }),
  ];
  assert.deepEqual(told(changes), ['b changed x', 'a added x']);
});

test('a mode that was given to a version which had been replaced elsewhere is told once: when the new one gets it', () => {
  const inserted = { kind: 'insert', path: 'x', state: { mode: 0o600 } } as const;
  const changes = [
    changeAt(1, { ...inserted, version: versionOf('A') }),
    changeAt(2, { kind: 'end', path: 'x', version: versionOf('A'), by: 'b' }),
    changeAt(2, { ...inserted, version: versionOf('B'), by: 'b' }),
    ...['A', 'B'].map((letter, index) =>
      changeAt(3 + index, { kind: 'update', path: 'x', version: versionOf(letter), state: { mode: 0o640 } }),
    ),
  ];
  assert.deepEqual(told(changes), ['a attributes x', 'b changed x', 'a added x']);
});

test('events are in the order in which they were written, not in that of the journal', () => {
  const added = changeAt(1, { kind: 'insert', path: 'x', version: versionOf('A'), state: { size: 3 } });
  const deleted = changeAt(2, { kind: 'end', path: 'x', version: versionOf('A'), by: 'b' });
  assert.deepEqual(told([deleted, added]), ['b deleted x', 'a added x']);
  assert.deepEqual(pathEvents([deleted, added])[0]?.event.before, { size: 3 });
});
