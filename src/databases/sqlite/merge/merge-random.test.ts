/** Random writes on three servers that exchange at random: afterwards all show the same, and their digests are right. */
import { test } from 'node:test';
import { checkRandomWrites, type Below } from '../testing/random-writes.js';

const schema = `CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT, up INTEGER REFERENCES p(id) ON DELETE SET NULL);
  CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id) ON DELETE CASCADE, r INTEGER REFERENCES q(id), name TEXT);
  CREATE TABLE q (id INTEGER PRIMARY KEY, label TEXT UNIQUE);
  CREATE TABLE n (k TEXT PRIMARY KEY COLLATE NOCASE, v TEXT, c INTEGER REFERENCES c(id) ON DELETE SET NULL) WITHOUT ROWID;
  CREATE TABLE bag (v TEXT, w INTEGER)`;

function statement(random: Below, step: number): string {
  const id = (): number => random(8) + 1;
  const word = `w${random(5)}`;
  const all = [
    `INSERT INTO p VALUES (${id()}, '${word}', ${id()})`,
    `REPLACE INTO p VALUES (${id()}, '${word}', NULL)`,
    `UPDATE p SET name = '${step}' WHERE id = ${id()}`,
    `UPDATE p SET id = ${id() + 10} WHERE id = ${id()}`,
    `DELETE FROM p WHERE id = ${id()}`,
    `INSERT INTO c VALUES (${id()}, ${id()}, ${id()}, '${word}')`,
    `INSERT INTO c VALUES (${id()}, ${id()}, NULL, '${word}')`,
    `UPDATE c SET p = ${id()} WHERE id = ${id()}`,
    `DELETE FROM c WHERE id = ${id()}`,
    `INSERT INTO q VALUES (${id()}, '${word}')`,
    `REPLACE INTO q VALUES (${id()}, '${word}')`,
    `UPDATE q SET label = '${word}' WHERE id = ${id()}`,
    `DELETE FROM q WHERE id = ${id()}`,
    `INSERT INTO n VALUES ('${random(2) ? word : word.toUpperCase()}', '${step}', ${id()})`,
    `UPDATE n SET k = 'x${random(4)}' WHERE k = '${word}'`,
    `DELETE FROM n WHERE k = '${word}'`,
    `INSERT INTO bag VALUES ('${word}', ${random(2)})`,
    `UPDATE bag SET w = w + 1 WHERE v = '${word}'`,
    `DELETE FROM bag WHERE v = '${word}'`,
  ];
  return all[random(all.length)] ?? '';
}

for (const seed of [1, 4, 24, 211, 518]) {
  test(`random writes come to the same everywhere, seed ${seed}`, () =>
    checkRandomWrites(seed, {
      schema,
      statement,
      enforces: (random) => Array<boolean>(3).fill(random(2) === 1),
    }));
}
