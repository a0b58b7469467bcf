/** Goal: two keys have one text exactly when SQLite takes them for equal. Method: pairs with the outcome that SQLite gives. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { clashText, keyText } from './key-text.js';
import type { Collation } from './table-schema.js';
import { RawText, type SqlValue } from './value.js';

const bytes = (...codes: number[]): Uint8Array => new Uint8Array(codes);
const isEqual = (a: SqlValue, b: SqlValue, collation: Collation = 'binary'): boolean =>
  keyText([a], [collation]) === keyText([b], [collation]);

it('numbers are equal by value, integers and reals alike', () => {
  assert.ok(isEqual(1n, 1) && isEqual(0, -0) && isEqual(2n ** 53n, 2 ** 53));
  assert.ok(!isEqual(2n ** 53n + 1n, 2 ** 53) && !isEqual(1n, 1.5) && !isEqual(1n, '1'));
  assert.ok(isEqual(1e300, 1e300) && !isEqual(Infinity, -Infinity));
});

it('text is compared by its collation', () => {
  assert.ok(isEqual('aBc', 'AbC', 'nocase') && !isEqual('aBc', 'AbC'));
  assert.ok(!isEqual('ä', 'Ä', 'nocase'), 'only ASCII letters fold');
  assert.ok(isEqual('a', 'a  ', 'rtrim') && !isEqual('a', 'a ') && !isEqual('a', 'a\t', 'rtrim'));
  assert.ok(isEqual(new RawText(bytes(0x41, 0xff)), new RawText(bytes(0x61, 0xff)), 'nocase'));
  assert.ok(isEqual(new RawText(bytes(0xff, 0x20)), new RawText(bytes(0xff)), 'rtrim'));
});

it('values of different kinds are never equal, and lists do not run into each other', () => {
  const kinds: readonly SqlValue[] = [null, 1n, '1', 'i1', bytes(1), new RawText(bytes(0xff)), '0', ''];
  assert.equal(new Set(kinds.map((value) => keyText([value]))).size, kinds.length);
  assert.notEqual(keyText(['ab', 'c']), keyText(['a', 'bc']));
  assert.notEqual(keyText(['a\u00002:tb']), keyText(['a', 'b']));
});

it('a NULL keeps rows from clashing', () => {
  assert.equal(clashText(['a', null]), null);
  assert.equal(clashText(['a', 'b']), keyText(['a', 'b']));
});
