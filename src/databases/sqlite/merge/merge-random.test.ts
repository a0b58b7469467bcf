/** Random writes on three servers that exchange at random: afterwards all show the same, and their digests are right. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchangeAll, openMergeServer } from '../testing/merge-scene.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const schema = `CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT, up INTEGER REFERENCES p(id) ON DELETE SET NULL);
  CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id) ON DELETE CASCADE, r INTEGER REFERENCES q(id), name TEXT);
  CREATE TABLE q (id INTEGER PRIMARY KEY, label TEXT UNIQUE);
  CREATE TABLE n (k TEXT PRIMARY KEY COLLATE NOCASE, v TEXT, c INTEGER REFERENCES c(id) ON DELETE SET NULL) WITHOUT ROWID;
  CREATE TABLE bag (v TEXT, w INTEGER)`;

function randomOf(seed: number): (below: number) => number {
  let state = Math.imul(seed, 2654435761) >>> 0 || 1;
  return (below) => {
    state = (state ^ (state << 13)) >>> 0;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state % below;
  };
}

function statement(random: (below: number) => number, step: number): string {
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

for (const seed of [1, 4, 211, 518]) {
  test(`random writes come to the same everywhere, seed ${seed}`, async () => {
    const random = randomOf(seed);
    using folder = temporaryFolder();
    const servers = ['a', 'b', 'c'].map((letter) => openMergeServer(folder.path(`${letter}.db`), letter, { schema }));
    const pick = () => servers[random(3)] ?? assert.fail('three servers');
    try {
      const enforces = random(2) === 1 ? 'ON' : 'OFF';
      for (const server of servers) {
        server.app.exec(`PRAGMA foreign_keys = ${enforces}`);
        await server.capture();
      }
      for (let step = 0; step < 40; step++) {
        const server = pick();
        for (let n = random(3); n >= 0; n--) {
          try {
            server.app.exec(statement(random, step));
          } catch (error) {
            if (!(error instanceof ConstraintFailure)) throw error;
          }
        }
        const other = pick();
        if (random(4) === 0 && other !== server) await server.pull(other);
        else if (random(3) === 0) await server.capture();
      }
      await exchangeAll(servers);
      for (const server of servers) {
        assert.equal(server.dump(), servers[0]?.dump());
        assert.deepEqual(server.faults(), []);
      }
    } finally {
      for (const server of servers) server.close();
    }
  });
}
