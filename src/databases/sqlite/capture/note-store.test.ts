/** Goal: notes are read in order and forgotten so that their numbers never start again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installTriggers } from './capture-triggers.js';
import { openConnection, type Connection } from '../connection/driver.js';
import { noteKind } from './note-kind.js';
import { createNoteStore, type NoteStore } from './note-store.js';
import { readSchema } from '../schema/schema-reader.js';
import { createSyncTables } from '../stores/sync-tables.js';

function withNotes(work: (connection: Connection, notes: NoteStore) => void): void {
  const connection = openConnection(':memory:');
  connection.exec('CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (k TEXT PRIMARY KEY)');
  createSyncTables(connection);
  installTriggers(
    connection,
    readSchema(connection).tables.map((table, i) => ({ number: i + 1, table })),
  );
  try {
    work(connection, createNoteStore(connection));
  } finally {
    connection.close();
  }
}

test('notes are counted, grouped and read in order', () => {
  withNotes((connection, notes) => {
    assert.deepEqual([notes.newest(), notes.hasAfter(0), notes.countAfter(0)], [0, false, 0]);
    connection.exec(`INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES ('x'); DELETE FROM a WHERE id = 1`);
    assert.deepEqual([notes.newest(), notes.hasAfter(3), notes.hasAfter(4), notes.countAfter(1)], [4, true, false, 3]);
    assert.deepEqual(notes.tablesIn({ after: 0, upTo: 4 }), [
      { table: 1, kinds: new Set([noteKind.insert, noteKind.delete]) },
      { table: 2, kinds: new Set([noteKind.insert]) },
    ]);
    assert.deepEqual(
      notes.read({ after: 2, upTo: 4 }, 1).map(({ seq, table, key }) => [seq, table, ...key]),
      [
        [3, 2, 'x'],
        [4, 1, 1n],
      ],
    );
    assert.deepEqual([notes.endOf(0, 3), notes.endOf(1, 3), notes.endOf(1, 4), notes.endOf(9, 1)], [3, 4, 4, 9]);
  });
});

test('the newest note is never forgotten, so numbers go on', () => {
  withNotes((connection, notes) => {
    connection.exec('INSERT INTO a VALUES (1), (2), (3)');
    assert.equal(notes.forget(2), 2);
    assert.equal(notes.forget(3), 0);
    connection.exec('INSERT INTO a VALUES (4)');
    assert.equal(notes.newest(), 4);
    assert.equal(notes.forget(4), 1);
    assert.equal(notes.wentBack(4), false);
  });
});

test('notes that somebody emptied are recognised, whether or not new ones came since', () => {
  withNotes((connection, notes) => {
    connection.exec('INSERT INTO a VALUES (1), (2), (3); DELETE FROM _usync_notes');
    assert.equal(notes.wentBack(3), true);
    connection.exec('INSERT INTO a VALUES (4)');
    assert.equal(notes.wentBack(3), true);
  });
});

test('of very many notes the newest is kept too, as it was', () => {
  withNotes((connection, notes) => {
    connection.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      INSERT INTO a SELECT i FROM n; INSERT INTO b VALUES ('last')`);
    const before = notes.read({ after: 3000, upTo: 3001 }, 1);
    assert.equal(notes.forget(3001), 3000);
    assert.deepEqual(notes.read({ after: 0, upTo: 9999 }, 1), before);
    connection.exec('INSERT INTO a VALUES (9000)');
    assert.equal(notes.newest(), 3002);
  });
});
