// Goal: two servers that gave out the same numbers while offline need no person. Two real servers, each written by another
// foreign program while no engine runs; a table with three levels of children.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreignWriters, runPython, runShell } from './foreign-writers.js';
import { createWorkplace, formGroup, succeeded, untilProven, waitUntil } from './server-process.js';
import { dumpTables, problemsOf } from './table-dump.js';

const rows = 1_000;

/** Each child says to which row it belongs: `a 17` has the order `order of a 17`, and so on down. */
const schema = `PRAGMA journal_mode = WAL;
  CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE "order" (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer(id) ON DELETE CASCADE, name TEXT);
  CREATE TABLE line (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES "order"(id) ON DELETE CASCADE, name TEXT);
  CREATE TABLE note (id INTEGER PRIMARY KEY, line_id INTEGER REFERENCES line(id), name TEXT);`;

const tables = ['customer', 'order', 'line', 'note'] as const;

const astray = `SELECT count(*) FROM note n LEFT JOIN line l ON l.id = n.line_id LEFT JOIN "order" o ON o.id = l.order_id
  LEFT JOIN customer c ON c.id = o.customer_id
  WHERE n.name IS NOT 'note of ' || l.name OR l.name IS NOT 'line of ' || o.name OR o.name IS NOT 'order of ' || c.name`;

const byShell = (name: string): string => `PRAGMA foreign_keys = ON; BEGIN;
  WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO customer (name) SELECT '${name} ' || i FROM n;
  INSERT INTO "order" (customer_id, name) SELECT id, 'order of ' || name FROM customer WHERE name LIKE '${name} %';
  INSERT INTO line (order_id, name) SELECT id, 'line of ' || name FROM "order" WHERE name LIKE 'order of ${name} %';
  INSERT INTO note (line_id, name) SELECT id, 'note of ' || name FROM line WHERE name LIKE 'line of order of ${name} %'; COMMIT;`;

/** As an application does: row by row, with the number that the database gave out, a transaction for each customer. */
const byPython = (name: string): string => `
for i in range(1, ${rows} + 1):
    with db:
        parent, said = None, '${name} %d' % i
        for table, column in (('customer', None), ('"order"', 'customer_id'), ('line', 'order_id'), ('note', 'line_id')):
            if column is None:
                parent = db.execute('INSERT INTO customer (name) VALUES (?)', (said,)).lastrowid
            else:
                said = '%s of %s' % (table.strip('"'), said)
                parent = db.execute('INSERT INTO %s (%s, name) VALUES (?, ?)' % (table, column), (parent, said)).lastrowid
`;

test(
  `H16: two servers that each add ${rows} rows with the same numbers while offline show ${2 * rows}, all children with their own parents`,
  {
    skip: foreignWriters.shell && foreignWriters.python ? false : 'the sqlite3 shell or python3 is not installed',
  },
  async () => {
    const workplace = createWorkplace();
    try {
      const [a, b] = [await workplace.addServer('a'), await workplace.addServer('b')];
      for (const { database } of [a, b]) runShell(database, schema);
      await formGroup([a, b]);
      await untilProven([a, b]);
      for (const server of [a, b]) await server.end('SIGTERM');
      runShell(a.database, byShell('a'));
      runPython(b.database, byPython('b'));
      for (const { database } of [a, b])
        assert.equal(runShell(database, `SELECT min(id), max(id) FROM line`).trim(), `1|${rows}`);
      await a.start();
      await b.start();
      await untilProven([a, b], 300_000);
      // The proof is told at rest, a moment after a comparison on demand shows the same.
      await waitUntil('both say so', 20_000, async () => (await a.status()).isInSync && (await b.status()).isInSync);
      for (const { name, database, ...server } of [a, b]) {
        for (const table of tables)
          assert.equal(
            runShell(database, `SELECT count(*) FROM "${table}"`).trim(),
            String(2 * rows),
            `${name} ${table}`,
          );
        assert.equal(runShell(database, astray).trim(), '0', `${name}: a child with a parent that is not its own`);
        assert.deepEqual(problemsOf(database), [], name);
        const { isInSync, datasets } = await server.status();
        assert.deepEqual(
          [isInSync, ...datasets.map(({ held, quarantined, conflicts }) => [held, quarantined, conflicts])],
          [true, [0, 0, 0]],
          'no person is needed',
        );
      }
      assert.deepEqual(dumpTables(a.database), dumpTables(b.database));
      succeeded(a.usync('verify', '--audit'));
    } finally {
      await workplace.clear();
    }
  },
);
