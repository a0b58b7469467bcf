import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PathEvent } from '../engine/decisions.js';
import { pathEventLine } from './path-event-line.js';

const plan: PathEvent = {
  ...{ kind: 'added', path: 'plan.txt', entry: 'file', from: null, by: 'stands', atMs: 0, keptAs: null },
  before: null,
  now: { size: 12, mode: 0o644, modifiedMs: 1_000 },
};
const lineOf = (event: Partial<PathEvent>): string => pathEventLine({ ...plan, ...event }).replace(/^\S+ {2}/, '');

test('what happened to a file is told in words, with sizes, and modes as chmod has them', () => {
  const before = { size: 7, mode: 0o600 };
  assert.equal(pathEventLine(plan).slice(0, 24), '1970-01-01T00:00:00.000Z');
  assert.equal(lineOf({}), 'stands added plan.txt (12 B, mode 644, modified 1970-01-01T00:00:01.000Z)');
  assert.equal(
    lineOf({ kind: 'changed', before }),
    'stands changed plan.txt (7 B before, 12 B now, mode 600 before, mode 644 now, modified 1970-01-01T00:00:01.000Z)',
  );
  assert.equal(
    lineOf({ kind: 'attributes', before, now: { mode: 0o4711 } }),
    'stands changed the mode of plan.txt (mode 600 before, mode 4711 now)',
  );
  assert.equal(lineOf({ kind: 'deleted', before, now: null }), 'stands deleted plan.txt (7 B)');
  assert.equal(lineOf({ kind: 'moved', from: 'old.txt', before: plan.now }), 'stands moved old.txt to plan.txt (12 B)');
  assert.equal(
    lineOf({ kind: 'conflict', from: 'plan.txt', path: 'plan (conflict, stands, x).txt' }),
    'stands lost the name plan.txt to an edit of the same time: its own stands as plan (conflict, stands, x).txt (12 B)',
  );
  assert.equal(
    lineOf({ entry: 'folder', path: 'sub', now: { size: 0, mode: 0o755, modifiedMs: 0 } }),
    'stands added the folder sub (mode 755)',
  );
});

test('a name cannot steer the terminal', () => {
  assert.equal(lineOf({ kind: 'deleted', path: 'a\u001b[2Jb', now: null }), 'stands deleted a\\u001b[2Jb');
});
