import { readFileSync } from 'node:fs';
import { Agent, request, type ClientRequest } from 'node:http';
import { processOf } from './bench-group.js';
import { median, type Figure } from './figure.js';
import { createPageGround, type PageGround } from './page-ground.js';
import { insertReadings } from './readings-table.js';

const clients = 200;

/** The memory that 200 pages cost which watch live while things happen. */
export async function benchHttpLive(): Promise<Figure[]> {
  const ground = await createPageGround();
  try {
    const pid = processOf(ground.server);
    const [one] = await watch(ground, 1);
    await happen(ground, 0);
    const before = await residentMegabytes(pid);
    const open = await watch(ground, clients);
    await happen(ground, 20_000);
    const after = await residentMegabytes(pid);
    for (const each of [one, ...open]) each?.destroy();
    return [
      {
        ...{
          name: `memory of ${clients} live clients`,
          value: Math.max(0, after - before),
          unit: 'MB',
          baseline: null,
        },
        goal: { kind: 'at most', value: 50 },
      },
    ];
  } finally {
    await ground.clear();
  }
}

/** Commits of the other server, so that events and states are told to all who watch. */
async function happen({ there }: PageGround, first: number): Promise<void> {
  for (let at = 0; at < 100; at++) {
    insertReadings(there, first + at * 10 + 1, 10);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Each reads what comes, as a browser does. */
function watch({ origin, token }: PageGround, count: number): Promise<ClientRequest[]> {
  const agent = new Agent({ maxSockets: count });
  return Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ClientRequest>((resolve, reject) => {
          const headers = { authorization: `Bearer ${token}` };
          const asked = request(`${origin}/api/sync/events`, { agent, headers }, (answer) => {
            answer.resume();
            answer.on('error', () => undefined);
            if (answer.statusCode === 200) resolve(asked);
            else reject(new Error(`answered ${answer.statusCode}`));
          });
          asked.on('error', reject);
          asked.end();
        }),
    ),
  );
}

/** The middle of several looks: garbage comes and goes. */
async function residentMegabytes(pid: number): Promise<number> {
  const looks: number[] = [];
  for (let at = 0; at < 11; at++) {
    looks.push(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return median(looks);
}
