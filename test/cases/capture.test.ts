// Goal: whatever a program writes is captured, once and exactly (hard cases 1 to 15; failures of group A that are about
// capture). Method: other programs write real files; peers must show the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSame, later, meet, openServer, withServers } from './case-servers.js';

const labelled = 'CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE, n INTEGER)';
const indexed = 'CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT, n INTEGER); CREATE UNIQUE INDEX t_u ON t (u)';

for (const [kind, schema] of [
  ['declared constraint', labelled],
  ['unique index', indexed],
  ['nocase constraint', labelled.replace('UNIQUE', 'COLLATE NOCASE UNIQUE')],
] as const) {
  test(`H1: the rows that INSERT OR REPLACE removes through a ${kind} are gone everywhere`, () =>
    withServers({ schema }, async (a, b) => {
      a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3)`);
      await assertSame([a, b]);
      a.shell(`INSERT OR REPLACE INTO t VALUES (4, 'x', 4)`);
      b.python(`REPLACE INTO t (u, n) VALUES ('y', 5)`);
      await assertSame([a, b]);
      assert.equal(a.ask('SELECT u, n FROM t ORDER BY u'), 'x|4\ny|5\nz|3');
    }));

  test(`H2: the rows that UPDATE OR REPLACE removes through a ${kind} are gone everywhere`, () =>
    withServers({ schema }, async (a, b) => {
      a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3)`);
      await assertSame([a, b]);
      b.shell(`UPDATE OR REPLACE t SET u = 'x' WHERE id = 2`);
      assert.equal(await assertSame([a, b]), `t: 2 | 2 | 'x'\nt: 3 | 3 | 'z'`);
    }));
}

test('H2: a row that takes the key of its own parent by REPLACE, and goes with it by CASCADE, leaves none of both anywhere', () =>
  withServers(
    { schema: 'CREATE TABLE tree (k TEXT PRIMARY KEY, up TEXT REFERENCES tree(k) ON DELETE CASCADE)' },
    async (a, b) => {
      a.shell(`INSERT INTO tree VALUES ('root', NULL), ('leaf', 'root'), ('other', NULL)`);
      await assertSame([a, b]);
      b.shell(`PRAGMA foreign_keys = ON; UPDATE OR REPLACE tree SET k = 'root' WHERE k = 'leaf'`);
      assert.equal(b.ask('SELECT k FROM tree'), 'other');
      await assertSame([a, b]);
      assert.equal(a.ask('SELECT k FROM tree'), 'other');
    },
  ));

test('H1: one REPLACE that removes a row through each of two constraints removes both everywhere', () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE, v TEXT UNIQUE)' }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'a', 'b'), (2, 'c', 'd'), (3, 'e', 'f')`);
    await assertSame([a, b]);
    a.shell(`REPLACE INTO t VALUES (9, 'a', 'd')`);
    assert.equal(await assertSame([a, b]), `t: 3 | 'e' | 'f'\nt: 9 | 'a' | 'd'`);
  }));

test('H1: capture does not hinder DROP INDEX and DROP COLUMN of a unique column', () =>
  withServers({ schema: indexed }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b]);
    for (const each of [a, b]) each.shell('DROP INDEX t_u; ALTER TABLE t DROP COLUMN u');
    assert.equal(await assertSame([a, b]), 't: 1 | 1');
  }));

test('H3: REPLACE at the same key is an update of the row, not a new row', () =>
  withServers({ schema: labelled }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b]);
    const before = await a.vector();
    a.shell(`REPLACE INTO t VALUES (1, 'x', 7)`);
    b.shell(`UPDATE t SET u = 'changed'`);
    assert.deepEqual(await a.captured(before), ['update 1 t(n)']);
    assert.equal(await assertSame([a, b]), `t: 1 | 7 | 'changed'`);
  }));

test('H4: a note is a hint: what changed nothing in the end makes no changeset', () =>
  withServers({ schema: labelled }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b]);
    const before = await a.vector();
    a.shell(`INSERT OR IGNORE INTO t VALUES (1, 'y', 2), (2, 'x', 3);
      UPDATE t SET n = n; BEGIN; INSERT INTO t VALUES (5, 'z', 1); DELETE FROM t WHERE id = 5; COMMIT;
      BEGIN; UPDATE t SET n = 2; UPDATE t SET n = 1; COMMIT;`);
    assert.deepEqual(await a.captured(before), []);
    assert.deepEqual(await a.vector(), before);
  }));

test('H5: both branches of an UPSERT are captured as what they did', () =>
  withServers({ schema: labelled }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b]);
    const before = await a.vector();
    a.python(`INSERT INTO t VALUES (1, 'q', 5) ON CONFLICT (id) DO UPDATE SET n = excluded.n;
      INSERT INTO t VALUES (2, 'y', 6) ON CONFLICT (u) DO UPDATE SET n = excluded.n;
      INSERT INTO t VALUES (3, 'x', 7) ON CONFLICT (u) DO UPDATE SET n = n + excluded.n;
      INSERT INTO t VALUES (4, 'x', 8) ON CONFLICT DO NOTHING;`);
    assert.deepEqual(await a.captured(before), ['insert 1 t(id,u,n)', 'update 1 t(n)']);
    assert.equal(await assertSame([a, b]), `t: 1 | 12 | 'x'\nt: 2 | 6 | 'y'`);
  }));

test('H6: a row with an automatic number is captured under its number, beside a row that really is -1', () =>
  withServers({ schema: labelled }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (-1, 'minus one', 0)`);
    await assertSame([a, b]);
    a.shell(`INSERT INTO t (u) VALUES ('auto'); INSERT OR REPLACE INTO t (u, n) VALUES ('auto', 2)`);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT u, n FROM t ORDER BY u'), 'auto|2\nminus one|0');
  }));

test('H7: DELETE without WHERE ends every row everywhere', () =>
  withServers({ schema: labelled }, async (a, b) => {
    a.shell(
      `WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 500) INSERT INTO t SELECT i, 'u' || i, i FROM c`,
    );
    await assertSame([a, b]);
    b.shell('DELETE FROM t');
    assert.equal(await assertSame([a, b]), '');
  }));

test('H8: what foreign keys cascade to, and set to NULL, is captured', () =>
  withServers(
    {
      schema: `CREATE TABLE p (id INTEGER PRIMARY KEY);
        CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE);
        CREATE TABLE g (id INTEGER PRIMARY KEY, c REFERENCES c ON DELETE SET NULL, p REFERENCES p ON UPDATE CASCADE)`,
    },
    async (a, b) => {
      a.shell(
        `INSERT INTO p VALUES (1), (2), (3); INSERT INTO c VALUES (10, 1), (20, 2); INSERT INTO g VALUES (100, 10, 3), (200, 20, 2)`,
      );
      await assertSame([a, b]);
      a.shell('PRAGMA foreign_keys = ON; DELETE FROM p WHERE id = 1; UPDATE p SET id = 33 WHERE id = 3');
      assert.equal(await assertSame([a, b]), 'c: 20 | 2\ng: 20 | 200 | 2\ng: NULL | 100 | 33\np: 2\np: 33');
    },
  ));

test('H9: DROP TABLE takes our triggers along and ends no row elsewhere; made anew, the table is captured again and gets its rows back', () =>
  withServers({ schema: `${labelled}; CREATE TABLE other (id INTEGER PRIMARY KEY)` }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b]);
    a.shell('DROP TABLE t; INSERT INTO other VALUES (1)');
    await a.replica.drain();
    assert.equal(b.ask('SELECT count(*) FROM t'), '1');
    a.shell(`${labelled}; INSERT INTO t VALUES (2, 'new', 2)`);
    await assertSame([a, b]);
    assert.equal(b.ask(`SELECT count(*) FROM t WHERE u = 'new'`), '1');
    a.shell(`UPDATE t SET n = 5 WHERE u = 'new'`);
    await assertSame([a, b]);
    assert.equal(b.ask(`SELECT n FROM t WHERE u = 'new'`), '5');
  }));

test('H9: rows that a drop took away come back from a peer, and none that was deleted meanwhile', () =>
  withServers({ schema: labelled, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3), (4, 'q', 4), (5, 'r', 5)`);
    await assertSame([a, b, c]);
    b.shell(`DELETE FROM t WHERE id = 1; UPDATE t SET n = 20 WHERE id = 2`);
    a.shell(`DELETE FROM t WHERE id = 5`);
    await a.replica.drain();
    a.shell('DROP TABLE t');
    await a.replica.drain();
    c.shell(`INSERT INTO t VALUES (6, 'while it was gone', 6); DELETE FROM t WHERE id = 3`);
    await meet(a, c);
    a.shell(`${labelled}; INSERT INTO t VALUES (7, 'new', 7)`);
    assert.equal(
      await assertSame([a, b, c]),
      `t: 2 | 20 | 'y'\nt: 4 | 4 | 'q'\nt: 6 | 6 | 'while it was gone'\nt: 7 | 7 | 'new'`,
    );
    assert.deepEqual((await a.replica.proof()).lost, []);
    a.shell('DELETE FROM t WHERE id = 4');
    assert.doesNotMatch(await assertSame([c, a, b]), /'q'/);
  }));

test('H9: made again with nothing in it between two looks, the table gets its rows back', () =>
  withServers({ schema: labelled }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b]);
    a.shell(`DROP TABLE t; ${labelled}`);
    await a.replica.drain();
    assert.deepEqual((await a.replica.proof()).lost, ['t']);
    assert.equal(await assertSame([a, b]), `t: 1 | 1 | 'x'`);
  }));

test('H9: a table that everybody drops and makes again is empty, and nobody waits for it', () =>
  withServers({ schema: labelled }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b]);
    for (const { shell, replica } of [a, b]) {
      shell('DROP TABLE t');
      await replica.drain();
      shell(labelled);
    }
    assert.equal(await assertSame([a, b]), '');
    b.shell(`INSERT INTO t VALUES (1, 'again', 1)`);
    assert.equal(await assertSame([a, b]), `t: 1 | 1 | 'again'`);
  }));

test('H10: what was rolled back, to a savepoint or by a failing statement, never leaves the server', () =>
  withServers({ schema: labelled }, async (a, b) => {
    a.app.exec(`BEGIN; INSERT INTO t VALUES (1, 'kept', 1); SAVEPOINT s; INSERT INTO t VALUES (2, 'undone', 2);
      UPDATE t SET n = 9; ROLLBACK TO s; COMMIT`);
    a.app.exec(`BEGIN; INSERT INTO t VALUES (3, 'also undone', 3); ROLLBACK`);
    assert.throws(() => a.app.exec(`INSERT INTO t VALUES (4, 'p', 1), (5, 'q', 2), (6, 'p', 3)`));
    assert.throws(() => a.app.exec(`INSERT OR ROLLBACK INTO t VALUES (7, 'kept', 1)`));
    assert.equal(await assertSame([a, b]), `t: 1 | 1 | 'kept'`);
  }));

test('H10: what was committed before a crash and not sent yet is sent after it', () =>
  withServers({ schema: labelled }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'drained', 1)`);
    await a.replica.drain();
    a.shell(`INSERT INTO t VALUES (2, 'noted', 2)`);
    await a.replica.close();
    const again = await openServer(a.path, 'a', { schema: '' });
    try {
      assert.equal(await assertSame([again, b]), `t: 1 | 1 | 'drained'\nt: 2 | 2 | 'noted'`);
    } finally {
      await again.replica.close();
      again.app.close();
    }
  }));

test('H11: writers with other settings and another SQLite are captured', () =>
  withServers(
    { schema: `${labelled}; CREATE TABLE c (id INTEGER PRIMARY KEY, t REFERENCES t ON DELETE CASCADE)` },
    async (a, b) => {
      let id = 0;
      for (const writer of [a.shell, b.python])
        for (const settings of [
          'trusted_schema = OFF',
          'recursive_triggers = ON',
          'foreign_keys = ON',
          'foreign_keys = OFF',
        ]) {
          id += 10;
          writer(`PRAGMA ${settings}; INSERT INTO t VALUES (${id}, 'u${id}', 1); INSERT INTO c VALUES (${id}, ${id});
          INSERT INTO t VALUES (${id + 1}, 'v${id}', 1); REPLACE INTO t VALUES (${id + 2}, 'v${id}', 2);
          UPDATE t SET n = 3 WHERE id = ${id};`);
          await later();
        }
      await assertSame([a, b]);
      assert.equal(a.ask('SELECT count(*), sum(n) FROM t'), '16|40');
      assert.equal(b.ask('SELECT count(*) FROM c'), '8');
    },
  ));

test('H11: triggers of capture use nothing that SQLite 3.31 lacks', () =>
  withServers({ schema: labelled, servers: 'a' }, (a) => {
    const text = a.ask(`SELECT sql FROM sqlite_schema WHERE type = 'trigger'`);
    const called = new Set([...text.matchAll(/\b([a-z_]+)\(/gi)].map(([, name]) => name?.toLowerCase()));
    const known = ['cast', '_usync_notes', 'julianday', 'typeof', 'values', 'not'];
    assert.deepEqual(
      [...called].filter((name) => name !== undefined && !known.includes(name)),
      [],
    );
    assert.doesNotMatch(text, /RETURNING|->|STRICT|IIF|INSERT OR|ON CONFLICT/i);
    return Promise.resolve();
  }));

test('H12: temporary tables, attached databases and virtual tables are no obstacle to a captured write', () =>
  withServers(
    {
      schema: `${labelled}; CREATE VIRTUAL TABLE search USING fts5(u, content='t', content_rowid='id');
        CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
        CREATE TRIGGER s_i AFTER INSERT ON t BEGIN INSERT INTO search (rowid, u) VALUES (NEW.id, NEW.u);
          INSERT INTO boxes VALUES (NEW.id, NEW.n, NEW.n + 1); END`,
    },
    async (a, b) => {
      a.shell(`ATTACH '${a.path}-other' AS other; CREATE TABLE other.t (x); CREATE TEMP TABLE mine (x);
        BEGIN; INSERT INTO mine VALUES (1); INSERT INTO other.t VALUES (1); INSERT INTO main.t VALUES (1, 'found', 1); COMMIT`);
      await assertSame([a, b]);
      assert.equal(b.ask(`SELECT rowid FROM search WHERE search MATCH 'found'`), '1');
      assert.equal(b.ask('SELECT id, x0 FROM boxes'), '1|1');
    },
  ));

test('H13: last_insert_rowid(), changes() and RETURNING tell an application what they always told it', () =>
  withServers({ schema: labelled, servers: 'a' }, (a) => {
    const script = `INSERT INTO t (u) VALUES ('a'), ('b'); SELECT last_insert_rowid(), changes();
      UPDATE t SET n = 1; SELECT changes(); INSERT OR REPLACE INTO t (u) VALUES ('a') RETURNING id, u;
      SELECT last_insert_rowid(), changes(); DELETE FROM t WHERE u = 'b' RETURNING u; SELECT changes();`;
    assert.equal(a.shell(script), '2|2\n2\n3|a\n3|1\nb\n1');
    return Promise.resolve();
  }));

test('H14: a change of case in a NOCASE column or key, and of 1 to 1.0, is a change', () =>
  withServers(
    { schema: 'CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, c TEXT COLLATE NOCASE, v, r)' },
    async (a, b) => {
      a.shell(`INSERT INTO t VALUES ('key', 'word', 1, 0.5)`);
      await assertSame([a, b]);
      a.shell(`UPDATE t SET c = 'WORD', v = 1.0`);
      assert.equal(await assertSame([a, b]), `t: 'WORD' | 'key' | 0.5 | 1.0`);
      b.shell(`UPDATE t SET k = 'KEY'`);
      assert.equal(await assertSame([a, b]), `t: 'WORD' | 'KEY' | 0.5 | 1.0`);
    },
  ));

test('H15: blobs and infinities, which JSON cannot hold, are captured as they are', () =>
  withServers({ schema: 'CREATE TABLE t (k BLOB PRIMARY KEY, v)' }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (x'00ff', 9e999), (x'', -9e999), (x'01', x'7b7d'), ('text', '{"a":1}')`);
    await assertSame([a, b]);
    assert.equal(
      b.shell('SELECT hex(k), typeof(v), v FROM t ORDER BY 1'),
      '|real|-Inf\n00FF|real|Inf\n01|blob|{}\n74657874|text|{"a":1}',
    );
  }));

test('F5: capture lives in the database: rows are noted while no engine runs, and a lost trigger is put back', () =>
  withServers({ schema: labelled }, async (a, b) => {
    await a.replica.close();
    a.shell(`INSERT INTO t VALUES (1, 'nobody runs', 1); DROP TRIGGER _usync_u1; UPDATE t SET n = 2`);
    const again = await openServer(a.path, 'a', { schema: '' });
    try {
      assert.equal(await assertSame([again, b]), `t: 1 | 2 | 'nobody runs'`);
      again.shell('UPDATE t SET n = 3');
      assert.equal(await assertSame([again, b]), `t: 1 | 3 | 'nobody runs'`);
    } finally {
      await again.replica.close();
      again.app.close();
    }
  }));

test('F6, F41: bulk updates, raw SQL, association rows with composite keys and cascades are all captured', () =>
  withServers(
    {
      schema: `CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE role (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE user_roles (user_id REFERENCES user ON DELETE CASCADE, role_id REFERENCES role, PRIMARY KEY (user_id, role_id))`,
    },
    async (a, b) => {
      a.python(`INSERT INTO user VALUES (1, 'ann'); INSERT INTO user VALUES (2, 'bob'); INSERT INTO role VALUES (1, 'admin');
        INSERT INTO user_roles SELECT user.id, role.id FROM user, role; UPDATE user SET name = upper(name);`);
      await assertSame([a, b]);
      assert.equal(b.ask('SELECT * FROM user_roles ORDER BY 1'), '1|1\n2|1');
      b.shell('PRAGMA foreign_keys = ON; DELETE FROM user WHERE id = 1');
      assert.equal(await assertSame([a, b]), `role: 1 | 'admin'\nuser: 2 | 'BOB'\nuser_roles: 1 | 2`);
    },
  ));

test('F8: a change is the row as it stands, whatever columns an application calls secret', () =>
  withServers(
    { schema: 'CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT, password_hash BLOB, is_active BOOLEAN)' },
    async (a, b) => {
      a.python(`INSERT INTO user VALUES (1, 'ann', x'00ff00', 1)`);
      await assertSame([a, b]);
      assert.equal(b.ask('SELECT * FROM user'), `1|ann|x'00ff00'|1`);
    },
  ));

test('F9: a transaction arrives whole or not at all, and not before it is committed', () =>
  withServers({ schema: labelled }, async (a, b) => {
    a.app.exec(`BEGIN; INSERT INTO t VALUES (1, 'first', 1)`);
    await meet(a, b);
    assert.equal(b.ask('SELECT count(*) FROM t'), '0');
    a.app.exec(`INSERT INTO t VALUES (2, 'second', 2); COMMIT`);
    const before = await a.vector();
    a.app.exec(`BEGIN; UPDATE t SET n = 10 WHERE id = 1; UPDATE t SET n = 20 WHERE id = 2; COMMIT`);
    assert.deepEqual(await a.captured(before), ['insert 2 t(id,u,n)']);
    assert.equal(await assertSame([a, b]), `t: 1 | 10 | 'first'\nt: 2 | 20 | 'second'`);
  }));
