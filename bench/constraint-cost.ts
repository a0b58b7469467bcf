import { openMergeServer } from '../src/databases/sqlite/testing/merge-scene.js';
import { temporaryFolder } from '../src/databases/sqlite/testing/temporary-folder.js';
import { cpuPerRow } from './cpu-per-row.js';
import type { Figure } from './figure.js';

/** Few enough to land whole on a busy machine too. */
const rows = 20_000;
const rounds = 5;

/** The same rows and the same indexes: what differs is only whether they may clash. */
const schemas = {
  without: `CREATE TABLE place (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE visit (id INTEGER PRIMARY KEY, code TEXT, place_id INTEGER, note TEXT, count INTEGER);
    CREATE INDEX visit_code ON visit (code); CREATE INDEX visit_place ON visit (place_id, id)`,
  with: `CREATE TABLE place (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE visit (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, place_id INTEGER NOT NULL
      REFERENCES place ON DELETE CASCADE, note TEXT CHECK (length(note) < 100), count INTEGER NOT NULL DEFAULT 0,
      UNIQUE (place_id, id))`,
} as const;

const steps = {
  inserts: `INSERT INTO visit SELECT value, 'code ' || value, value % 100 + 1, 'a note of some length', value
    FROM generate`,
  updates: 'UPDATE visit SET count = count + 1',
  deletes: 'DELETE FROM visit WHERE id % 2 = 0',
} as const;

type Step = keyof typeof steps;
type Costs = Record<Step, number>;

/** What constraints cost a merge when nothing clashes. */
export async function benchConstraintCost(): Promise<Figure[]> {
  const costs: Record<keyof typeof schemas, Costs[]> = { without: [], with: [] };
  // The first scene of a process pays for compiling.
  await costsOf(schemas.with);
  for (let round = 0; round < rounds; round++)
    for (const kind of ['without', 'with'] as const) costs[kind].push(await costsOf(schemas[kind]));
  return (Object.keys(steps) as Step[]).map((step) => ({
    name: `merge: ${step} under constraints`,
    value: Math.min(...costs.with.map((each) => each[step])),
    baseline: Math.min(...costs.without.map((each) => each[step])),
    unit: 'us CPU a row',
    goal: { kind: 'at most', value: 1.3 },
  }));
}

async function costsOf(schema: string): Promise<Costs> {
  using folder = temporaryFolder();
  const [a, b] = ['a', 'b'].map((letter) => openMergeServer(folder.path(`${letter}.db`), letter, { schema }));
  if (!a || !b) throw new Error('two servers are needed');
  for (const server of [a, b]) await server.capture();
  a.app.exec(`INSERT INTO place SELECT value, 'place ' || value FROM json_each('[${numbers(100)}]')`);
  await a.capture();
  await b.pull(a);
  const costs: Costs = { inserts: 0, updates: 0, deletes: 0 };
  const counts: Costs = { inserts: rows, updates: rows, deletes: rows / 2 };
  for (const step of Object.keys(steps) as Step[]) {
    a.app.exec(steps[step].replace('generate', `json_each('[${numbers(rows)}]')`));
    await a.capture();
    costs[step] = await cpuPerRow(counts[step], () => b.pull(a));
  }
  for (const server of [a, b]) server.close();
  return costs;
}

const numbers = (count: number): string => Array.from({ length: count }, (_, i) => i + 1).join();
