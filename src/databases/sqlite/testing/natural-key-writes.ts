import type { Below, RandomScene } from './random-writes.js';

/** Tables that refer to each other by natural keys, composite keys and unique columns, and random statements on them. */
export const naturalKeyWrites = (enforces: readonly boolean[]): RandomScene => ({
  schema,
  statement,
  enforces: () => enforces,
});

const schema = `CREATE TABLE p (k TEXT PRIMARY KEY, name TEXT, u TEXT UNIQUE, up TEXT REFERENCES p(k) ON DELETE SET NULL);
  CREATE TABLE c (id INTEGER PRIMARY KEY, p TEXT REFERENCES p(k) ON DELETE CASCADE ON UPDATE CASCADE,
    s TEXT REFERENCES p(k) ON DELETE SET NULL, name TEXT);
  CREATE TABLE m (p TEXT REFERENCES p(k), c INTEGER REFERENCES c(id) ON DELETE CASCADE, v TEXT,
    PRIMARY KEY (p, c)) WITHOUT ROWID;
  CREATE TABLE d (a TEXT, b INTEGER, v TEXT, up TEXT REFERENCES p(u), PRIMARY KEY (a, b));
  CREATE TABLE e (id INTEGER PRIMARY KEY, a TEXT, b INTEGER, v TEXT, x INTEGER, UNIQUE (v, x),
    FOREIGN KEY (a, b) REFERENCES d(a, b) ON DELETE CASCADE)`;

function statement(random: Below, step: number): string {
  const id = (): number => random(8) + 1;
  const word = (): string => `'w${random(5)}'`;
  const some = (): string => (random(3) > 0 ? word() : 'NULL');
  const all = [
    `INSERT INTO p VALUES (${word()}, '${step}', ${some()}, ${some()})`,
    `REPLACE INTO p VALUES (${word()}, '${step}', ${some()}, ${some()})`,
    `UPDATE p SET name = '${step}' WHERE k = ${word()}`,
    `UPDATE p SET u = ${some()} WHERE k = ${word()}`,
    `UPDATE p SET k = ${word()} WHERE k = ${word()}`,
    `DELETE FROM p WHERE k = ${word()}`,
    `INSERT INTO c VALUES (${id()}, ${some()}, ${some()}, '${step}')`,
    `INSERT INTO c VALUES (${id()}, ${some()}, NULL, '${step}')`,
    `UPDATE c SET p = ${some()} WHERE id = ${id()}`,
    `UPDATE c SET id = ${id() + 10} WHERE id = ${id()}`,
    `DELETE FROM c WHERE id = ${id()}`,
    `INSERT INTO m VALUES (${word()}, ${id()}, '${step}')`,
    `UPDATE m SET v = '${step}' WHERE p = ${word()}`,
    `DELETE FROM m WHERE p = ${word()}`,
    `INSERT INTO d VALUES (${word()}, ${random(2)}, '${step}', ${some()})`,
    `UPDATE d SET b = ${random(3)} WHERE a = ${word()}`,
    `DELETE FROM d WHERE a = ${word()}`,
    `INSERT INTO e VALUES (${id()}, ${word()}, ${random(2)}, ${some()}, ${random(2)})`,
    `REPLACE INTO e VALUES (${id()}, ${word()}, ${random(2)}, ${some()}, ${random(2)})`,
    `UPDATE e SET v = ${some()} WHERE id = ${id()}`,
    `DELETE FROM e WHERE id = ${id()}`,
  ];
  return all[random(all.length)] ?? '';
}
