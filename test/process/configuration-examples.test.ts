// Goal: the examples of docs/configuration.md are configurations, and do what the page says. Method: the page's own text is
// the configuration of two real servers.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { configSchema } from '../../src/config/config-schema.js';
import { foreignWriters, runPython, runShell } from './foreign-writers.js';
import { createWorkplace, formGroup, untilProven, waitUntil } from './server-process.js';
import { dumpTables, problemsOf } from './table-dump.js';

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(
  ([, text]) => parse(text ?? '') as { readonly datasets?: readonly object[]; readonly tables?: object },
);

const schema = `PRAGMA journal_mode = WAL;
  CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT, author_id INTEGER, tag_ids TEXT, reader_ids TEXT);
  CREATE TABLE score (id INTEGER PRIMARY KEY, label TEXT UNIQUE, points INTEGER, best INTEGER, opened TEXT, scratch TEXT);
  CREATE TABLE sheet (id INTEGER PRIMARY KEY, a TEXT, b TEXT)`;

/** One of each, under the numbers that the other server gives out too. */
const library = (name: string): string => `
  INSERT INTO author VALUES (1, 'author ${name}'); INSERT INTO tag VALUES (1, 'one ${name}'), (2, 'two ${name}');
  INSERT INTO user VALUES (1, 'one ${name}'), (2, 'two ${name}');
  INSERT INTO book VALUES (1, '${name}', 1, '[2, 1]', '1,2')`;

const books = `SELECT title, (SELECT name FROM author WHERE id = author_id),
    (SELECT group_concat(t.name) FROM json_each(tag_ids) j JOIN tag t ON t.id = j.value),
    (SELECT group_concat(u.name) FROM json_each('[' || reader_ids || ']') j JOIN user u ON u.id = j.value)
  FROM book ORDER BY title`;

test('the whole examples are configurations', () => {
  const whole = examples.filter(({ datasets }) => datasets !== undefined);
  assert.ok(whole.length >= 2);
  for (const example of whole) configSchema.parse(example);
});

test(
  'references, lists, rules of tables and columns, and new tables do what the examples say',
  { skip: foreignWriters.shell && foreignWriters.python ? false : 'the sqlite3 shell or python3 is not installed' },
  async () => {
    const tables = Object.assign({}, ...examples.map((example) => example.tables ?? {})) as Record<string, unknown>;
    assert.deepEqual(Object.keys(tables).toSorted(), ['book', 'score', 'sheet']);
    const additive = examples.flatMap(({ datasets = [] }) => datasets).find((each) => 'schemaChanges' in each);
    const dataset = { ...additive, name: 'music', sqlite: 'music.db', tables };
    const workplace = createWorkplace();
    try {
      const [a, b] = [await workplace.addServer('a', [dataset]), await workplace.addServer('b', [dataset])];
      for (const { database } of [a, b]) runShell(database, schema);
      await formGroup([a, b]);
      runShell(
        a.database,
        `INSERT INTO score VALUES (1, 'first', 10, 5, NULL, 'of a'); INSERT INTO sheet VALUES (1, 'a', 'b')`,
      );
      await untilProven([a, b]);
      for (const server of [a, b]) await server.end('SIGTERM');
      runShell(
        a.database,
        `${library('a')}; UPDATE score SET points = points + 1, best = 9, opened = 'a', scratch = 'only a';
          INSERT INTO score (label) VALUES ('same'); UPDATE sheet SET a = 'a of a';
          CREATE TABLE fresh (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO fresh VALUES (1, 'spreads')`,
      );
      const statements = `${library('b')}; UPDATE score SET points = points + 2, best = 7, opened = 'b', scratch = 'only b';
          INSERT INTO score (label) VALUES ('same'); UPDATE sheet SET b = 'b of b'`;
      runPython(b.database, `db.executescript(${JSON.stringify(statements)})`);
      await a.start();
      await b.start();
      await waitUntil('the new table spreads', 60_000, () =>
        Promise.resolve(runShell(b.database, `SELECT count(*) FROM sqlite_schema WHERE name = 'fresh'`).trim() === '1'),
      );
      await untilProven([a, b]);
      for (const { name, database } of [a, b]) {
        assert.equal(
          runShell(database, books).trim(),
          'a|author a|two a,one a|one a,two a\nb|author b|two b,one b|one b,two b',
        );
        const score = runShell(
          database,
          `SELECT points, best, opened, scratch FROM score WHERE label = 'first'`,
        ).trim();
        assert.equal(score, `13|9|a|only ${name}`);
        assert.match(runShell(database, 'SELECT label FROM score ORDER BY label'), /^first\nsame\nsame~\w+\n$/);
        assert.equal(runShell(database, 'SELECT a, b FROM sheet').trim(), 'a|b of b', 'the later row as a whole');
        assert.equal(runShell(database, 'SELECT v FROM fresh').trim(), 'spreads');
        assert.deepEqual(problemsOf(database), []);
      }
      for (const each of ['book', 'author', 'sheet', 'fresh'])
        assert.deepEqual(dumpTables(a.database).get(each), dumpTables(b.database).get(each), each);
    } finally {
      await workplace.clear();
    }
  },
);
