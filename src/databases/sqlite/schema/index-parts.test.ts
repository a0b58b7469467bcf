/** Goal: what an index compares is read from its text as SQLite itself reads it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexParts } from './index-parts.js';

test('H28: columns, expressions, collations and the condition are told apart', () => {
  assert.deepEqual(indexParts('CREATE UNIQUE INDEX i ON t (person) WHERE active = 1'), {
    parts: ['person'],
    condition: 'active = 1',
  });
  assert.deepEqual(indexParts(`CREATE UNIQUE INDEX i ON t(lower(a) COLLATE RTRIM desc, coalesce(b, ')'), c ASC)`), {
    parts: ['lower(a) COLLATE RTRIM', `coalesce(b, ')')`, 'c'],
    condition: null,
  });
});

test('H28: quoted names, text and comments hide brackets, commas and words', () => {
  const sql = `CREATE UNIQUE INDEX "a (b" ON [where (] ( "x, ""y" /* , ( */, \`desc\`, [asc] ) -- )
    wHeRe "x, ""y" <> 'it''s (' -- the end`;
  assert.deepEqual(indexParts(sql), {
    parts: ['"x, ""y"', '`desc`', '[asc]'],
    condition: `"x, ""y" <> 'it''s ('`,
  });
});

test('H28: a text that is no index says nothing', () => {
  assert.equal(indexParts('CREATE UNIQUE INDEX i ON t (a'), null);
  assert.equal(indexParts(''), null);
});
