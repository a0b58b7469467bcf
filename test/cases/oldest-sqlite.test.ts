// Goal: an application may have an SQLite as old as 3.31 (hard case 11). Method: a real 3.31 opens the file with the
// triggers in it and writes to it. It knows no shared memory, so the file is in a rollback mode, and it has the file alone.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import initialise, { type Database } from 'sqlite-3.31';
import { assertSame, openServer, type CaseServer } from './case-servers.js';

const schema = `PRAGMA journal_mode = DELETE;
  CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE);
  CREATE TABLE pets (id INTEGER PRIMARY KEY AUTOINCREMENT, owner REFERENCES owners ON DELETE CASCADE, chip TEXT, n INTEGER,
    twice AS (n * 2));
  CREATE UNIQUE INDEX pets_chip ON pets (chip) WHERE n > 0;
  CREATE UNIQUE INDEX pets_lower ON pets (lower(chip), owner);
  CREATE TABLE pairs (a TEXT, b INTEGER, v REAL, PRIMARY KEY (a, b)) WITHOUT ROWID;
  CREATE TABLE log (line TEXT, at REAL);
  CREATE TABLE told (n INTEGER);
  CREATE TRIGGER pets_told AFTER UPDATE ON pets BEGIN INSERT INTO told VALUES (NEW.n); END`;

const { Database: OldDatabase } = await initialise({
  wasmBinary: readFileSync(join(createRequire(import.meta.url).resolve('sqlite-3.31'), '../sql-wasm.wasm')),
});

/** Runs the work on the file, which nobody else may have open, and puts the file back as the old SQLite leaves it. */
function withOldSqlite<T>(path: string, work: (database: Database) => T): T {
  const database = new OldDatabase(readFileSync(path));
  try {
    const answer = work(database);
    writeFileSync(path, database.export());
    return answer;
  } finally {
    database.close();
  }
}

async function whileClosed<T>(server: CaseServer, work: (path: string) => T): Promise<[CaseServer, T]> {
  await server.replica.close();
  server.app.close();
  const answer = work(server.path);
  return [await openServer(server.path, server.name, { schema: 'PRAGMA journal_mode = DELETE' }), answer];
}

test('H11: what SQLite 3.31 writes is captured, and what was merged it reads', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'usync-oldest-'));
  let a = await openServer(join(folder, 'a.db'), 'a', { schema });
  const b = await openServer(join(folder, 'b.db'), 'b', { schema });
  try {
    b.shell(`INSERT INTO owners VALUES (1, 'Ann'), (2, 'Bo'); INSERT INTO pets (owner, chip, n) VALUES (1, 'c1', 1),
      (2, 'c2', 2), (2, 'c3', 0); INSERT INTO pairs VALUES ('x', 1, 0.5), ('x', 2, 1.5); INSERT INTO log VALUES ('one', 1);`);
    await assertSame([a, b]);

    let seen: unknown;
    [a, seen] = await whileClosed(a, (path) =>
      withOldSqlite(path, (old) => {
        assert.match(String(old.exec('SELECT sqlite_version()')[0]?.values[0]), /^3\.31\./);
        const merged = old.exec('SELECT name, chip, twice FROM owners JOIN pets ON owner = owners.id ORDER BY chip');
        for (const settings of ['foreign_keys = ON', 'recursive_triggers = ON', 'recursive_triggers = OFF'])
          old.run(`PRAGMA ${settings};
            INSERT INTO owners (name) VALUES ('Cy ${settings}') ON CONFLICT (name) DO UPDATE SET name = excluded.name;
            INSERT INTO pets (owner, chip, n) VALUES (1, 'fresh', 4);
            INSERT OR REPLACE INTO pets (owner, chip, n) VALUES (1, 'fresh', 5);
            UPDATE OR REPLACE pets SET chip = 'c2' WHERE chip = 'fresh';
            UPDATE pets SET n = n + 10 WHERE chip = 'c1';
            UPDATE pairs SET b = b + 10 WHERE a = 'x';
            INSERT INTO pairs VALUES ('y', ${settings.length}, 2) ON CONFLICT DO NOTHING;
            DELETE FROM pairs WHERE b = 32;
            INSERT INTO log VALUES ('line', 2); UPDATE log SET at = at + 1; DELETE FROM log WHERE at = 4;
            SAVEPOINT s; DELETE FROM pets; ROLLBACK TO s; RELEASE s`);
        old.run(`REPLACE INTO owners VALUES (3, 'BO')`);
        assert.deepEqual(old.exec('PRAGMA integrity_check')[0]?.values, [['ok']]);
        return merged[0]?.values;
      }),
    );
    assert.deepEqual(seen, [
      ['Ann', 'c1', 2],
      ['Bo', 'c2', 4],
      ['Bo', 'c3', 0],
    ]);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT id, name FROM owners WHERE id < 4'), '1|Ann\n3|BO');
    assert.equal(b.ask('SELECT chip, n, twice FROM pets ORDER BY chip'), 'c1|31|62\nc2|5|10');
    assert.equal(b.ask('SELECT * FROM pairs ORDER BY a, b'), 'x|31|0.5\ny|17|2\ny|23|2\ny|24|2');

    b.shell(`UPDATE pets SET n = 7 WHERE chip = 'c1'; DELETE FROM log`);
    await assertSame([a, b]);
    let rows: unknown;
    [a, rows] = await whileClosed(a, (path) =>
      withOldSqlite(
        path,
        (old) => old.exec('SELECT twice, (SELECT count(*) FROM log) FROM pets WHERE n = 7')[0]?.values,
      ),
    );
    assert.deepEqual(rows, [[14, 0]]);
    await assertSame([a, b]);
  } finally {
    for (const { replica, app } of [a, b]) {
      await replica.close();
      app.close();
    }
    rmSync(folder, { recursive: true, force: true });
  }
});
