// Goal: what people are shown and may take back is what servers wrote, in words and whole (history, undo, conflicts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serverIdOfOrigin } from '../../src/core/origin.js';
import { assertSame, later, withServers, type CaseServer } from './case-servers.js';

async function undo(at: CaseServer, whose: CaseServer, options: { sinceMs?: number; isDryRun?: boolean } = {}) {
  const { origin } = await whose.replica.position();
  const { sinceMs = 0, isDryRun = false } = options;
  const { steps } = await at.replica.undo({ server: serverIdOfOrigin(origin), sinceMs, isDryRun });
  return steps.map(({ table, key, kind, cells, skipped }) => {
    const values = cells.map(({ column, from, to }) => `${column} ${from} > ${to}`).join(', ');
    return skipped === null ? `${kind} ${table} ${key} ${values}`.trim() : `not ${table} ${key}: ${skipped}`;
  });
}

test('undo leaves rows alone that were there before: they were found by a server, not written', () =>
  withServers(
    {
      schema: `CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v)`,
      schemaOf: { a: `CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'of old'), (2, 'too')` },
    },
    async (a, b) => {
      await assertSame([a, b]);
      a.shell(`UPDATE t SET v = 'written' WHERE id = 2; INSERT INTO t VALUES (3, 'new')`);
      await assertSame([a, b]);
      assert.deepEqual((await undo(a, a)).toSorted(), ['delete t 3', "update t 2 v 'written' > 'too'"]);
      assert.equal(await assertSame([a, b]), `t: 1 | 'of old'\nt: 2 | 'too'`);
    },
  ));

test('undo takes off what one server added to a counter, and nothing of the others', () =>
  withServers(
    {
      schema: 'CREATE TABLE page (id INTEGER PRIMARY KEY, hits INTEGER, title TEXT)',
      rules: { page: { columns: { hits: 'counter' } } },
    },
    async (a, b) => {
      a.shell(`INSERT INTO page VALUES (1, 10, 'x'), (2, 10, 'y')`);
      await assertSame([a, b]);
      a.shell('UPDATE page SET hits = hits + 1 WHERE id = 1');
      await assertSame([a, b]);
      await later();
      const sinceMs = Date.now();
      await later();
      a.shell('UPDATE page SET hits = hits + 5 WHERE id = 1');
      b.python('UPDATE page SET hits = hits + 100');
      await assertSame([a, b]);
      const preview = await undo(b, a, { sinceMs, isDryRun: true });
      assert.deepEqual(preview, ['update page 1 hits 116 > 111']);
      assert.equal(a.ask('SELECT hits FROM page WHERE id = 1'), '116', 'a preview changes nothing');
      assert.deepEqual(await undo(b, a, { sinceMs }), preview);
      await assertSame([a, b]);
      assert.equal(a.ask('SELECT hits FROM page ORDER BY id'), '111\n110');
      const rest = await undo(a, a);
      assert.deepEqual(rest.toSorted(), [
        'not page 1: another server has changed the row since',
        'not page 2: another server has changed the row since',
      ]);
      const { versions } = await b.replica.rowHistory({ table: 'page', key: ['1'], max: 20 });
      const told = versions.flatMap(({ cells }) => cells.map(({ column, value }) => `${column} = ${value}`));
      assert.ok(told.includes('hits = +6 in all'), told.join());
      assert.ok(told.every((line) => !line.includes('\0')));
      const { changes } = await b.replica.recentChanges({ max: 20 });
      for (const { cells } of changes) for (const { column } of cells) assert.match(column, /^(?:id|hits|title)$/);
    },
  ));

test('undo brings back the row that was shown at a key, not one that another had taken it from', () =>
  withServers({ schema: 'CREATE TABLE stock (code TEXT PRIMARY KEY, name TEXT, n INTEGER)' }, async (a, b) => {
    a.shell(`INSERT INTO stock VALUES ('X', 'of a', 1), ('Y', 'plain', 3)`);
    await later();
    b.shell(`INSERT INTO stock VALUES ('X', 'of b', 2)`);
    const before = await assertSame([a, b]);
    assert.equal((await a.replica.proof()).held, 0, 'what another row at its key replaced is not held back');
    assert.deepEqual(await a.replica.quarantine({ max: 9 }), []);
    await later();
    const sinceMs = Date.now();
    await later();
    b.shell('DELETE FROM stock');
    await assertSame([a, b]);
    const steps = await undo(a, b, { sinceMs });
    assert.deepEqual(
      steps.filter((step) => step.startsWith('not')),
      ["not stock 'X': another row that comes back was shown at its key"],
    );
    assert.equal(await assertSame([a, b]), before);
  }));

for (const action of ['CASCADE', 'RESTRICT'] as const)
  test(`undo brings back what was deleted with its children, and takes away what was added with them (${action})`, () =>
    withServers(
      {
        schema: `CREATE TABLE a_child (id INTEGER PRIMARY KEY, p INTEGER NOT NULL REFERENCES parent(id) ON DELETE ${action}, v);
          CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT, up INTEGER REFERENCES parent(id) ON DELETE ${action})`,
        servers: 'abc',
      },
      async (a, b, c) => {
        a.shell(
          `INSERT INTO parent VALUES (1, 'one', NULL), (2, 'two', 1); INSERT INTO a_child VALUES (1, 2, 'x'), (2, 1, 'y')`,
        );
        const before = await assertSame([a, b, c]);
        await later();
        const sinceMs = Date.now();
        await later();
        b.shell(`PRAGMA foreign_keys = ON; DELETE FROM a_child; DELETE FROM parent WHERE id = 2; DELETE FROM parent;
          INSERT INTO parent VALUES (8, 'added', NULL); INSERT INTO a_child VALUES (8, 8, 'added')`);
        await assertSame([a, b, c]);
        const steps = await undo(a, b, { sinceMs });
        assert.deepEqual(
          steps.filter((step) => step.startsWith('not')),
          [],
        );
        assert.equal(await assertSame([c, b, a]), before);
      },
    ));

test('a conflict names the rule of its column', () =>
  withServers(
    {
      schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, best, low, first, plain)',
      rules: { t: { columns: { best: 'max', low: 'min', first: 'first-write-wins' } } },
    },
    async (a, b) => {
      a.shell('INSERT INTO t (id) VALUES (1)');
      await assertSame([a, b]);
      a.shell(`UPDATE t SET best = 7, low = 3, first = 'a', plain = 'a'`);
      await later();
      b.python(`UPDATE t SET best = 6, low = 1, first = 'b', plain = 'b'`);
      await assertSame([a, b]);
      for (const { replica } of [a, b]) {
        const told = (await replica.conflicts({ max: 10 })).map(
          ({ column, rule, kept, lost }) => `${column}: ${rule}, ${kept} before ${lost}`,
        );
        assert.deepEqual(told.toSorted(), [
          'best: highest number wins, 7 before 6',
          "first: first write wins, 'a' before 'b'",
          'low: lowest number wins, 1 before 3',
          "plain: later write wins, 'b' before 'a'",
        ]);
      }
    },
  ));

test('undo, history and activity know what was written before a table and its columns were renamed', () =>
  withServers({ schema: 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, n INTEGER)' }, async (a, b) => {
    a.shell(`INSERT INTO item VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)`);
    await assertSame([a, b]);
    await later();
    const sinceMs = Date.now();
    await later();
    b.shell(`UPDATE item SET n = 20, name = 'zwei' WHERE id = 2; DELETE FROM item WHERE id = 3`);
    await assertSame([a, b]);
    for (const server of [a, b]) {
      server.shell(`ALTER TABLE item RENAME COLUMN n TO amount; ALTER TABLE item RENAME TO things;
        ALTER TABLE things ADD COLUMN extra TEXT`);
      await server.replica.drain();
    }
    const { versions } = await a.replica.rowHistory({ table: 'things', key: ['2'], max: 20 });
    const told = versions.map(({ cells }) =>
      cells
        .map(({ column, value }) => `${column} = ${value}`)
        .toSorted()
        .join(),
    );
    assert.deepEqual(told, [`amount = 20,name = 'zwei'`, `amount = 2,id = 2,name = 'two'`]);
    const { changes } = await a.replica.recentChanges({ max: 20, table: 'things', kind: 'update' });
    assert.deepEqual(
      changes.flatMap(({ table, cells }) => cells.map(({ column, from, to }) => `${table} ${column} ${from} ${to}`)),
      [`things name 'two' 'zwei'`, 'things amount 2 20'],
    );
    assert.deepEqual((await undo(a, b, { sinceMs })).toSorted(), [
      `insert things 3 id  > 3, name  > 'three', amount  > 3`,
      `update things 2 name 'zwei' > 'two', amount 20 > 2`,
    ]);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT id, name, amount FROM things'), '1|one|1\n2|two|2\n3|three|3');
  }));

test('what lost before a table and its columns were renamed is listed by the names of now, and comes back there', () =>
  withServers(
    { schema: 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, n INTEGER, old TEXT)' },
    async (a, b) => {
      a.shell(`INSERT INTO item VALUES (1, 'one', 1, 'x'), (2, 'two', 2, 'y')`);
      await assertSame([a, b]);
      a.shell(`UPDATE item SET n = 10, old = 'of a' WHERE id = 1; UPDATE item SET n = 20 WHERE id = 2`);
      await later();
      b.shell(`UPDATE item SET n = 11, old = 'of b' WHERE id = 1; DELETE FROM item WHERE id = 2`);
      await assertSame([a, b]);
      for (const server of [a, b]) {
        server.shell(`ALTER TABLE item RENAME COLUMN n TO amount; ALTER TABLE item RENAME TO things;
        ALTER TABLE things DROP COLUMN old`);
        await server.replica.drain();
      }
      const conflicts = await a.replica.conflicts({ max: 10 });
      const told = conflicts.map(({ table, key, column, lost }) => `${table} ${key} ${column} ${lost}`);
      assert.deepEqual(told.toSorted(), [`things 1 amount 10`, `things 1 old 'of a'`, 'things 2 null amount = 20']);
      const idOf = (column: string): string => conflicts.find((each) => each.column === column)?.id ?? '';
      assert.deepEqual(await a.replica.restoreConflict(idOf('amount')), { kind: 'restored', rows: 1 });
      await assert.rejects(a.replica.restoreConflict(idOf('old')), /column old is not here/);
      await assertSame([a, b]);
      assert.equal(b.ask('SELECT amount FROM things WHERE id = 1'), '10');
    },
  ));
