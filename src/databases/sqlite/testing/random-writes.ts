import assert from 'node:assert/strict';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import { exchangeAll, openMergeServer } from './merge-scene.js';
import { temporaryFolder } from './temporary-folder.js';

export type Below = (below: number) => number;

export interface RandomScene {
  readonly schema: string;
  /** One statement; it may break a constraint, and is nothing then. */
  statement(random: Below, step: number): string;
  /** Whether foreign keys are enforced on each of three servers. */
  enforces(random: Below): readonly boolean[];
  /** Told of every step: for whoever looks into a seed that fails. */
  readonly tell?: (line: string) => void;
}

function randomOf(seed: number): Below {
  let state = Math.imul(seed, 2654435761) >>> 0 || 1;
  return (below) => {
    state = (state ^ (state << 13)) >>> 0;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state % below;
  };
}

/** Three servers write at random and exchange at random: afterwards all show the same, and their digests are right. */
export async function checkRandomWrites(seed: number, scene: RandomScene): Promise<void> {
  const random = randomOf(seed);
  using folder = temporaryFolder();
  const servers = ['a', 'b', 'c'].map((letter) =>
    openMergeServer(folder.path(`${letter}.db`), letter, { schema: scene.schema }),
  );
  const pick = () => servers[random(3)] ?? assert.fail('three servers');
  try {
    const enforces = scene.enforces(random);
    for (const [i, server] of servers.entries()) {
      server.app.exec(`PRAGMA foreign_keys = ${enforces[i] === true ? 'ON' : 'OFF'}`);
      await server.capture();
    }
    for (let step = 0; step < 40; step++) {
      const server = pick();
      for (let n = random(3); n >= 0; n--) {
        const sql = scene.statement(random, step);
        try {
          server.app.exec(sql);
          scene.tell?.(`${step} ${server.name} ${sql}`);
        } catch (error) {
          if (!(error instanceof ConstraintFailure)) throw error;
        }
      }
      const other = pick();
      if (random(4) === 0 && other !== server) {
        scene.tell?.(`${step} ${server.name} pulls from ${other.name}`);
        await server.pull(other);
      } else if (random(3) === 0) {
        scene.tell?.(`${step} ${server.name} captures`);
        await server.capture();
      }
    }
    scene.tell?.('all exchange');
    await exchangeAll(servers);
    for (const server of servers) scene.tell?.(`${server.name}\n${server.dump()}`);
    const digests = servers.map(({ context }) =>
      context.tables.all().map((table) => [table.name, context.tables.digest(table)]),
    );
    for (const [i, server] of servers.entries()) {
      assert.equal(server.dump(), servers[0]?.dump(), `seed ${seed}`);
      assert.deepEqual(server.faults(), [], `seed ${seed}`);
      assert.deepEqual(digests[i], digests[0], `seed ${seed}`);
      if (enforces.every(Boolean))
        assert.deepEqual(server.app.prepare('PRAGMA foreign_key_check').all(), [], `seed ${seed}`);
    }
  } finally {
    for (const server of servers) server.close();
  }
}
