import { cpuMsOf, createRunningGroup, openPlain, pollUntil, processOf } from './bench-group.js';
import { percentile, type Figure } from './figure.js';
import type { Connection } from '../src/databases/sqlite/connection/driver.js';
import { insertReadings, readingOf, readingsSchema } from './readings-table.js';

const bulkRows = 200_000;

const lastId = (connection: { cached(sql: string): { get(): readonly unknown[] | undefined } }): number =>
  Number(connection.cached('SELECT coalesce(max(id), 0) FROM readings').get()?.[0] ?? 0);

/** One 200,000-row transaction to one peer, against the plain insert of the same rows into a file beside it. */
export async function benchBulk(landing: 'whole' | 'bounded'): Promise<Figure[]> {
  const group = await createRunningGroup({ names: ['a', 'b'], landing });
  try {
    const [a, b] = group.connections;
    if (!a || !b) return [];
    const plain = openPlain(`${group.workplace.root}/plain.db`, readingsSchema);
    const plainMs = insertReadings(plain, 1, bulkRows);
    plain.close();
    insertReadings(a, 1, bulkRows);
    const replicatedMs = pollUntil(performance.now(), 120_000, () => lastId(b) === bulkRows, 2);
    const goal = landing === 'whole' ? 0.4 : 0.2;
    const name =
      landing === 'whole'
        ? 'bulk: 200,000 rows in one transaction, landing whole'
        : 'bulk: the same, landing in slices with gaps';
    return [
      {
        name,
        value: bulkRows / replicatedMs,
        unit: 'k rows/s',
        baseline: bulkRows / plainMs,
        goal: { kind: 'at least', value: goal },
      },
    ];
  } finally {
    await group.clear();
  }
}

/** A stream of 1,000-row transactions, as fast as the application can write them. */
export async function benchStream(): Promise<Figure[]> {
  const group = await createRunningGroup({ names: ['a', 'b'] });
  try {
    const [a, b] = group.connections;
    if (!a || !b) return [];
    const startedAt = performance.now();
    for (let at = 0; at < 100; at++) insertReadings(a, at * 1000 + 1, 1000);
    const ms = pollUntil(startedAt, 120_000, () => lastId(b) === 100_000, 2);
    return [
      {
        name: 'stream: transactions of 1,000 rows',
        value: 100_000 / (ms / 1000),
        unit: 'rows/s',
        baseline: null,
        goal: { kind: 'at least', value: 30_000 },
      },
    ];
  } finally {
    await group.clear();
  }
}

/** Commit on A to visible on B, 100 commits a second for ten seconds. */
export async function benchLatency(): Promise<Figure[]> {
  const group = await createRunningGroup({ names: ['a', 'b'] });
  try {
    const [a, b] = group.connections;
    if (!a || !b) return [];
    const insert = a.cached('INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    const times: number[] = [];
    for (let id = 1; id <= 1100; id++) {
      const row = readingOf(id);
      const startedAt = performance.now();
      insert.run(...row);
      const committedAt = performance.now();
      const ms = pollUntil(committedAt, 20_000, () => lastId(b) >= id, 0.1);
      if (id > 100) times.push(ms);
      pollUntil(startedAt, 1000, () => performance.now() - startedAt >= 10, 0.5);
    }
    return [
      {
        name: 'commit to visible, p50',
        value: percentile(times, 0.5),
        unit: 'ms',
        baseline: null,
        goal: { kind: 'at most', value: 2 },
      },
      {
        name: 'commit to visible, p99',
        value: percentile(times, 0.99),
        unit: 'ms',
        baseline: null,
        goal: { kind: 'at most', value: 15 },
      },
    ];
  } finally {
    await group.clear();
  }
}

const backlogRows = 800_000;
const commitsMax = 5_000;

/**
 * What an application feels that writes while its server merges flat out: transactions of 1,000 rows that have waited for
 * it, so that nothing else works beside it, and enough of them for thousands of commits.
 */
export async function benchWriterBesideMerge(): Promise<Figure[]> {
  const group = await createRunningGroup({ names: ['a', 'b'] });
  try {
    const [a, b] = group.connections;
    const [, away] = group.servers;
    if (!a || !b || !away) return [];
    b.exec('CREATE TABLE local (id INTEGER PRIMARY KEY, at REAL)');
    await away.end('SIGTERM');
    for (let from = 1; from < backlogRows; from += 1000) insertReadings(a, from, 1000);
    await away.start();
    pollUntil(performance.now(), 60_000, () => lastId(b) > 0, 2);
    const commit = commitTimer(b);
    const times: number[] = [];
    while (lastId(b) < backlogRows && times.length < commitsMax) times.push(commit());
    await away.end('SIGKILL');
    const alone = Array.from({ length: times.length }, commit);
    return [
      {
        name: `writer's commit while merging flat out, p99 of ${times.length}`,
        value: percentile(times, 0.99),
        unit: 'ms',
        baseline: null,
        goal: { kind: 'at most', value: 10 },
      },
      {
        name: 'the same without a server',
        value: percentile(alone, 0.99),
        unit: 'ms',
        baseline: null,
        goal: null,
      },
      {
        name: "writer's commit while merging flat out, max",
        value: Math.max(...times),
        unit: 'ms',
        baseline: null,
        goal: null,
      },
    ];
  } finally {
    await group.clear();
  }
}

/** Commits one row and waits until two milliseconds have passed since it began; gives how long the commit took. */
function commitTimer(connection: Connection): () => number {
  const insert = connection.cached('INSERT INTO local (at) VALUES (?)');
  return () => {
    const startedAt = performance.now();
    insert.run(startedAt);
    const ms = performance.now() - startedAt;
    pollUntil(startedAt, 1000, () => performance.now() - startedAt >= 2, 0.5);
    return ms;
  };
}

/** A server that was away: 20,000 transactions of one row wait for it. Against the plain insert of the same rows. */
export async function benchCatchUp(): Promise<Figure[]> {
  const group = await createRunningGroup({ names: ['a', 'b'] });
  try {
    const [a, b] = group.connections;
    const [, away] = group.servers;
    if (!a || !b || !away) return [];
    await away.end('SIGTERM');
    const insert = a.cached('INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    const writeStartedAt = performance.now();
    for (let id = 1; id <= 20_000; id++) insert.run(...readingOf(id));
    const writeMs = performance.now() - writeStartedAt;
    const startedAt = performance.now();
    await away.start();
    const ms = pollUntil(startedAt, 120_000, () => lastId(b) === 20_000, 2);
    return [
      {
        name: 'catch-up after 20,000 commits, with the start of the process',
        value: ms,
        unit: 'ms',
        baseline: writeMs,
        goal: null,
      },
    ];
  } finally {
    await group.clear();
  }
}

/** In the first minute after work V8 collects garbage while idle, which is the end of that work and not rest. */
const settleMs = 60_000;

/** CPU at rest: 30 tables, three servers, nothing happens for twenty seconds. */
export async function benchIdle(): Promise<Figure[]> {
  const schema = Array.from(
    { length: 30 },
    (_, at) => `CREATE TABLE t${at} (id INTEGER PRIMARY KEY, a TEXT, b REAL);`,
  ).join('');
  const group = await createRunningGroup({ names: ['a', 'b', 'c'], schema });
  try {
    for (let at = 0; at < 30; at++) group.connections[0]?.exec(`INSERT INTO t${at} (a, b) VALUES ('x', 1)`);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const pids = group.servers.map(processOf);
    const before = pids.map(cpuMsOf);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    const shares = pids.map((pid, at) => (cpuMsOf(pid) - (before[at] ?? 0)) / 200);
    return [
      {
        name: 'idle CPU, 30 tables and 2 peers',
        value: Math.max(...shares),
        unit: '%',
        baseline: null,
        goal: { kind: 'at most', value: 0.5 },
      },
    ];
  } finally {
    await group.clear();
  }
}
