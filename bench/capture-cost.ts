import { installTriggers } from '../src/databases/sqlite/capture/capture-triggers.js';
import { openConnection, type Connection } from '../src/databases/sqlite/connection/driver.js';
import { readSchema } from '../src/databases/sqlite/schema/schema-reader.js';
import { createSyncTables } from '../src/databases/sqlite/stores/sync-tables.js';
import { temporaryFolder } from '../src/databases/sqlite/testing/temporary-folder.js';
import type { Figure } from './figure.js';
import { insertSamples, sampleSchema } from './sample-table.js';

const rows = 200_000;
const autocommits = 5_000;
const transactions = 30;
const rounds = 5;

interface Cost {
  readonly name: string;
  readonly goal: number | null;
  /** CPU microseconds a row. */
  measure(connection: Connection): number;
}

const costs: readonly Cost[] = [
  { name: 'insert 200,000 rows in one transaction', goal: 1.5, measure: bulk },
  { name: 'autocommit inserts', goal: 1.5, measure: autocommit },
  {
    name: 'updates in transactions of 1,000',
    goal: 1.2,
    measure: inThousands('UPDATE sample SET amount = amount + 1 WHERE id = ?'),
  },
  { name: 'deletes in transactions of 1,000', goal: 1.2, measure: inThousands('DELETE FROM sample WHERE id = ?') },
];

/** What capture costs the application: CPU of a writer with triggers against one without, best of some rounds each. */
export function benchCaptureCost(): Promise<Figure[]> {
  const variants = { plain: false, captured: true } as const;
  const figures = figuresOf('capture', sampleSchema, variants);
  const unique = sampleSchema.replace('name TEXT', 'name TEXT UNIQUE');
  return Promise.resolve([...figures, ...figuresOf('capture with a declared UNIQUE', unique, variants)]);
}

function figuresOf(title: string, schema: string, variants: Readonly<Record<'plain' | 'captured', boolean>>): Figure[] {
  const best = new Map<string, number>();
  // Taken in turns, so that what else the machine does falls on both.
  for (let round = 0; round < rounds; round++) {
    for (const [variant, isCaptured] of Object.entries(variants)) {
      for (const [name, value] of runOnce(schema, isCaptured)) {
        const key = `${variant} ${name}`;
        best.set(key, Math.min(best.get(key) ?? Infinity, value));
      }
    }
  }
  return costs.map(({ name, goal }) => ({
    name: `${title}: ${name}`,
    value: best.get(`captured ${name}`) ?? Number.NaN,
    unit: 'us CPU/row',
    baseline: best.get(`plain ${name}`) ?? Number.NaN,
    goal: goal === null || title !== 'capture' ? null : { kind: 'at most', value: goal },
  }));
}

function runOnce(schema: string, isCaptured: boolean): Map<string, number> {
  using folder = temporaryFolder();
  const connection = openConnection(folder.path('app.db'));
  connection.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${schema}`);
  if (isCaptured) {
    createSyncTables(connection);
    installTriggers(
      connection,
      readSchema(connection).tables.map((table, i) => ({ number: i + 1, table })),
    );
  }
  const measured = new Map(costs.map((cost) => [cost.name, cost.measure(connection)]));
  connection.close();
  return measured;
}

function bulk(connection: Connection): number {
  return cpuPerRow(rows, () => {
    connection.exec('BEGIN');
    insertSamples(connection, 1, rows);
    connection.exec('COMMIT');
  });
}

function autocommit(connection: Connection): number {
  return cpuPerRow(autocommits, () => insertSamples(connection, rows + 1, rows + autocommits));
}

function inThousands(sql: string): (connection: Connection) => number {
  return (connection) => {
    const statement = connection.prepare(sql);
    let seed = 12345;
    return cpuPerRow(transactions * 1000, () => {
      for (let at = 0; at < transactions; at++) {
        connection.exec('BEGIN');
        for (let i = 0; i < 1000; i++) {
          seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
          statement.run(BigInt(1 + (seed % rows)));
        }
        connection.exec('COMMIT');
      }
    });
  };
}

function cpuPerRow(count: number, work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}
