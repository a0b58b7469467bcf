import { openConnection, type Connection } from '../src/databases/sqlite/connection/driver.js';
import { loadNamed, type SqliteModuleName } from '../src/databases/sqlite/connection/sqlite-module.js';
import { temporaryFolder } from '../src/databases/sqlite/testing/temporary-folder.js';
import { transact } from '../src/databases/sqlite/connection/transaction.js';
import type { Figure } from './figure.js';
import { insertSamples, insertSql, sampleSchema } from './sample-table.js';

const rows = 100_000;
const rounds = 3;

/** The SQLite drivers that run on this Node.js: thousands of rows a second of CPU, the best of some rounds. */
export function benchDrivers(): Promise<Figure[]> {
  const names: readonly SqliteModuleName[] = ['node:sqlite', '@photostructure/sqlite'];
  return Promise.resolve(names.filter(isPresent).flatMap(figuresOf));
}

function isPresent(name: SqliteModuleName): boolean {
  try {
    loadNamed(name);
    return true;
  } catch {
    return false;
  }
}

function figuresOf(name: SqliteModuleName): Figure[] {
  const best = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    for (const [step, value] of runOnce(name)) best.set(step, Math.max(best.get(step) ?? 0, value));
  }
  return [...best].map(([step, value]) => ({
    name: `driver ${name} on ${process.version}: ${step}`,
    value,
    unit: 'k rows/s CPU',
    baseline: null,
    goal: null,
  }));
}

function runOnce(name: SqliteModuleName): [string, number][] {
  using folder = temporaryFolder();
  const connection = openConnection(folder.path('app.db'), { module: loadNamed(name) });
  connection.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; ${sampleSchema}`,
  );
  const upsert = `${insertSql} ON CONFLICT (id) DO UPDATE SET name = excluded.name, price = excluded.price`;
  const steps: readonly (readonly [string, (connection: Connection) => void])[] = [
    ['insert', (c) => transact(c, 'immediate', () => insertSamples(c, 1, rows))],
    ['upsert', (c) => transact(c, 'immediate', () => insertSamples(c, 1, rows, upsert))],
    ['read plainly', (c) => readPages(c, (sql, from, to) => c.cached(sql).all(from, to).length)],
    ['read exactly', (c) => readPages(c, (sql, from, to) => c.cached(sql).allExact(from, to).length)],
  ];
  const measured = steps.map(([step, work]): [string, number] => [step, thousandsPerSecond(() => work(connection))]);
  connection.close();
  return measured;
}

function readPages(connection: Connection, read: (sql: string, from: bigint, to: bigint) => number): void {
  let seen = 0;
  for (let from = 1; from <= rows; from += 5000)
    seen += read('SELECT * FROM sample WHERE id BETWEEN ? AND ?', BigInt(from), BigInt(from + 4999));
  if (seen !== rows) throw new Error(`${connection.driver} read ${seen} of ${rows} rows`);
}

function thousandsPerSecond(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (rows / (user + system)) * 1000;
}
