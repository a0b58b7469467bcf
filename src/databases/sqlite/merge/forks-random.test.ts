// Goal: whatever is restored, cloned and written, and whoever meets whom, all end equal and nothing that a living server
// held is lost. Random histories; the name of a failing test holds its seed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createForkScene, meet, type ForkScene, type ForkServer } from '../testing/fork-scene.js';

const seeds = [1, 2, 3, 4, 5, 6];
const steps = 40;

const schema = `
  CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, code TEXT UNIQUE, price INTEGER);
  CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item (id) ON DELETE CASCADE, name TEXT);
  CREATE TABLE tag (tag TEXT PRIMARY KEY, colour TEXT);
  CREATE TABLE log (id INTEGER PRIMARY KEY, entry TEXT);`;

interface Player {
  readonly letter: string;
  readonly server: ForkServer;
  /** Entries of the log that it has written or been given. */
  readonly holds: Set<string>;
  backup: ReadonlySet<string> | null;
}

type Random = (below: number) => number;

function createRandom(seed: number): Random {
  let state = (seed * 2_654_435_761) >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 3_266_489_917) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const writes: readonly ((random: Random) => string)[] = [
  (random) => `INSERT INTO item (name, code, price) VALUES ('i${random(1e6)}', 'c${random(6)}', 0)`,
  (random) => `INSERT INTO item (name, price) VALUES ('i${random(1e6)}', 1)`,
  (random) => `INSERT INTO part (item, name) SELECT id, 'p${random(1e6)}' FROM item ORDER BY name LIMIT 2`,
  (random) => `UPDATE item SET price = ${random(100)} WHERE id % 3 = ${random(3)}`,
  (random) => `UPDATE item SET code = 'c${random(6)}' WHERE id = (SELECT max(id) FROM item)`,
  (random) => `UPDATE part SET item = (SELECT max(id) FROM item) WHERE id % 4 = ${random(4)}`,
  (random) =>
    `INSERT INTO tag VALUES ('t${random(9)}', '${random(1e6)}') ON CONFLICT DO UPDATE SET colour = excluded.colour`,
  (random) => `DELETE FROM tag WHERE tag = 't${random(9)}'`,
  (random) => `DELETE FROM item WHERE id % 7 = ${random(7)}`,
];

async function write({ server, holds }: Player, random: Random, entry: string): Promise<void> {
  for (let i = random(3); i >= 0; i--) {
    const sql = writes[random(writes.length)]?.(random) ?? '';
    // A code that is taken: the application gives up.
    await server.write(sql).catch((error: unknown) => assert.match(String(error), /UNIQUE/));
  }
  await server.write(`INSERT INTO log (entry) VALUES ('${entry}')`);
  holds.add(entry);
}

async function join(a: Player, b: Player): Promise<void> {
  await meet(a.server, b.server);
  for (const entry of a.holds) b.holds.add(entry);
  for (const entry of b.holds) a.holds.add(entry);
}

async function play(scene: ForkScene, random: Random): Promise<Player[]> {
  const players: Player[] = [];
  const pick = (): Player | undefined => players[random(players.length)];
  for (const letter of ['a', 'b', 'c']) {
    players.push({ letter, server: await scene.add(letter), holds: new Set(), backup: null });
  }
  const [first, ...others] = players;
  if (!first) return players;
  await write(first, random, 'beginning');
  for (const other of others) await join(first, other);
  for (let step = 0; step < steps; step++) {
    const [one, other] = [pick(), pick()];
    if (!one || !other) continue;
    const action = random(20);
    if (action < 9) await write(one, random, `step ${step}`);
    else if (action < 15) {
      if (one !== other) await join(one, other);
    } else if (action < 17) {
      await scene.backup(one.server);
      one.backup = new Set(one.holds);
    } else if (one.backup && players.length < 6) {
      const server = await scene.add(one.letter, one.server);
      const again = { letter: one.letter, server, holds: new Set(one.backup), backup: null };
      // A clone runs beside what it was made of; a restored backup in its place.
      if (action < 19) players.splice(players.indexOf(one), 1, again);
      else players.push(again);
    }
  }
  return players;
}

for (const seed of seeds) {
  test(`random histories with restored backups and clones, seed ${seed}`, async () => {
    const scene = createForkScene(schema);
    try {
      const players = await play(scene, createRandom(seed));
      const held = new Set(players.flatMap(({ holds }) => [...holds]));
      for (let round = 0; round < 3; round++) {
        for (const a of players) for (const b of players) if (a !== b) await meet(a.server, b.server);
      }
      const dumps = await Promise.all(players.map(({ server }) => server.dump()));
      const proofs = await Promise.all(players.map(({ server }) => server.replica.proof()));
      for (const [i, dump] of dumps.entries()) {
        assert.equal(dump, dumps[0], `server ${i}`);
        assert.deepEqual(proofs[i]?.digest, proofs[0]?.digest);
      }
      for (const entry of held) assert.ok(dumps[0]?.includes(`'${entry}'`), `${entry} is lost`);
      for (const { server } of players) {
        for (const { table, differing } of (await server.replica.audit()).tables) assert.equal(differing, 0, table);
      }
    } finally {
      await scene.clear();
    }
  });
}
