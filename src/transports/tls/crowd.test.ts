/** Who has to go when too many have come. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCrowd } from './crowd.js';

function crowdOf(perPlaceMax: number, totalMax: number) {
  const crowd = createCrowd({ perPlaceMax, totalMax });
  const gone: string[] = [];
  return { gone, enter: (place: string, name: string) => crowd.enter(place, () => gone.push(name)) };
}

test('a place that is full gives up its oldest, and nobody else does', () => {
  const { gone, enter } = crowdOf(2, 10);
  enter('quiet', 'q');
  for (const name of ['a', 'b', 'c', 'd']) enter('busy', name);
  assert.deepEqual(gone, ['a', 'b']);
});

test('when all is full the place with the most gives way', () => {
  const { gone, enter } = crowdOf(3, 4);
  enter('quiet', 'q');
  for (const name of ['a', 'b', 'c']) enter('busy', name);
  enter('new', 'n');
  assert.deepEqual(gone, ['a']);
});

test('who has left makes room, and leaving twice takes nobody else out', () => {
  const { gone, enter } = crowdOf(2, 2);
  const leave = enter('one', 'a');
  leave();
  leave();
  enter('one', 'b');
  enter('one', 'c');
  assert.deepEqual(gone, []);
});
