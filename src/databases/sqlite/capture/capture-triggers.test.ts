/**
 * Goal: whatever an application does to its rows leaves a note of every row that may have changed, and the application
 * notices nothing. Method: real foreign programs write; the notes are read back. H<n> are the project's hard cases.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawText, type SqlValue } from '../../../core/value.js';
import { installTriggers, missingTriggers, numbersByTrigger, removeAllTriggers } from './capture-triggers.js';
import { openConnection, type Connection } from '../connection/driver.js';
import { foreignWriters, type ForeignWriter } from '../testing/foreign-writer.js';
import { createNoteStore } from './note-store.js';
import { readSchema } from '../schema/schema-reader.js';
import { createSyncTables } from '../stores/sync-tables.js';
import { temporaryFolder } from '../testing/temporary-folder.js';
import { transact } from '../connection/transaction.js';

const kindNames = ['', 'insert', 'update', 'delete', 'from', 'to', 'rival'];

interface Application {
  readonly connection: Connection;
  /** Writes as a foreign program; every statement ends with `;` at the end of its line. Gives what it answered. */
  readonly write: (sql: string) => string;
  /** Notes since the last call: table, kind, key. */
  readonly notes: () => string[];
  /** Puts triggers on every table that is there now. */
  readonly install: () => void;
}

function withEachWriter(name: string, schema: string, work: (application: Application) => void): void {
  const writers = foreignWriters();
  if (writers.length === 0) test(name, { skip: 'neither sqlite3 nor python3 is installed' }, () => {});
  for (const writer of writers) test(`${name} (${writer.name})`, () => withApplication(writer, schema, work));
}

function withApplication(writer: ForeignWriter, schema: string, work: (application: Application) => void): void {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  writer.run(path, `PRAGMA journal_mode = WAL;\n${schema}`);
  const connection = openConnection(path);
  const application: Application = {
    connection,
    write: (sql) => writer.run(path, sql).trim(),
    notes: () => {
      const range = { after: cursor, upTo: notes.newest() };
      cursor = range.upTo;
      return notes.read(range, 4).map((note) => {
        const table = tableNames.get(note.table) ?? '?';
        const key = note.key.slice(0, keyCounts.get(note.table) ?? 1).map(valueText);
        assert.ok(Math.abs(note.timeMs - Date.now()) < 60_000, 'notes carry the time in milliseconds');
        return `${table} ${kindNames[note.kind] ?? '?'} ${key.join(',')}`;
      });
    },
    install: () => {
      const tables = readSchema(connection).tables.map((table, i) => ({ number: i + 1, table }));
      tableNames = new Map(tables.map(({ number, table }) => [number, table.name]));
      keyCounts = new Map(tables.map(({ number, table }) => [number, Math.max(1, table.key.length)]));
      transact(connection, 'immediate', () => installTriggers(connection, tables));
      assert.deepEqual(missingTriggers(connection, tables), []);
    },
  };
  let cursor = 0;
  let tableNames = new Map<number, string>();
  let keyCounts = new Map<number, number>();
  transact(connection, 'immediate', () => createSyncTables(connection));
  const notes = createNoteStore(connection);
  application.install();
  try {
    work(application);
  } finally {
    connection.close();
  }
}

function valueText(value: SqlValue): string {
  if (value instanceof RawText) return `raw:${Buffer.from(value.bytes).toString('hex')}`;
  if (value instanceof Uint8Array) return `x:${Buffer.from(value).toString('hex')}`;
  return typeof value === 'number' ? `real:${value}` : String(value);
}

/** The notes of an update that changed a key, in their order. */
const moved = (table: string, from: string | number, to: string | number): string[] => [
  `${table} from ${from}`,
  `${table} to ${to}`,
  `${table} update ${to}`,
];

withEachWriter(
  'an insert, an update and a delete leave one note each',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a);',
  ({ write, notes }) => {
    write('INSERT INTO t (a) VALUES (1), (2);\nUPDATE t SET a = 3 WHERE id = 2;\nDELETE FROM t WHERE id = 1;\n');
    assert.deepEqual(notes(), ['t insert 1', 't insert 2', 't update 2', 't delete 1']);
  },
);

withEachWriter(
  'H1: a row that REPLACE removes through a declared UNIQUE is noted',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b, c, UNIQUE (b, c));',
  ({ write, notes }) => {
    write(`INSERT INTO t VALUES (1, 'x', 1, 1), (2, 'y', 2, 2);\n`);
    notes();
    write(`INSERT OR REPLACE INTO t VALUES (3, 'x', 2, 2);\n`);
    assert.deepEqual(notes(), ['t rival 1', 't rival 2', 't insert 3']);
    assert.equal(write('SELECT count(*) FROM t;\n'), '1');
  },
);

withEachWriter(
  'H2: a row that UPDATE OR REPLACE removes through a declared UNIQUE is noted, the updated row itself is no rival',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE COLLATE NOCASE);',
  ({ write, notes }) => {
    write(`INSERT INTO t VALUES (1, 'x'), (2, 'y');\n`);
    notes();
    write(`UPDATE OR REPLACE t SET a = 'X' WHERE id = 2;\nUPDATE t SET a = 'x' WHERE id = 2;\n`);
    assert.deepEqual(notes(), ['t rival 1', 't update 2', 't update 2']);
  },
);

withEachWriter(
  'H3: REPLACE at the same key is an insert without a delete, with recursive triggers both',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a);\nINSERT INTO t VALUES (1, 1);',
  ({ write, notes }) => {
    write('REPLACE INTO t VALUES (1, 2);\n');
    assert.deepEqual(notes(), ['t insert 1']);
    write('PRAGMA recursive_triggers = ON;\nREPLACE INTO t VALUES (1, 3);\n');
    assert.deepEqual(notes(), ['t delete 1', 't insert 1']);
  },
);

withEachWriter(
  'H4 H5: an ignored insert leaves at most a false hint, an upsert the update of its row',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, n DEFAULT 0);\nINSERT INTO t VALUES (1, 5, 0);',
  ({ write, notes }) => {
    write('INSERT OR IGNORE INTO t VALUES (2, 5, 0);\n');
    assert.deepEqual(notes(), ['t rival 1']);
    write('INSERT INTO t VALUES (1, 5, 0) ON CONFLICT (id) DO UPDATE SET n = n + 1;\n');
    assert.deepEqual(notes(), ['t rival 1', 't update 1']);
    write('INSERT INTO t VALUES (9, 5, 0) ON CONFLICT (a) DO NOTHING;\n');
    assert.deepEqual(notes(), ['t rival 1']);
  },
);

withEachWriter(
  'H2 H4: every OR clause of the application leaves the notes whole',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE);\nINSERT INTO t VALUES (1, 1), (2, 2);',
  ({ write, notes }) => {
    for (const clause of ['REPLACE', 'IGNORE', 'ABORT', 'FAIL', 'ROLLBACK']) {
      write(
        `INSERT OR ${clause} INTO t VALUES (NULL, 'n${clause}');\nUPDATE OR ${clause} t SET a = '${clause}' WHERE id = 1;\n`,
      );
      assert.equal(notes().length, 2, clause);
    }
  },
);

withEachWriter(
  'H6: an automatic number is noted as it was given',
  'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE);',
  ({ write, notes }) => {
    write('INSERT INTO t (a) VALUES (1);\nDELETE FROM t;\nINSERT INTO t (a) VALUES (1);\n');
    assert.deepEqual(notes(), ['t insert 1', 't delete 1', 't insert 2']);
  },
);

withEachWriter(
  'H7: DELETE without WHERE notes every row',
  'CREATE TABLE t (id INTEGER PRIMARY KEY);\nINSERT INTO t VALUES (1), (2), (3);',
  ({ write, notes }) => {
    write('DELETE FROM t;\n');
    assert.deepEqual(notes().toSorted(), ['t delete 1', 't delete 2', 't delete 3']);
  },
);

withEachWriter(
  'H8: rows that foreign keys delete, set null or renumber are noted',
  `CREATE TABLE p (id INTEGER PRIMARY KEY);
CREATE TABLE a (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE b (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE SET NULL);
CREATE TABLE k (p INTEGER PRIMARY KEY REFERENCES p ON UPDATE CASCADE);
INSERT INTO p VALUES (1), (2);
INSERT INTO a VALUES (10, 1), (20, 2);
INSERT INTO b VALUES (11, 1);
INSERT INTO k VALUES (2);`,
  ({ write, notes }) => {
    write('PRAGMA foreign_keys = ON;\nDELETE FROM p WHERE id = 1;\n');
    assert.deepEqual(notes().toSorted(), ['a delete 10', 'b update 11', 'p delete 1']);
    write('PRAGMA foreign_keys = ON;\nUPDATE p SET id = 3 WHERE id = 2;\n');
    assert.deepEqual(notes().toSorted(), ['a update 20', ...moved('k', 2, 3), ...moved('p', 2, 3)]);
  },
);

withEachWriter(
  'H10: what a savepoint or a failed statement takes back leaves no note',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a CHECK (a > 0));',
  ({ write, notes }) => {
    write(
      `BEGIN;\nINSERT INTO t VALUES (1, 1);\nSAVEPOINT s;\nINSERT INTO t VALUES (2, 1);\nROLLBACK TO s;\nCOMMIT;\n`,
    );
    assert.deepEqual(notes(), ['t insert 1']);
    assert.throws(() => write('INSERT INTO t VALUES (3, 1), (4, -1);\n'));
    assert.deepEqual(notes(), []);
  },
);

withEachWriter(
  'H11: capture works for a writer that trusts no schema',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE);',
  ({ write, notes }) => {
    const settings = 'PRAGMA trusted_schema = OFF;\nPRAGMA foreign_keys = ON;\nPRAGMA recursive_triggers = ON;\n';
    write(`${settings}INSERT INTO t VALUES (1, 1);\nREPLACE INTO t VALUES (2, 1);\nUPDATE t SET a = 2;\n`);
    assert.deepEqual(notes(), ['t insert 1', 't rival 1', 't delete 1', 't insert 2', 't update 2']);
  },
);

withEachWriter(
  'H12: writes through an attached database, and beside temporary tables of the same names, are noted',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE);',
  ({ write, notes, connection }) => {
    write('CREATE TEMP TABLE t (x);\nCREATE TEMP TABLE _usync_notes (x);\nINSERT INTO main.t VALUES (1, 1);\n');
    assert.deepEqual(notes(), ['t insert 1']);
    const other = openConnection(':memory:');
    other.exec(`ATTACH '${connection.location}' AS app; CREATE TABLE t (x); INSERT INTO app.t VALUES (2, 2)`);
    other.close();
    assert.deepEqual(notes(), ['t insert 2']);
  },
);

withEachWriter(
  'H13: the application sees its own counts, row ids and RETURNING rows',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE);\nINSERT INTO t VALUES (100, 0);',
  ({ write, connection }) => {
    const answer = write(
      'INSERT INTO t (a) VALUES (7), (8);\nSELECT changes(), last_insert_rowid();\nUPDATE t SET a = a + 10;\nSELECT changes();\n',
    );
    assert.equal(answer, '2|102\n3');
    assert.deepEqual(connection.prepare('UPDATE t SET a = 1 WHERE id = 100 RETURNING id, a').all(), [[100n, 1n]]);
    assert.deepEqual(connection.prepare('INSERT INTO t (a) VALUES (99)').run(), { changes: 1, lastRowid: 103n });
  },
);

withEachWriter(
  'H14: a change of case in a NOCASE key and of 1 to 1.0 in a key without type is a change of the key',
  `CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, a);
CREATE TABLE u (k PRIMARY KEY, a);
INSERT INTO t VALUES ('abc', 1);
INSERT INTO u VALUES (1, 1);`,
  ({ write, notes }) => {
    write(`UPDATE t SET k = 'ABC';\nUPDATE u SET k = 1.0;\nUPDATE t SET k = 'ABC', a = 2;\nUPDATE u SET k = 1.0;\n`);
    assert.deepEqual(notes(), [
      ...moved('t', 'abc', 'ABC'),
      ...moved('u', 1, 'real:1'),
      't update ABC',
      'u update real:1',
    ]);
  },
);

withEachWriter(
  'H15 H33: keys of every kind are noted exactly',
  'CREATE TABLE t (k PRIMARY KEY);',
  ({ write, notes }) => {
    write(
      `INSERT INTO t VALUES (9223372036854775807), (1e300), (x'00ff'), ('é'), (CAST(x'ff61' AS TEXT)), (CAST(x'610062' AS TEXT));\n`,
    );
    assert.deepEqual(notes(), [
      't insert 9223372036854775807',
      't insert real:1e+300',
      't insert x:00ff',
      't insert é',
      't insert raw:ff61',
      't insert a\0b',
    ]);
  },
);

withEachWriter(
  'H17 H18: rows of a table without a key are noted by the rowid, under the name that no column hides',
  `CREATE TABLE t (a);
CREATE TABLE s (rowid TEXT, "oid" TEXT);
INSERT INTO t VALUES ('x'), ('x');`,
  ({ write, notes }) => {
    write(
      `DELETE FROM t WHERE rowid = 2;\nUPDATE t SET rowid = 7;\nINSERT INTO s VALUES ('q', 'r');\nUPDATE s SET oid = 'z';\n`,
    );
    assert.deepEqual(notes(), ['t delete 2', ...moved('t', 1, 7), 's insert 1', 's update 1']);
  },
);

withEachWriter(
  'H19 H22: composite keys are noted in key order, also with NULL and WITHOUT ROWID',
  `CREATE TABLE t (a, b, c, PRIMARY KEY (b, a));
CREATE TABLE w (a, b, c, d, e, PRIMARY KEY (e, d, c, b, a)) WITHOUT ROWID;`,
  ({ write, notes, connection }) => {
    write(
      `INSERT INTO t VALUES (1, NULL, 'x');\nINSERT INTO w VALUES (1, 2, 3, 4, 5);\nUPDATE w SET d = 9;\nDELETE FROM t;\n`,
    );
    assert.deepEqual(notes(), [
      't insert null,1',
      'w insert 5,4,3,2',
      ...moved('w', '5,4,3,2', '5,9,3,2'),
      't delete null,1',
    ]);
    assert.deepEqual(connection.prepare('SELECT DISTINCT k5 FROM _usync_notes WHERE tbl = 2').all(), [[1n]]);
  },
);

withEachWriter(
  'H21: a change of the key notes where the row was and where it is, a swap every step',
  `CREATE TABLE t (id INTEGER PRIMARY KEY, a);\nINSERT INTO t VALUES (1, 'x'), (2, 'y');`,
  ({ write, notes }) => {
    write(
      `BEGIN;\nUPDATE t SET id = -1 WHERE id = 1;\nUPDATE t SET rowid = 1 WHERE id = 2;\nUPDATE t SET _rowid_ = 2 WHERE id = -1;\nCOMMIT;\n`,
    );
    assert.deepEqual(notes(), [...moved('t', 1, -1), ...moved('t', 2, 1), ...moved('t', -1, 2)]);
    write('UPDATE OR REPLACE t SET id = 2 WHERE id = 1;\n');
    assert.deepEqual(notes(), moved('t', 1, 2));
  },
);

withEachWriter(
  'H31: tables with generated columns and odd names are captured',
  `CREATE TABLE "select ""it's" ("or der" INTEGER PRIMARY KEY, "ü ''" TEXT UNIQUE, g AS (upper("ü ''")) UNIQUE);`,
  ({ write, notes }) => {
    write(`INSERT INTO "select ""it's" ("ü ''") VALUES ('a');\nREPLACE INTO "select ""it's" ("ü ''") VALUES ('A');\n`);
    assert.deepEqual(
      notes(),
      ['insert 1', 'rival 1', 'insert 2'].map((text) => `select "it's ${text}`),
    );
  },
);

withEachWriter(
  'H37: renamed tables and columns keep their capture and their number',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, k);',
  ({ write, notes, connection }) => {
    write('ALTER TABLE t RENAME TO "new t";\nALTER TABLE "new t" RENAME COLUMN id TO "the id";\n');
    write(
      'ALTER TABLE "new t" RENAME COLUMN a TO b;\nINSERT INTO "new t" VALUES (1, 1, 1);\nREPLACE INTO "new t" VALUES (2, 1, 1);\n',
    );
    assert.deepEqual(notes(), ['t insert 1', 't rival 1', 't insert 2']);
    assert.deepEqual(numbersByTrigger(connection), new Map([['new t', 1]]));
  },
);

withEachWriter(
  'H38: the application can drop, add and rename columns that are not part of a key',
  `CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c UNIQUE);
CREATE UNIQUE INDEX t_b ON t (b);`,
  ({ write, notes }) => {
    write('ALTER TABLE t DROP COLUMN a;\nDROP INDEX t_b;\nALTER TABLE t DROP COLUMN b;\n');
    write('ALTER TABLE t ADD COLUMN d DEFAULT 5;\nINSERT INTO t VALUES (1, 1, 1);\n');
    assert.deepEqual(notes(), ['t insert 1']);
  },
);

withEachWriter(
  'H9 H39 H40: after a rebuild of the table its triggers are missing, and can be put back',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE);\nCREATE TABLE o (id INTEGER PRIMARY KEY, t REFERENCES t);\nINSERT INTO t VALUES (1, 1);',
  ({ write, notes, connection, install }) => {
    const before = readSchema(connection);
    const named = before.tables.map((table, i) => ({ number: i + 1, table }));
    write(`PRAGMA foreign_keys = OFF;
BEGIN;
CREATE TABLE new_t (id INTEGER PRIMARY KEY, a UNIQUE, b);
INSERT INTO new_t SELECT id, a, 0 FROM t;
DROP TABLE t;
ALTER TABLE new_t RENAME TO t;
COMMIT;
INSERT INTO t VALUES (2, 2, 2);
`);
    assert.deepEqual(notes(), []);
    assert.notEqual(readSchema(connection).cookie, before.cookie);
    assert.deepEqual(
      missingTriggers(connection, named).map(({ table }) => table.name),
      ['t'],
    );
    install();
    write('INSERT INTO t VALUES (3, 3, 3);\n');
    assert.deepEqual(notes(), ['t insert 3']);
  },
);

withEachWriter(
  'H40: a table that was moved aside takes its triggers along, so the new one of its name lacks them',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a);',
  ({ write, connection, notes, install }) => {
    write('ALTER TABLE t RENAME TO old_t;\nCREATE TABLE t (id INTEGER PRIMARY KEY, a, b);\n');
    const tables = readSchema(connection).tables;
    const t = tables.filter((table) => table.name === 't').map((table) => ({ number: 1, table }));
    assert.deepEqual(missingTriggers(connection, t), t);
    assert.deepEqual(numbersByTrigger(connection), new Map([['old_t', 1]]));
    write('DROP TABLE old_t;\n');
    install();
    write('INSERT INTO t VALUES (1, 1, 1);\n');
    assert.deepEqual(notes(), ['t insert 1']);
  },
);

withEachWriter(
  'H42: a schema with text in double quotes is read, captured and altered',
  `CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT "none");
CREATE TABLE log (id INTEGER PRIMARY KEY, what);
CREATE TRIGGER app AFTER INSERT ON t BEGIN INSERT INTO log (what) VALUES ('text'); END;`,
  ({ write, notes, connection }) => {
    write('INSERT INTO t (id) VALUES (1);\nALTER TABLE t ADD COLUMN b TEXT DEFAULT "x";\nUPDATE t SET b = 1;\n');
    assert.deepEqual(notes().toSorted(), ['log insert 1', 't insert 1', 't update 1']);
    assert.deepEqual(
      readSchema(connection).tables.map((table) => table.obstacle),
      [null, null],
    );
  },
);

withEachWriter(
  'a merging transaction of ours leaves no note, and nobody else ever sees its flag',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE);',
  ({ write, notes, connection }) => {
    connection.exec('BEGIN IMMEDIATE; UPDATE _usync_merging SET merging = 1');
    connection.exec('INSERT INTO t VALUES (1, 1); REPLACE INTO t VALUES (2, 1); UPDATE t SET id = 3; DELETE FROM t');
    assert.equal(write('SELECT merging FROM _usync_merging;\n'), '0');
    connection.exec('UPDATE _usync_merging SET merging = 0; COMMIT');
    assert.deepEqual(notes(), []);
    write('INSERT INTO t VALUES (1, 1);\n');
    assert.deepEqual(notes(), ['t insert 1']);
  },
);

withEachWriter(
  'taking all triggers away leaves the application as it was',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE);\nCREATE TRIGGER app AFTER INSERT ON t BEGIN SELECT 1; END;',
  ({ write, notes, connection }) => {
    removeAllTriggers(connection);
    assert.equal(
      write(`SELECT name FROM sqlite_master WHERE type = 'trigger';\nINSERT INTO t VALUES (1, 1);\n`),
      'app',
    );
    assert.deepEqual(notes(), []);
  },
);
