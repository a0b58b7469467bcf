// Goal: concurrent changes end the same everywhere, by the rules, and what loses is kept (hard cases 23 to 27, failures of
// group C that are about merging).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSame, exchange, later, lostValues, meet, withServers, type CaseServer } from './case-servers.js';

const schema = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)';
const natural = 'CREATE TABLE t (k TEXT PRIMARY KEY, a, b)';

test('H23: a delete wins over a concurrent edit, in every order, and the edit is in the log', () =>
  withServers({ schema, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)`);
    await assertSame([a, b, c]);
    a.shell('DELETE FROM t WHERE id = 1');
    await later();
    b.shell(`UPDATE t SET a = 'edited'`);
    await meet(b, c);
    assert.equal(await assertSame([a, b, c]), `t: 'edited' | 2 | 2`);
    for (const each of [a, b, c])
      assert.ok(
        (await lostValues(each)).some((lost) => lost.includes(`'edited'`)),
        each.name,
      );
  }));

for (const [kind, sql] of [
  ['generated', schema],
  ['natural', natural],
] as const)
  test(`H23: a row that is deleted and inserted again is a new row: an edit of the old one does not reach it (${kind} key)`, () =>
    withServers({ schema: sql }, async (a, b) => {
      a.shell(`INSERT INTO t VALUES (1, 'old', 1)`);
      await assertSame([a, b]);
      a.shell(`DELETE FROM t; INSERT INTO t VALUES (1, 'new', 2)`);
      await later();
      b.shell(`UPDATE t SET a = 'edited old'`);
      await assertSame([a, b]);
      assert.equal(b.ask('SELECT a, b FROM t'), 'new|2');
      assert.ok((await lostValues(a)).some((lost) => lost.includes(`'edited old'`)));
    }));

test('H23: a row that two servers delete, one through a third, is deleted once and stays so', () =>
  withServers({ schema, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b, c]);
    a.shell('DELETE FROM t');
    b.shell('DELETE FROM t');
    await meet(a, c);
    await meet(b, c);
    c.shell(`INSERT INTO t VALUES (1, 'again', 2)`);
    assert.equal(await assertSame([a, b, c]), `t: 'again' | 2 | 1`);
  }));

test('H23: what lost against a delete says so in words, and who deleted only where that is known', () =>
  withServers(
    {
      schema:
        'CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE post (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES team ON DELETE CASCADE, text TEXT)',
    },
    async (a, b) => {
      a.shell(`INSERT INTO team VALUES (1, 'one'), (2, 'two'); INSERT INTO post VALUES (1, 1, 'x')`);
      await assertSame([a, b]);
      a.shell('PRAGMA foreign_keys = ON; DELETE FROM team WHERE id = 2; DELETE FROM post WHERE id = 1');
      await later();
      b.python(`UPDATE post SET text = 'edited' WHERE id = 1; INSERT INTO post VALUES (2, 2, 'child')`);
      await assertSame([a, b]);
      const told = async ({ replica }: CaseServer): Promise<string[]> =>
        (await replica.conflicts({ max: 10 }))
          .map(({ kept, keptOrigin, lost, lostOrigin }) => {
            const name = keptOrigin === null ? '?' : keptOrigin.slice(0, 1);
            return `${kept} by ${name}; ${lost} of ${lostOrigin.slice(0, 1)}`;
          })
          .toSorted();
      const child = "id = 2, team_id = (a row of team that is not here), text = 'child' of b";
      assert.deepEqual(await told(b), [
        "the deletion by a; text = 'edited' of b",
        `the deletion of the row that it refers to by ?; ${child}`,
      ]);
      assert.deepEqual(await told(a), [
        "the deletion by ?; text = 'edited' of b",
        `the deletion of the row that it refers to by ?; ${child}`,
      ]);
    },
  ));

test('H24: of two rows that were inserted at one natural key one is shown whole, never a mixture', () =>
  withServers({ schema: natural, servers: 'abc' }, async (a, b, c) => {
    await a.write(`INSERT INTO t (k, a) VALUES ('k', 'only a')`);
    await later();
    await b.write(`INSERT INTO t (k, b) VALUES ('k', 'only b')`);
    await assertSame([c, a, b]);
    assert.equal(c.ask('SELECT k, a, b FROM t'), 'k|NULL|only b');
    assert.ok((await lostValues(c)).some((lost) => lost.includes(`'only a'`)));
    const [conflict] = await c.replica.conflicts({ max: 1 });
    assert.equal(conflict?.kept, "k = 'k', a = NULL, b = 'only b'", 'what stands is told with its values');
    assert.equal(conflict.keptOrigin?.slice(0, 1), 'b');
    await c.write(`DELETE FROM t`);
    assert.equal((await c.replica.conflicts({ max: 1 }))[0]?.kept, 'another row at this key');
  }));

test('H25: one later edit wins over three earlier ones', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'start', 1)`);
    await assertSame([a, b]);
    for (const value of ['one', 'two', 'three']) {
      a.shell(`UPDATE t SET a = '${value}'`);
      await a.replica.drain();
    }
    await later();
    b.shell(`UPDATE t SET a = 'later'`);
    await assertSame([a, b]);
    assert.equal(a.ask('SELECT a FROM t'), 'later');
  }));

test('H26: servers that exchange in a circle, with every changeset sent again, show the same', () =>
  withServers({ schema, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b, c]);
    for (let round = 0; round < 4; round++) {
      for (const each of [a, b, c])
        each.shell(
          `UPDATE t SET a = '${each.name}${round}', b = ${round}; INSERT INTO t (a) VALUES ('${each.name}${round}')`,
        );
      await meet(a, b);
      await meet(b, c);
      await meet(c, a);
    }
    const all = await a.replica.readJournal({ vector: new Map(), after: 0, bytesMax: 1e9 });
    const dump = await assertSame([a, b, c]);
    for (const each of [b, c]) {
      const again = await each.replica.merge(all.parts);
      assert.deepEqual([again.merged, again.rows], [0, 0]);
      assert.equal(await each.dump(), dump);
    }
  }));

test('H26: changesets that come out of order are not taken until what is before them has come', () =>
  withServers({ schema }, async (a, b) => {
    const start = await b.vector();
    for (const n of [1, 2, 3]) await a.write(`INSERT INTO t VALUES (${n}, 'x', ${n})`);
    const { parts } = await a.replica.readJournal({ vector: start, after: 0, bytesMax: 1e9 });
    assert.ok(parts.length >= 3);
    const backwards = await b.replica.merge([...parts].toReversed().slice(0, -1));
    assert.deepEqual([backwards.merged, backwards.hasGap], [0, true]);
    assert.equal(b.ask('SELECT count(*) FROM t'), '0');
    await b.replica.merge([...parts, ...parts]);
    await assertSame([a, b]);
    assert.equal(b.ask('SELECT count(*) FROM t'), '3');
  }));

test('H27: merges of one row that several peers send at once, beside an application that writes it, all count', () =>
  withServers({ schema, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    await assertSame([a, b, c]);
    const start = await c.vector();
    await a.write(`UPDATE t SET a = 'from a'`);
    await b.write('UPDATE t SET b = 2');
    const reads = await Promise.all(
      [a, b].map(({ replica }) => replica.readJournal({ vector: start, after: 0, bytesMax: 1e9 })),
    );
    const merges = reads.flatMap(({ parts }) => [c.replica.merge(parts), c.replica.merge(parts)]);
    c.python(`INSERT INTO t VALUES (2, 'of the application', 0)`);
    await Promise.all(merges);
    assert.equal(await assertSame([a, b, c]), `t: 'from a' | 2 | 1\nt: 'of the application' | 0 | 2`);
  }));

test('F11: every peer gets every change, however many took it before', () =>
  withServers({ schema, servers: 'abcd' }, async (a, b, c) => {
    const { parts: none } = await a.replica.readJournal({ vector: await a.vector(), after: 0, bytesMax: 1e9 });
    assert.equal(none.length, 0);
    a.shell(`INSERT INTO t VALUES (1, 'x', 1)`);
    for (const peer of [b, c]) await meet(a, peer);
    for (const peer of [b, c]) assert.equal(peer.ask('SELECT a FROM t'), 'x', peer.name);
    await assertSame([a, b, c]);
  }));

test('F12: what was read for a peer and never merged there is offered again', () =>
  withServers({ schema }, async (a, b) => {
    const vector = await b.vector();
    await a.write(`INSERT INTO t VALUES (1, 'x', 1)`);
    const first = await a.replica.readJournal({ vector, after: 0, bytesMax: 1e9 });
    const second = await a.replica.readJournal({ vector, after: 0, bytesMax: 1e9 });
    assert.deepEqual(second.parts, first.parts);
    assert.equal((await b.replica.merge(second.parts)).merged, 1);
    assert.equal((await a.replica.readJournal({ vector: await b.vector(), after: 0, bytesMax: 1e9 })).parts.length, 0);
  }));

test('F14: a batch of many rows is merged whole and at once', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(
      `WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 3000) INSERT INTO t SELECT i, 'row', i FROM c`,
    );
    await a.replica.drain();
    const { parts } = await a.replica.readJournal({ vector: await b.vector(), after: 0, bytesMax: 1e9 });
    const merged = await b.replica.merge(parts);
    assert.deepEqual([merged.merged, merged.rows], [1, 3000]);
    await assertSame([a, b]);
  }));

test('F15: what is written during an exchange, by a clock that is wrong, is not skipped by the next one', () =>
  withServers({ schema, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'before', 1)`);
    const exchanging = meet(a, b);
    a.shell(`INSERT INTO t VALUES (2, 'during', 2); UPDATE _usync_notes SET time = 0`);
    await exchanging;
    await assertSame([a, b, c]);
    assert.equal(c.ask('SELECT count(*) FROM t'), '2');
  }));

test('F17: a write of a user during a merge is captured, and the merge itself is not', () =>
  withServers({ schema }, async (a, b) => {
    await a.write(`INSERT INTO t VALUES (1, 'x', 1)`);
    const vector = await b.vector();
    const { parts } = await a.replica.readJournal({ vector, after: 0, bytesMax: 1e9 });
    const merging = b.replica.merge(parts);
    b.shell(`INSERT INTO t VALUES (2, 'by a user', 2)`);
    await merging;
    const before = new Map([...vector]);
    assert.deepEqual(await b.captured(before), ['insert 1 t(id,a,b)']);
    await assertSame([a, b]);
  }));

test('F19: tables of Universal Sync are neither replicated nor may an application make one', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(
      `INSERT INTO t VALUES (1, 'x', 1); CREATE TABLE _usync_mine (id INTEGER PRIMARY KEY); INSERT INTO _usync_mine VALUES (1)`,
    );
    await exchange([a, b]);
    const names = (await a.replica.tables()).filter(({ isSynced }) => isSynced).map(({ name }) => name);
    assert.deepEqual(names, ['t']);
    assert.equal(b.ask(`SELECT count(*) FROM sqlite_schema WHERE name = '_usync_mine'`), '0');
  }));

test('F21: the side that loses takes the winner, and nobody swaps', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(`INSERT INTO t VALUES (1, 'start', 1)`);
    await assertSame([a, b]);
    a.shell(`UPDATE t SET a = 'first'`);
    await later();
    b.shell(`UPDATE t SET a = 'second'`);
    assert.equal(await assertSame([a, b]), `t: 'second' | 1 | 1`);
    for (const each of [a, b]) assert.deepEqual(await lostValues(each), [`'first'`]);
  }));

test('F24: a deleted row does not come back, neither by a late edit nor by a server that was away', () =>
  withServers({ schema, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)`);
    await assertSame([a, b, c]);
    a.shell('DELETE FROM t WHERE id = 1');
    await meet(a, b);
    c.shell(`UPDATE t SET b = 5; INSERT INTO t VALUES (3, 'z', 3)`);
    assert.equal(await assertSame([a, b, c]), `t: 'y' | 5 | 2\nt: 'z' | 3 | 3`);
  }));

test('F25: a column that says "deleted" is a column like any other', () =>
  withServers(
    { schema: 'CREATE TABLE t (id INTEGER PRIMARY KEY, name, is_active BOOLEAN, deleted_at TEXT)' },
    async (a, b) => {
      a.shell(`INSERT INTO t VALUES (1, 'x', 1, NULL)`);
      await assertSame([a, b]);
      a.shell(`UPDATE t SET is_active = 0, deleted_at = '2020-01-01'`);
      b.shell(`UPDATE t SET name = 'renamed'`);
      assert.equal(await assertSame([a, b]), `t: '2020-01-01' | 1 | 0 | 'renamed'`);
    },
  ));

test('F28: an edit made after seeing another wins over it, whatever the clocks say', () =>
  withServers({ schema }, async (a, b) => {
    a.shell(
      `INSERT INTO t VALUES (1, 'start', 1); UPDATE t SET a = 'by a clock a year ahead'; UPDATE _usync_notes SET time = time + 31536000000`,
    );
    await assertSame([a, b]);
    b.shell(`UPDATE t SET a = 'after seeing it'`);
    assert.equal(await assertSame([a, b]), `t: 'after seeing it' | 1 | 1`);
    a.shell(`UPDATE t SET a = 'by a clock of 1970'; UPDATE _usync_notes SET time = 0`);
    assert.equal(await assertSame([a, b]), `t: 'by a clock of 1970' | 1 | 1`);
  }));
