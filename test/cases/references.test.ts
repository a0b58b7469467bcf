// Goal: foreign keys mean what they declare, also when parent and child change at once (hard case 29, failure 27, and the
// thousand colliding families of two servers that were apart).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSame, exchange, later, meet, withServers, type CaseServer } from './case-servers.js';

const family = (action: string): string => `CREATE TABLE p (id INTEGER PRIMARY KEY, name);
  CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id) ${action}, name)`;

for (const [action, expected] of [
  ['ON DELETE CASCADE', ''],
  ['ON DELETE SET NULL', `c: 1 | 'child' | NULL`],
  ['ON DELETE RESTRICT', `c: 1 | 'child' | 1\np: 1 | 'parent'`],
  ['', `c: 1 | 'child' | 1\np: 1 | 'parent'`],
] as const)
  test(`H29: a child that is inserted while its parent is deleted (${action || 'no action'})`, () =>
    withServers({ schema: family(action), servers: 'abc' }, async (a, b, c) => {
      a.shell(`INSERT INTO p VALUES (1, 'parent')`);
      await assertSame([a, b, c]);
      a.shell('DELETE FROM p');
      b.shell(`INSERT INTO c VALUES (1, 1, 'child')`);
      assert.equal(await assertSame([c, a, b]), expected);
    }));

test('H29: a deferred foreign key: the child before its parent in one transaction', () =>
  withServers({ schema: family('DEFERRABLE INITIALLY DEFERRED') }, async (a, b) => {
    a.shell(
      `PRAGMA foreign_keys = ON; BEGIN; INSERT INTO c VALUES (1, 7, 'child'); INSERT INTO p VALUES (7, 'parent'); COMMIT`,
    );
    assert.equal(await assertSame([a, b]), `c: 1 | 'child' | 7\np: 7 | 'parent'`);
  }));

test('H29: rows of a table that references itself keep their own parents when numbers collide', () =>
  withServers(
    { schema: 'CREATE TABLE node (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES node(id), name)', servers: 'abc' },
    async (a, b, c) => {
      for (const each of [a, b]) {
        await each.write(
          `INSERT INTO node VALUES (1, NULL, 'root ${each.name}'), (2, 1, 'child ${each.name}'), (3, 2, 'grandchild ${each.name}'), (4, 4, 'own ${each.name}')`,
        );
        await later();
      }
      await assertSame([c, b, a]);
      assert.equal(
        c.ask('SELECT n.name, p.name FROM node n JOIN node p ON p.id = n.parent ORDER BY 1'),
        [
          'child a|root a',
          'child b|root b',
          'grandchild a|child a',
          'grandchild b|child b',
          'own a|own a',
          'own b|own b',
        ].join('\n'),
      );
    },
  ));

test('H29: tables that reference each other in a cycle', () =>
  withServers(
    {
      schema: `CREATE TABLE team (id INTEGER PRIMARY KEY, captain INTEGER REFERENCES player(id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED, name);
        CREATE TABLE player (id INTEGER PRIMARY KEY, team INTEGER NOT NULL REFERENCES team(id) ON DELETE CASCADE, name)`,
      servers: 'abc',
    },
    async (a, b, c) => {
      for (const each of [a, b]) {
        await each.write(
          `BEGIN; INSERT INTO team VALUES (1, 1, 'team ${each.name}'); INSERT INTO player VALUES (1, 1, 'captain ${each.name}'), (2, 1, 'player ${each.name}'); COMMIT`,
        );
        await later();
      }
      await assertSame([c, a, b]);
      assert.equal(
        c.ask(
          'SELECT player.name, team.name, cap.name FROM player JOIN team ON team.id = player.team JOIN player cap ON cap.id = captain ORDER BY 1',
        ),
        [
          'captain a|team a|captain a',
          'captain b|team b|captain b',
          'player a|team a|captain a',
          'player b|team b|captain b',
        ].join('\n'),
      );
      await c.write(`PRAGMA foreign_keys = ON; DELETE FROM player WHERE name = 'captain b'`);
      await assertSame([a, b, c]);
      assert.equal(a.ask(`SELECT captain FROM team WHERE name = 'team b'`), 'NULL');
    },
  ));

test('H29: composite foreign keys follow their parents', () =>
  withServers(
    {
      schema: `CREATE TABLE p (x TEXT, y INTEGER, name, PRIMARY KEY (x, y));
        CREATE TABLE c (id INTEGER PRIMARY KEY, x TEXT, y INTEGER, FOREIGN KEY (x, y) REFERENCES p (x, y) ON DELETE CASCADE ON UPDATE CASCADE)`,
      servers: 'abc',
    },
    async (a, b, c) => {
      a.shell(`INSERT INTO p VALUES ('x', 1, 'one'), ('x', 2, 'two'); INSERT INTO c VALUES (1, 'x', 1)`);
      await assertSame([a, b, c]);
      a.shell(`PRAGMA foreign_keys = ON; UPDATE p SET y = 10 WHERE y = 1`);
      b.shell(`INSERT INTO c VALUES (2, 'x', 2), (3, 'x', NULL)`);
      await assertSame([c, b, a]);
      assert.equal(c.ask('SELECT * FROM c ORDER BY id'), '1|x|10\n2|x|2\n3|x|NULL');
      b.shell(`PRAGMA foreign_keys = ON; DELETE FROM p WHERE y = 2`);
      await assertSame([a, b, c]);
      assert.equal(a.ask('SELECT id FROM c ORDER BY id'), '1\n3');
    },
  ));

test('H29: an application that has enforcement off is not made stricter: what dangles there dangles everywhere', () =>
  withServers({ schema: family('ON DELETE CASCADE') }, async (a, b) => {
    a.shell(
      `INSERT INTO c VALUES (1, 99, 'dangling'); INSERT INTO p VALUES (1, 'p'); INSERT INTO c VALUES (2, 1, 'child')`,
    );
    await assertSame([a, b], { mayDangle: true });
    a.shell(`DELETE FROM p WHERE id = 1`);
    await assertSame([a, b], { mayDangle: true });
    assert.equal(b.ask('SELECT id, p FROM c ORDER BY id'), a.ask('SELECT id, p FROM c ORDER BY id'));
    assert.equal(a.ask('SELECT p FROM c WHERE id = 1'), '99');
  }));

test('H29: a child by a natural key whose parent was deleted or renamed elsewhere is held, told, and comes with such a parent', () =>
  withServers(
    {
      schema: `CREATE TABLE team (code TEXT PRIMARY KEY NOT NULL, v);
        CREATE TABLE m (id INTEGER PRIMARY KEY, team TEXT REFERENCES team(code) ON UPDATE CASCADE ON DELETE CASCADE, v)`,
      servers: 'abc',
    },
    async (a, b, c) => {
      a.shell(`INSERT INTO team VALUES ('x', 1), ('y', 2); INSERT INTO m VALUES (1, 'x', 'old')`);
      await assertSame([a, b, c]);
      a.shell(
        `PRAGMA foreign_keys = ON; UPDATE team SET code = 'xx' WHERE code = 'x'; DELETE FROM team WHERE code = 'y'`,
      );
      b.shell(`PRAGMA foreign_keys = ON; INSERT INTO m VALUES (2, 'x', 'late'), (3, 'y', 'late too')`);
      assert.equal(await assertSame([c, b, a]), `m: 1 | 'xx' | 'old'\nteam: 'xx' | 1`);
      for (const { replica } of [a, b, c]) {
        const held = await replica.quarantine({ max: 9 });
        assert.deepEqual(held.map(({ key, reason }) => `${key}: ${reason}`).toSorted(), [
          '2: the row that it refers to is not here',
          '3: the row that it refers to is not here',
        ]);
      }
      c.shell(`INSERT INTO team VALUES ('x', 'again')`);
      await assertSame([a, b, c]);
      assert.equal(a.ask(`SELECT v FROM m WHERE team = 'x'`), 'late');
      assert.equal((await b.replica.quarantine({ max: 9 })).length, 1);
    },
  ));

test('F27: children arrive with or after their parents, whatever the order of tables and of writes', () =>
  withServers(
    {
      schema: `CREATE TABLE a_child (id INTEGER PRIMARY KEY, p INTEGER NOT NULL REFERENCES z_parent(id), q INTEGER REFERENCES m_middle(id));
        CREATE TABLE m_middle (id INTEGER PRIMARY KEY, p INTEGER NOT NULL REFERENCES z_parent(id)); CREATE TABLE z_parent (id INTEGER PRIMARY KEY)`,
      servers: 'abc',
    },
    async (a, b, c) => {
      a.shell(
        'INSERT INTO a_child VALUES (1, 1, 1); INSERT INTO m_middle VALUES (1, 1); INSERT INTO z_parent VALUES (1)',
      );
      await meet(a, b);
      b.shell(
        'PRAGMA foreign_keys = ON; INSERT INTO z_parent VALUES (2); INSERT INTO m_middle VALUES (2, 2); INSERT INTO a_child VALUES (2, 2, 2)',
      );
      await assertSame([c, b, a]);
      assert.equal(c.ask('SELECT count(*) FROM a_child'), '2');
    },
  ));

const levels = `CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer(id) ON DELETE CASCADE, name TEXT);
  CREATE TABLE line (id INTEGER PRIMARY KEY, purchase_id INTEGER NOT NULL REFERENCES purchase(id) ON DELETE CASCADE, name TEXT);
  CREATE TABLE remark (id INTEGER PRIMARY KEY, line_id INTEGER REFERENCES line(id) ON DELETE SET NULL, name TEXT)`;

/** A thousand families, four generations each; every row is called after its family. */
const thousandFamilies = ({ name }: CaseServer): string => `BEGIN;
  WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < 1000) INSERT INTO customer (name) SELECT '${name}' || i FROM c;
  INSERT INTO purchase (customer_id, name) SELECT id, name FROM customer ORDER BY id DESC;
  INSERT INTO line (purchase_id, name) SELECT id, name FROM purchase ORDER BY id DESC;
  INSERT INTO remark (line_id, name) SELECT id, name FROM line; COMMIT`;

test('H16: two servers that were apart, each with 1,000 colliding families of four generations: all 2,000 stand, each child with its own parent', () =>
  withServers({ schema: levels }, async (a, b) => {
    a.shell(thousandFamilies(a));
    b.python(thousandFamilies(b));
    await assertSame([a, b]);
    for (const each of [a, b]) {
      for (const table of ['customer', 'purchase', 'line', 'remark'])
        assert.equal(each.ask(`SELECT count(*), count(DISTINCT name) FROM ${table}`), '2000|2000');
      const united =
        each.ask(`SELECT count(*) FROM customer c JOIN purchase p ON p.customer_id = c.id AND p.name = c.name
        JOIN line l ON l.purchase_id = p.id AND l.name = c.name JOIN remark r ON r.line_id = l.id AND r.name = c.name`);
      assert.equal(united, '2000');
      assert.deepEqual(await each.replica.quarantine({ max: 10 }), []);
    }
  }));

const clinic = `CREATE TABLE pat (id INTEGER PRIMARY KEY, name);
  CREATE TABLE vis (code TEXT PRIMARY KEY, pat INTEGER REFERENCES pat (id) ON DELETE CASCADE, note);
  CREATE TABLE bill (id INTEGER PRIMARY KEY, vis INTEGER REFERENCES stay (id) ON DELETE CASCADE, sum);
  CREATE TABLE stay (id INTEGER PRIMARY KEY, pat INTEGER REFERENCES pat (id) ON DELETE CASCADE, note);
  CREATE TABLE lab (id INTEGER PRIMARY KEY, pat INTEGER REFERENCES pat (id) ON DELETE RESTRICT, value)`;

test('H29: what was deleted with a parent that a RESTRICT child brings back is in the log, and can be put back', () =>
  withServers({ schema: clinic, servers: 'abc' }, async (a, b, c) => {
    a.shell(`INSERT INTO pat VALUES (1, 'pat'), (2, 'gone');
      INSERT INTO vis VALUES ('v1', 1, 'first'), ('v2', 1, 'second'), ('v3', 2, 'of the one that stays away');
      INSERT INTO stay VALUES (1, 1, 'long'); INSERT INTO bill VALUES (1, 1, 500)`);
    const before = await assertSame([a, b, c]);
    a.shell('PRAGMA foreign_keys = ON; DELETE FROM pat');
    b.shell(`INSERT INTO lab VALUES (1, 1, 7.2)`);
    assert.equal(await assertSame([a, b, c]), `lab: 1 | 1 | 7.2\npat: 1 | 'pat'`);
    const told = await b.replica.conflicts({ max: 10 });
    assert.deepEqual(
      told
        .map(({ table, key, rule, kept, keptOrigin, canRestore }) => ({
          table,
          key,
          rule,
          kept,
          by: keptOrigin?.[0],
          canRestore,
        }))
        .toSorted((x, y) => (x.table + x.key < y.table + y.key ? -1 : 1)),
      [
        ['bill', '1'],
        ['stay', '1'],
        ['vis', "'v1'"],
        ['vis', "'v2'"],
      ].map(([table, key]) => ({
        table,
        key,
        rule: 'delete wins',
        kept: 'the deletion, together with the row that it refers to, which has come back',
        by: 'a',
        canRestore: true,
      })),
    );
    for (const { id, table } of told) if (table !== 'bill') await b.replica.restoreConflict(id);
    const expected = before
      .replace(/bill.*\n/, 'lab: 1 | 1 | 7.2\n')
      .replace(/pat: 2.*\n/, '')
      .replace(/\nvis: 'v3'.*/, '');
    assert.equal(await assertSame([a, b, c]), expected);
  }));

test('H29: nothing is told of children whose parent stays away, or that were deleted before it', () =>
  withServers({ schema: clinic, servers: 'abc' }, async (a, b, c) => {
    a.shell(
      `INSERT INTO pat VALUES (1, 'pat'); INSERT INTO lab VALUES (1, 1, 7.2); INSERT INTO vis VALUES ('v1', 1, 'first'), ('v2', 1, 'x')`,
    );
    await assertSame([a, b, c]);
    await a.write(`DELETE FROM vis WHERE code = 'v2'`);
    a.shell('PRAGMA foreign_keys = ON; DELETE FROM lab; DELETE FROM pat');
    await exchange([a, b, c]);
    assert.equal(await assertSame([a, b, c]), '');
    for (const server of [a, b, c]) assert.deepEqual(await server.replica.conflicts({ max: 10 }), []);
  }));
