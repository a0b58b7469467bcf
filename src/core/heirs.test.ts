/** Goal: every server that knows the same list names the same heir, also where removals go in a circle. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heirsOf, type HeirCandidate } from './heirs.js';
import type { ServerId } from './origin.js';

const idOf = (letter: string): ServerId => letter.repeat(16) as ServerId;

/** `a`: a member; `b<c`: b was removed by c; in capitals: it does not have the dataset. */
function candidates(text: string): HeirCandidate[] {
  return text.split(' ').map((word) => {
    const [letter = '', by] = word.split('<');
    const id = idOf(letter.toLowerCase());
    const isCarrier = letter === letter.toLowerCase();
    return { id, isMember: by === undefined, removedBy: by === undefined ? null : idOf(by), isCarrier };
  });
}

const shown = (text: string): string =>
  [...heirsOf(candidates(text))]
    .map(([gone, heir]) => `${gone[0]}:${heir[0]}`)
    .toSorted()
    .join(' ');

for (const [what, list, expected] of [
  ['nobody was removed', 'a b c', ''],
  ['the remover is the heir', 'a b c<b', 'c:b'],
  ['the heir of an heir inherits all', 'a b<a c<b', 'b:a c:a'],
  ['two that removed each other leave their duties to the smallest member', 'b a<d d<a c', 'a:b d:b'],
  ['one removed by one of a circle goes the same way', 'c a<d d<a b<a', 'a:c b:c d:c'],
  ['a remover without the dataset passes the duty on', 'A b c d<a', 'd:b'],
  ['a remover that nobody knows counts as none', 'b c d<z', 'd:b'],
  ['where all were removed, nobody inherits', 'a<b b<a', ''],
] as const)
  test(what, () => assert.equal(shown(list), expected));
