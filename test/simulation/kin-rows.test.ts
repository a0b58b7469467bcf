// Rows that may become one are told by what was written into their unique columns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan } from './plan.js';
import { createReferenceWitness } from './reference-witness.js';
import type { SimulatedTable } from './table-design.js';

const people: SimulatedTable = {
  name: 't',
  key: { kind: 'generated', column: 'id', isAutoincrement: false },
  bornColumn: 'born',
  columns: [{ name: 'word', type: 'TEXT', isNotNull: false, isUnique: true, collation: 'NOCASE' }],
  references: [{ column: 'chief', parent: 0, onDelete: 'SET NULL' }],
};

const dump = (...rows: string[][]) => [{ name: 't', columns: ['id', 'born', 'word', 'chief'], rows }];
const chief = ['integer:1', 'text:w1~', 'text:a', 'null'];
const elder = ['integer:2', 'text:w2~', 'text:u', 'integer:1'];

/** What the witness says when the elder row shows no chief any more, and another server wrote `other` without one. */
function judged(uniquePolicy: 'merge' | 'hold', other: string): string | null {
  const witness = createReferenceWitness({ tables: [{ ...people, uniquePolicy }], steps: [] } as unknown as Plan);
  assert.ok(witness);
  const steps = new Map<string, string>();
  witness.note({ server: 0, mark: 1, before: dump(), after: dump(chief, elder), steps });
  const younger = ['integer:5', 'text:w3~', other, 'null'];
  witness.note({ server: 1, mark: 2, before: dump(), after: dump(younger), steps });
  return witness.judge(dump(chief, [...elder.slice(0, 3), 'null']))?.promise ?? null;
}

void test('a row may show what was meant in one that clashed with it and became part of it', () => {
  assert.equal(judged('merge', 'text:U'), null);
});

void test('a row shows what was meant in it where nothing clashed, or rows that clash stay apart', () => {
  assert.equal(judged('merge', 'text:v'), 'MISLED');
  assert.equal(judged('hold', 'text:u'), 'MISLED');
});
