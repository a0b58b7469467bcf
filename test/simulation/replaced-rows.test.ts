// What statements replaced is seen one by one: at the end of a transaction the row that was moved and replaced is just gone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DatabaseSync } from '@photostructure/sqlite';
import type { Plan } from './plan.js';
import { noteReplaced, type ReplacedRows } from './replaced-rows.js';
import { createRuleWitness } from './rule-witness.js';
import type { SimulatedTable } from './table-design.js';
import { dumpTables } from './table-dump.js';

const tableWith = (key: SimulatedTable['key']): SimulatedTable => ({
  name: 't',
  key,
  bornColumn: 'born',
  columns: [{ name: 'most', type: 'INTEGER', isNotNull: false, rule: 'max' }],
  references: [],
});

const numbered = tableWith({ kind: 'generated', column: 'id', isAutoincrement: false });

/** The rule witness after a row with 521 was written, and then these statements in one transaction. */
function judgedAfter(...statements: readonly string[]) {
  const db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, born, most INTEGER)');
  const witness = createRuleWitness({ tables: [numbered], steps: [] } as unknown as Plan);
  assert.ok(witness);
  for (const [mark, all] of [["INSERT INTO t VALUES (4, 'w1~', 521)"], statements].entries()) {
    const before = dumpTables(db);
    const steps: ReplacedRows = new Map();
    for (const sql of all)
      noteReplaced(db, { table: numbered, replaced: steps }, () => {
        db.exec(sql);
        return true;
      });
    witness.note({ server: 0, mark: mark + 1, before, after: dumpTables(db), steps });
  }
  db.exec('UPDATE t SET most = 521');
  const failure = witness.judge(dumpTables(db));
  db.close();
  return failure?.promise ?? null;
}

void test('a row that is put at the key to which another one was moved may have gone on as that row', () => {
  assert.equal(judgedAfter('UPDATE t SET id = 16, most = NULL', "REPLACE INTO t VALUES (16, 'w2~', NULL)"), null);
  assert.equal(judgedAfter("REPLACE INTO t VALUES (4, 'w2~', 1)", 'UPDATE t SET id = 16'), null);
  const twice = ["REPLACE INTO t VALUES (16, 'w2~', 1)", "REPLACE INTO t VALUES (16, 'w3~', 2)"];
  assert.equal(judgedAfter('UPDATE t SET id = 16', ...twice), null);
});

void test('a row at a key from which another one was deleted before is judged by what was written into it', () => {
  const moved = ['UPDATE t SET id = 16', 'DELETE FROM t'];
  assert.equal(judgedAfter(...moved, "REPLACE INTO t VALUES (16, 'w2~', 1)"), 'RULE');
  assert.equal(judgedAfter("REPLACE INTO t VALUES (5, 'w2~', 1)"), 'RULE');
});

void test('keys are the same when the database says so, and a row that another unique removed had another key', () => {
  const db = new DatabaseSync(':memory:');
  db.exec(
    "CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, born, most UNIQUE); INSERT INTO t VALUES ('a', 'w1~', 1)",
  );
  db.exec("INSERT INTO t VALUES ('b', 'w2~', 2)");
  const table = tableWith({
    kind: 'natural',
    columns: [{ name: 'k', type: 'TEXT', collation: 'NOCASE' }],
    isWithoutRowid: false,
  });
  const replaced: ReplacedRows = new Map();
  noteReplaced(db, { table, replaced }, () => {
    db.exec("REPLACE INTO t VALUES ('A', 'w3~', 2)");
    return true;
  });
  assert.deepEqual([...replaced], [['text:w3~', 'text:w1~']]);
  db.close();
});
