/** Goal: every table that can be synced is found with what merging must know, and every other one has its reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from '../../../core/sync-error.js';
import type { ReferenceSchema } from '../../../core/table-schema.js';
import type { DiscoveredTable } from './discovered-table.js';
import { openConnection, type Connection } from '../connection/driver.js';
import { foreignWriters } from '../testing/foreign-writer.js';
import { foreignSyncTraces } from '../connection/foreign-sync-traces.js';
import { quoteName } from '../connection/identifiers.js';
import { readCookie, readSchema } from './schema-reader.js';
import {
  createSyncTables,
  dropSyncTables,
  hasSyncTables,
  noteKeyColumnCount,
  widenNotes,
} from '../stores/sync-tables.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

function withDatabase(
  sql: string,
  work: (connection: Connection, table: (name: string) => DiscoveredTable) => void,
): void {
  const connection = openConnection(':memory:');
  try {
    connection.exec(sql);
    work(connection, (name) => {
      const found = readSchema(connection).tables.find((table) => table.name === name);
      assert.ok(found, `table ${name}`);
      return found;
    });
  } finally {
    connection.close();
  }
}

test('H12: views, virtual tables and their shadows, tables of SQLite and our own are left out', () => {
  const sql = `CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIEW v AS SELECT * FROM a;
    CREATE VIRTUAL TABLE f USING fts5 (x, content='a'); CREATE VIRTUAL TABLE r USING rtree (id, x1, x2);
    CREATE TABLE _USYNC_x (a); CREATE TEMP TABLE hidden (a); ANALYZE`;
  withDatabase(sql, (connection) => {
    createSyncTables(connection);
    assert.deepEqual(
      readSchema(connection).tables.map((table) => table.name),
      ['a'],
    );
  });
});

test('the kind of a key: INTEGER PRIMARY KEY is generated, everything else natural, without one a bag', () => {
  const kinds: Readonly<Record<string, readonly [string, string, boolean]>> = {
    'id INTEGER PRIMARY KEY': ['generated', 'id', false],
    'id INTEGER PRIMARY KEY AUTOINCREMENT': ['generated', 'id', true],
    "id INTEGER PRIMARY KEY, note TEXT DEFAULT 'autoincrement' -- AUTOINCREMENT\n": ['generated', 'id', false],
    'a, id INTEGER, PRIMARY KEY (id)': ['generated', 'id', false],
    'id INT PRIMARY KEY': ['natural', 'rowid', false],
    'id INTEGER PRIMARY KEY DESC': ['natural', 'rowid', false],
    'id TEXT PRIMARY KEY': ['natural', 'rowid', false],
    'a, b, PRIMARY KEY (b, a)': ['natural', 'rowid', false],
    'a UNIQUE NOT NULL': ['bag', 'rowid', false],
    'rowid, a': ['bag', '_rowid_', false],
    'ROWID, _rowid_, a': ['bag', 'oid', false],
  };
  for (const [columns, [kind, rowidName, isAutoincrement]] of Object.entries(kinds)) {
    withDatabase(`CREATE TABLE t (${columns})`, (connection, table) => {
      const found = table('t');
      assert.deepEqual(
        [found.schema.keyKind, found.rowidName, found.isAutoincrement],
        [kind, rowidName, isAutoincrement],
        columns,
      );
      assert.equal(found.obstacle, null);
      connection.prepare(`SELECT ${quoteName(rowidName)} FROM t`);
    });
  }
});

test('H18: a table without a key whose columns hide every name of the rowid cannot be synced, with the reason', () => {
  withDatabase('CREATE TABLE t (rowid, oid, _rowid_)', (_, table) => {
    assert.equal(table('t').rowidName, null);
    assert.match(table('t').obstacle ?? '', /no key/);
  });
});

test('H19, H20, H22: key columns come in key order with their collation, and say whether they can hold NULL', () => {
  const sql = `CREATE TABLE t (a TEXT COLLATE NOCASE NOT NULL, b, c NUMERIC(5, 2), PRIMARY KEY (c, a, b));
    CREATE TABLE w (a TEXT COLLATE rtrim, b REAL, PRIMARY KEY (b, a COLLATE nocase)) WITHOUT ROWID;
    CREATE TABLE i (id INTEGER PRIMARY KEY)`;
  withDatabase(sql, (_, table) => {
    const text = (name: string): string[] =>
      table(name).key.map((k) => `${k.name} ${k.collation} ${k.affinity}${k.canBeNull ? ' null' : ''}`);
    assert.deepEqual(text('t'), ['c BINARY NUMERIC null', 'a NOCASE TEXT', 'b BINARY BLOB null']);
    assert.deepEqual(text('w'), ['b BINARY REAL', 'a NOCASE TEXT']);
    assert.deepEqual(text('i'), ['id BINARY INTEGER']);
    assert.deepEqual([table('t').storage, table('w').storage, table('w').rowidName], ['rowid', 'without-rowid', null]);
  });
});

test('H31: generated columns are told apart, and a unique over one is left to the engine', () => {
  const sql = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a DEFAULT 5, g AS (a + 1) UNIQUE, s AS (a * 2) STORED NOT NULL)';
  withDatabase(sql, (_, table) => {
    assert.deepEqual(
      table('t').columns.map((column) => column.isGenerated),
      [false, false, true, true],
    );
    assert.deepEqual(
      table('t').schema.columns.map((column) => column.hasDefault),
      [false, true, false, false],
    );
    assert.deepEqual(table('t').columns[1]?.defaultSql, '5');
    assert.deepEqual(
      table('t').uniques.map((unique) => [unique.isDeclared, unique.schema.isPlain]),
      [[true, false]],
    );
  });
});

test('H28: unique constraints: declared or an index, plain or not, each once, with the collation that decides', () => {
  const sql = `CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE COLLATE NOCASE, b, c, UNIQUE (c, b), UNIQUE (a));
    CREATE UNIQUE INDEX same ON t (c, b); CREATE UNIQUE INDEX own ON t (b COLLATE RTRIM);
    CREATE UNIQUE INDEX part ON t (b) WHERE b > 0; CREATE UNIQUE INDEX expr ON t (lower(c)); CREATE INDEX plain ON t (b);
    CREATE TABLE k (a PRIMARY KEY, b, UNIQUE (a))`;
  withDatabase(sql, (_, table) => {
    const uniques = table('t').uniques.map(
      ({ schema, isDeclared, collations }) =>
        `${schema.name} ${schema.columns.join('+')} ${isDeclared ? 'declared' : 'index'} ${schema.isPlain ? 'plain' : 'engine'} ${collations.join('+')}`,
    );
    assert.deepEqual(uniques, [
      'unique(a) a declared plain NOCASE',
      'unique(c, b) c+b declared plain BINARY+BINARY',
      'own b index plain RTRIM',
      'part b index engine BINARY',
      'expr  index engine ',
    ]);
    assert.deepEqual(table('k').uniques, []);
  });
});

test('uniques of tables that look like accounts are held, others merge', () => {
  for (const columns of [
    'email UNIQUE',
    'name UNIQUE, Password_Hash',
    'name UNIQUE, "api token"',
    'login UNIQUE, "userEMail"',
  ])
    assert.equal(policyOf(columns), 'hold', columns);
  assert.equal(policyOf('name UNIQUE, compass'), 'merge');
});

test('foreign keys name the parent as it is declared, and carry rows where the parent hands out numbers', () => {
  const sql = `CREATE TABLE "Par ent" ("Id" INTEGER PRIMARY KEY, code TEXT UNIQUE);
    CREATE TABLE nat (a, b, PRIMARY KEY (b, a));
    CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES "par ENT" ON DELETE CASCADE, q REFERENCES "Par ent" (code) ON DELETE SET NULL,
      x, y, gone REFERENCES nowhere (z) ON DELETE SET DEFAULT, me REFERENCES c (ID) ON DELETE RESTRICT, FOREIGN KEY (x, Y) REFERENCES nat)`;
  withDatabase(sql, (_, table) => {
    assert.deepEqual(table('c').schema.references.map(referenceText), [
      'p -> Par ent(Id) cascade by row',
      'q -> Par ent(code) set null',
      'gone -> nowhere(z) set default',
      'me -> c(id) restrict by row',
      'x,y -> nat(b,a) restrict',
    ]);
  });
});

test('a row that extends another one has its number, at any distance: natural, and what points to it carries rows', () => {
  const sql = `CREATE TABLE base (id INTEGER PRIMARY KEY); CREATE TABLE ext (base_id INTEGER PRIMARY KEY REFERENCES base);
    CREATE TABLE far (id INT PRIMARY KEY REFERENCES ext); CREATE TABLE leaf (id INTEGER PRIMARY KEY, f REFERENCES far);
    CREATE TABLE x (id INTEGER PRIMARY KEY REFERENCES y); CREATE TABLE y (id INTEGER PRIMARY KEY REFERENCES x);
    CREATE TABLE self (id INTEGER PRIMARY KEY REFERENCES self)`;
  withDatabase(sql, (connection, table) => {
    const kinds = Object.fromEntries(readSchema(connection).tables.map(({ name, schema }) => [name, schema.keyKind]));
    assert.deepEqual(kinds, {
      base: 'generated',
      ext: 'natural',
      far: 'natural',
      leaf: 'generated',
      self: 'generated',
      x: 'generated',
      y: 'generated',
    });
    assert.equal(table('far').schema.references[0]?.byRow, true);
    assert.equal(table('leaf').schema.references[0]?.byRow, true);
    assert.equal(table('ext').isRowidKey, true);
  });
});

test('names may hold anything', () => {
  const names = ['select', 'a "b"', "it's", '', 'ünï ☃', 'a;b--', '[x]', 'new', 'a\nb'];
  const sql = names.map(
    (name) => `CREATE TABLE ${quoteName(name)} (${quoteName(name)} TEXT PRIMARY KEY UNIQUE, ${quoteName(`${name}.`)})`,
  );
  withDatabase(sql.join(';'), (_, table) => {
    for (const name of names) {
      assert.deepEqual(table(name).schema.key, [name]);
      assert.equal(table(name).obstacle, null);
    }
  });
});

const python = foreignWriters().find((writer) => writer.name === 'python3');

test(
  'a table that needs functions or collations of the application is reported as an obstacle',
  { skip: python ? false : 'python3 is not installed' },
  () => {
    using folder = temporaryFolder();
    const path = folder.path('app.db');
    python?.run(
      path,
      `CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE ok (a); CREATE TABLE u (a TEXT COLLATE NOCASE PRIMARY KEY);
CREATE TRIGGER app AFTER UPDATE ON t BEGIN SELECT of_the_application(1); END;
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(sql, 'NOCASE', 'german') WHERE name = 'u';
`.replaceAll('; CREATE TABLE', ';\nCREATE TABLE'),
    );
    const connection = openConnection(path);
    const [ok, t, u] = readSchema(connection).tables;
    connection.close();
    assert.equal(ok?.obstacle, null);
    assert.match(t?.obstacle ?? '', /no such function: of_the_application/);
    assert.deepEqual(
      t?.triggers.map((trigger) => trigger.name),
      ['app'],
    );
    assert.match(u?.obstacle ?? '', /no such collation sequence: german/);
  },
);

test('the cookie moves with the schema and not with rows', () => {
  withDatabase('CREATE TABLE t (a)', (connection) => {
    const before = readCookie(connection);
    connection.exec('INSERT INTO t VALUES (1)');
    assert.equal(readCookie(connection), before);
    connection.exec('ALTER TABLE t ADD COLUMN b');
    assert.notEqual(readCookie(connection), before);
  });
});

test('sync tables are made once, grow for wide keys, refuse a newer format, and go without trace', () => {
  withDatabase('CREATE TABLE t (a)', (connection) => {
    assert.equal(hasSyncTables(connection), false);
    createSyncTables(connection);
    const cookie = readCookie(connection);
    createSyncTables(connection);
    assert.equal(readCookie(connection), cookie);
    assert.deepEqual(connection.prepare('SELECT merging FROM _usync_merging').all(), [[0n]]);
    widenNotes(connection, 3);
    assert.equal(noteKeyColumnCount(connection), 4);
    widenNotes(connection, 7);
    assert.equal(noteKeyColumnCount(connection), 7);
    connection.exec(`UPDATE _usync_meta SET value = 99 WHERE name = 'format'`);
    assert.throws(
      () => createSyncTables(connection),
      (error) => error instanceof SyncError && error.code === 'USYNC-1211',
    );
    dropSyncTables(connection);
    const left = connection.prepare(`SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'`).all();
    assert.deepEqual(left, [['t']]);
  });
});

test('traces of other sync systems are recognised, an application of its own is not', () => {
  assert.deepEqual(systemsIn('CREATE TABLE t__crsql_clock (a)'), ['cr-sqlite']);
  assert.deepEqual(systemsIn('CREATE TABLE cloudsync_settings (a)'), ['sqlite-sync (CloudSync)']);
  assert.deepEqual(systemsIn('CREATE TABLE _litestream_seq (a)'), ['Litestream']);
  assert.deepEqual(systemsIn('CREATE TABLE SYM_NODE (a); CREATE TABLE sym_data (a)'), ['SymmetricDS']);
  assert.deepEqual(systemsIn('CREATE TABLE __marmot__t_change_log (a)'), ['Marmot']);
  assert.equal(systemsIn('CREATE TABLE sync_servers (a); CREATE TABLE database_changes (a)').length, 1);
  assert.deepEqual(systemsIn('CREATE TABLE sync_log (a); CREATE TABLE symbols (a); CREATE TABLE ps_tx (a)'), []);
});

const referenceText = (reference: ReferenceSchema): string =>
  `${reference.columns.join(',')} -> ${reference.parentTable}(${reference.parentColumns.join(',')}) ${reference.onDelete}${reference.byRow ? ' by row' : ''}`;

function policyOf(columns: string): string | undefined {
  let found: string | undefined;
  withDatabase(`CREATE TABLE t (id INTEGER PRIMARY KEY, ${columns})`, (_, table) => {
    found = table('t').schema.uniques[0]?.policy;
  });
  return found;
}

function systemsIn(sql: string): string[] {
  let found: string[] = [];
  withDatabase(sql, (connection) => (found = foreignSyncTraces(connection).map((trace) => trace.system)));
  return found;
}
