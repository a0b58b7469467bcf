import assert from 'node:assert/strict';
import { runPythonWriter } from './foreign-writers.js';
import { createMusicDatabase } from './music-database.js';
import { createWorkplace, formGroup, untilProven, type ServerProcess, type Workplace } from './server-process.js';
import { dumpTables, problemsOf } from './table-dump.js';

export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  readonly tell: (line: string) => void;
}

/**
 * Three servers under steady writing; one after the other is killed with SIGKILL at a random moment and started again,
 * without any help. Afterwards everything that was committed must stand on all three.
 */
export async function killRound({ kills, seed, tell }: KillOptions): Promise<void> {
  const workplace: Workplace = createWorkplace();
  const random = createRandom(seed);
  tell(`kill round: ${kills} kills, seed ${seed}`);
  try {
    const servers: ServerProcess[] = [];
    for (const name of ['a', 'b', 'c']) servers.push(await workplace.addServer(name));
    for (const server of servers) createMusicDatabase(server.database, 'autoincrement');
    await formGroup(servers);
    const artists: string[] = [];
    for (let done = 0; done < kills;) {
      const burst = Math.min(10, kills - done);
      const writers = servers.map(({ database, name }, at) =>
        runPythonWriter({
          database,
          label: `${name}-${done}`,
          seed: seed + done * 3 + at,
          transactions: burst * 12,
          pauseMs: 15,
        }),
      );
      for (let at = 0; at < burst; at++) await killOne(servers[random(servers.length)], random(400));
      done += burst;
      for (const writer of writers) artists.push(...(await writer.done));
      await untilProven(servers, 90_000);
      checkNothingLost(servers, artists);
      tell(`${done} kills, ${artists.length} artists committed, all there on all three`);
    }
  } finally {
    await workplace.clear();
  }
}

async function killOne(server: ServerProcess | undefined, delayMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  await server?.end('SIGKILL');
  await server?.start();
}

function checkNothingLost(servers: readonly ServerProcess[], artists: readonly string[]): void {
  const dumps = servers.map(({ database }) => dumpTables(database));
  for (const dump of dumps) for (const [table, rows] of dump) assert.deepEqual(rows, dumps[0]?.get(table), table);
  for (const { database, name } of servers) assert.deepEqual(problemsOf(database), [], name);
  const rows = (dumps[0]?.get('Artist') ?? []).join('\n');
  assert.deepEqual(
    artists.filter((artist) => !rows.includes(`'${artist}'`)),
    [],
    'committed artists are missing',
  );
}

/** Small and seeded: the same kills at every run of a seed, as far as a real machine allows. */
function createRandom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
