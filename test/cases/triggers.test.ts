// Goal: what an application's triggers write is there once, and what they derive is right everywhere (hard case 32).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSame, exchange, later, withServers } from './case-servers.js';

const audited = `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price INTEGER);
  CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT, item_id INTEGER, at TEXT DEFAULT CURRENT_TIMESTAMP);
  CREATE TRIGGER item_i AFTER INSERT ON item BEGIN INSERT INTO audit (what, item_id) VALUES ('insert', NEW.id); END;
  CREATE TRIGGER item_u AFTER UPDATE ON item BEGIN INSERT INTO audit (what, item_id) VALUES ('update', NEW.id); END;
  CREATE TRIGGER item_d AFTER DELETE ON item BEGIN INSERT INTO audit (what, item_id) VALUES ('delete', OLD.id); END;`;

test('H32: an audit row of a trigger is there once, whoever wrote and however it came', () =>
  withServers({ schema: audited, servers: 'abc' }, async (a, b, c) => {
    await a.write(`INSERT INTO item VALUES (1, 'x', 1), (2, 'y', 2)`);
    await assertSame([a, b, c]);
    await b.write(`UPDATE item SET price = 5 WHERE id = 1`);
    await c.write(`DELETE FROM item WHERE id = 2`);
    await assertSame([a, b, c]);
    assert.equal(a.ask('SELECT what, count(*) FROM audit GROUP BY 1 ORDER BY 1'), 'delete|1\ninsert|2\nupdate|1');
    await a.write('DELETE FROM item');
    await later();
    b.shell(`UPDATE item SET name = 'edited while it was deleted'`);
    await assertSame([c, a, b]);
  }));

const searchable = `CREATE TABLE page (id INTEGER PRIMARY KEY, title TEXT, body TEXT);
  CREATE VIRTUAL TABLE search USING fts5(title, body, content='page', content_rowid='id');
  CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT);
  CREATE TRIGGER page_i AFTER INSERT ON page BEGIN INSERT INTO search (rowid, title, body) VALUES (NEW.id, NEW.title, NEW.body);
    INSERT INTO log (text) VALUES ('new ' || NEW.title); END;
  CREATE TRIGGER page_u AFTER UPDATE ON page BEGIN
    INSERT INTO search (search, rowid, title, body) VALUES ('delete', OLD.id, OLD.title, OLD.body);
    INSERT INTO search (rowid, title, body) VALUES (NEW.id, NEW.title, NEW.body); INSERT INTO log (text) VALUES ('changed ' || NEW.title); END;
  CREATE TRIGGER page_d AFTER DELETE ON page BEGIN
    INSERT INTO search (search, rowid, title, body) VALUES ('delete', OLD.id, OLD.title, OLD.body); INSERT INTO log (text) VALUES ('gone'); END;`;
const found = (word: string): string => `SELECT rowid FROM search WHERE search MATCH '${word}' ORDER BY rowid`;
const checkIndex = `INSERT INTO search (search) VALUES ('integrity-check')`;

test('H32: a trigger that keeps a full-text index and also writes a synced table does both: the index is right, the row is there once', () =>
  withServers({ schema: searchable, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO page VALUES (1, 'hammer', 'a tool'), (2, 'nail', 'iron')`);
    await assertSame([a, b, c]);
    assert.equal(b.ask(found('iron')), '2');
    b.shell(`UPDATE page SET body = 'steel' WHERE id = 2`);
    c.shell('DELETE FROM page WHERE id = 1');
    await assertSame([a, b, c]);
    for (const each of [a, b, c]) {
      assert.equal(each.ask(found('steel')), '2', each.name);
      assert.equal(each.ask(found('iron OR hammer')), '', each.name);
      each.app.exec(checkIndex);
    }
    assert.equal(
      a.ask('SELECT text, count(*) FROM log GROUP BY 1 ORDER BY 1'),
      'changed nail|1\ngone|1\nnew hammer|1\nnew nail|1',
    );
  }));

test('H32: an index of triggers stays right when rows get other numbers, hide, and come back', () =>
  withServers(
    {
      schema: `${searchable}; CREATE UNIQUE INDEX page_title ON page (title)`,
      servers: 'abc',
      rules: { page: { unique: 'hold' } },
    },
    async (a, b, c) => {
      await a.write(`INSERT INTO page VALUES (1, 'same', 'elder'), (2, 'one', 'apple')`);
      await later();
      await b.write(`INSERT INTO page VALUES (1, 'other', 'pear'), (2, 'same', 'younger')`);
      await assertSame([c, a, b]);
      for (const each of [a, b, c]) {
        assert.equal(each.ask(found('younger')), '', each.name);
        assert.equal(each.ask(`SELECT body FROM page WHERE id IN (${found('pear')})`), 'pear', each.name);
        each.app.exec(checkIndex);
      }
      await c.write(`UPDATE page SET title = 'free' WHERE body = 'elder'`);
      await assertSame([c, a, b]);
      for (const each of [a, b, c]) {
        assert.equal(each.ask(`SELECT body FROM page WHERE id IN (${found('younger')})`), 'younger', each.name);
        each.app.exec(checkIndex);
      }
    },
  ));

test('H32: triggers that write the row itself, a total elsewhere, or refuse, do not change what was merged', () =>
  withServers(
    {
      schema: `CREATE TABLE entry (id INTEGER PRIMARY KEY, account TEXT REFERENCES account(name), amount INTEGER, changed INTEGER DEFAULT 0, at INTEGER);
        CREATE TABLE account (name TEXT PRIMARY KEY, total INTEGER DEFAULT 0);
        CREATE TRIGGER e_total AFTER INSERT ON entry BEGIN UPDATE account SET total = total + NEW.amount WHERE name = NEW.account; END;
        CREATE TRIGGER e_touch AFTER UPDATE OF amount ON entry BEGIN UPDATE entry SET changed = changed + 1 WHERE id = NEW.id; END;
        CREATE TRIGGER e_keep BEFORE DELETE ON entry WHEN OLD.amount > 100 BEGIN DELETE FROM account WHERE name = 'nobody'; SELECT RAISE(IGNORE); END;
        CREATE TRIGGER e_high BEFORE INSERT ON entry WHEN NEW.amount > 1000 BEGIN UPDATE account SET total = 0; SELECT RAISE(ABORT, 'too high'); END`,
      servers: 'abc',
    },
    async (a, b, c) => {
      await a.write(
        `INSERT INTO account VALUES ('x', 0); INSERT INTO entry (id, account, amount) VALUES (1, 'x', 5), (2, 'x', 6)`,
      );
      await assertSame([a, b, c]);
      await b.write('UPDATE entry SET amount = 50 WHERE id = 1');
      await c.write(
        `INSERT INTO entry (id, account, amount) VALUES (3, 'x', 7); UPDATE account SET total = 18 WHERE name = 'x'`,
      );
      await assertSame([a, b, c]);
      assert.equal(a.ask('SELECT id, amount, changed FROM entry ORDER BY id'), '1|50|1\n2|6|0\n3|7|0');
      assert.equal(a.ask('SELECT total FROM account'), '18');
    },
  ));

test('H32: many merged rows at once, with triggers that write synced and derived tables', () =>
  withServers({ schema: searchable }, async (a, b) => {
    a.shell(
      `WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 2000) INSERT INTO page SELECT i, 'title' || i, 'word' || i FROM c`,
    );
    await assertSame([a, b]);
    assert.equal(b.ask(found('word1234')), '1234');
    assert.equal(b.ask('SELECT count(*) FROM log'), '2000');
    b.shell(`UPDATE page SET body = 'changed' || id WHERE id % 2 = 0; DELETE FROM page WHERE id % 3 = 0`);
    await assertSame([a, b]);
    for (const each of [a, b]) each.app.exec(checkIndex);
    assert.equal(a.ask(found('changed1234')), '1234');
    assert.equal(a.ask('SELECT count(*) FROM log'), b.ask('SELECT count(*) FROM log'));
  }));

test('H32: the schema is as the application left it, and a merge makes no application compile its statements anew', () =>
  withServers({ schema: searchable }, async (a, b) => {
    const before = b.ask(`SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name`);
    const cookie = b.ask('PRAGMA schema_version');
    a.shell(`INSERT INTO page VALUES (1, 'x', 'y')`);
    await assertSame([a, b]);
    assert.equal(b.ask(`SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name`), before);
    assert.equal(b.ask('PRAGMA schema_version'), cookie);
  }));

test('H32: a trigger that forbids its users a delete or an update does not stop what was decided elsewhere', () =>
  withServers(
    {
      schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, locked INTEGER); CREATE TABLE notes (text TEXT)',
      servers: 'abc',
    },
    async (a, b, c) => {
      for (const each of [b, c])
        each.shell(`CREATE TRIGGER keep BEFORE DELETE ON t WHEN OLD.locked = 1 BEGIN SELECT RAISE(IGNORE); END;
          CREATE TRIGGER keep_hard BEFORE DELETE ON t WHEN OLD.locked = 2 BEGIN SELECT RAISE(ABORT, 'locked'); END`);
      a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 0)`);
      await assertSame([a, b, c]);
      a.shell('DELETE FROM t WHERE id < 3');
      assert.equal(await assertSame([a, b, c]), "t: 3 | 0 | 'z'");
      assert.equal(b.ask(`SELECT count(*) FROM sqlite_schema WHERE name LIKE 'keep%'`), '2');
      c.shell(`UPDATE t SET locked = 1`);
      c.shell('DELETE FROM t');
      assert.equal(c.ask('SELECT count(*) FROM t'), '1', 'the trigger still guards against users');
      await assertSame([a, b, c]);
    },
  ));

test('H32: a trigger whose update here is refused or left out leaves the row as it was, and the rest of the stream goes on', () =>
  withServers({ schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n INTEGER)' }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)`);
    await assertSame([a, b]);
    b.shell(`CREATE TRIGGER low BEFORE UPDATE OF n ON t WHEN NEW.n > 100 BEGIN SELECT RAISE(ABORT, 'too high'); END;
      CREATE TRIGGER same BEFORE UPDATE OF v ON t WHEN NEW.v = 'no' BEGIN SELECT RAISE(IGNORE); END`);
    await a.write('UPDATE t SET n = 500 WHERE id = 1');
    await a.write(`UPDATE t SET v = 'no' WHERE id = 2`);
    await a.write(`UPDATE t SET v = 'later' WHERE id = 1`);
    await exchange([a, b]);
    assert.equal(b.ask('SELECT * FROM t ORDER BY id'), '1|later|1\n2|y|2');
    assert.equal((await b.replica.drain()).changesets, 0);
    b.shell('DROP TRIGGER low; DROP TRIGGER same');
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT * FROM t ORDER BY id'), '1|later|500\n2|no|2');
  }));

test('H32: two triggers that call each other, and one that inserts into the table it stands on', () =>
  withServers(
    {
      schema: `CREATE TABLE node (id INTEGER PRIMARY KEY, parent INTEGER, depth INTEGER);
        CREATE TABLE tally (name TEXT PRIMARY KEY, n INTEGER); CREATE TABLE mine (n INTEGER);
        CREATE TRIGGER twin AFTER INSERT ON node WHEN NEW.depth < 1 BEGIN INSERT INTO node (parent, depth) VALUES (NEW.id, NEW.depth + 1);
          INSERT OR REPLACE INTO tally VALUES ('nodes', (SELECT count(*) FROM node)); INSERT INTO mine VALUES (NEW.id); END;
        CREATE TRIGGER back AFTER UPDATE ON tally BEGIN UPDATE node SET depth = depth WHERE id = 1; END;
        CREATE TRIGGER forth AFTER UPDATE ON node BEGIN UPDATE tally SET n = n WHERE name = 'nodes'; END`,
      rules: { mine: { exclude: true } },
      servers: 'abc',
    },
    async (a, b, c) => {
      await a.write('INSERT INTO node VALUES (1, NULL, 0), (10, NULL, 0)');
      await b.write('INSERT INTO node VALUES (100, NULL, 0)');
      await assertSame([a, b, c]);
      assert.equal(c.ask('SELECT count(*) FROM node'), '6');
      assert.equal(c.ask('SELECT n FROM mine ORDER BY n'), '1\n10\n100');
      c.shell('UPDATE tally SET n = 6; DELETE FROM node WHERE depth = 1');
      await assertSame([a, b, c]);
    },
  ));
