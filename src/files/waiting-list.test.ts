import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createWaitingList } from './waiting-list.js';

test('of many paths all are counted and keep their reasons', () => {
  const list = createWaitingList();
  for (let at = 0; at < 50_000; at++) list.put(`folder ${at % 100}/${at}`, `reason ${at}`);
  assert.equal(list.count(), 50_000);
  assert.equal(list.reasonAt('folder 99/49999'), 'reason 49999');
  assert.equal(list.list(7).length, 7);
  for (let at = 0; at < 50_000; at++) list.remove(`folder ${at % 100}/${at}`);
  assert.deepEqual([list.count(), list.list(1)], [0, []]);
});

test('names beyond the bound are not counted, and those that went make room', () => {
  const list = createWaitingList(3);
  for (const path of ['a/b', 'a/c', 'a/d', 'e']) list.put(path, 'x');
  list.put('a/b', 'again');
  assert.deepEqual([list.count(), list.reasonAt('a/b'), list.reasonAt('e')], [2, 'again', null]);
  list.remove('a/c');
  list.put('e', 'x');
  assert.deepEqual([list.count(), list.reasonAt('e')], [2, 'x']);
});

test('a list of paths is what a plain map of them is', () => {
  const name = fc.constantFrom('', 'a', 'b', 'ab', '.');
  const path = fc.array(name, { maxLength: 4 }).map((names) => names.join('/'));
  const step = fc.record({ kind: fc.constantFrom('put', 'put', 'remove', 'below'), path });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const list = createWaitingList();
      const plain = new Map<string, string>();
      for (const [at, each] of steps.entries()) {
        if (each.kind === 'put') {
          list.put(each.path, `${at}`);
          plain.set(each.path, `${at}`);
        } else if (each.kind === 'remove') {
          list.remove(each.path);
          plain.delete(each.path);
        } else {
          list.removeBelow(each.path);
          for (const other of plain.keys())
            if (other !== '' && (each.path === '' || other.startsWith(`${each.path}/`))) plain.delete(other);
        }
        assert.equal(list.count(), plain.size);
        assert.equal(list.reasonAt(each.path), plain.get(each.path) ?? null);
      }
      const listed = Object.fromEntries(list.list(1_000).map(({ path: told, reason }) => [told, reason]));
      assert.deepEqual(listed, Object.fromEntries(plain));
    }),
  );
});

test('what is deeper than any entry can be is told of by its path', () => {
  const list = createWaitingList();
  const deep = 'd/'.repeat(100_000);
  list.put(`${deep}x`, 'too deep');
  list.put(`${deep}y`, 'too deep');
  assert.deepEqual([list.count(), list.reasonAt(`${deep}x`), list.list(1)[0]?.path], [2, 'too deep', `${deep}x`]);
});
