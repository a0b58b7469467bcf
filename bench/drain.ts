/** How fast the SQLite replica turns written rows into changesets: rows a second of CPU, one table row a case. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditTable } from '../src/databases/sqlite/stores/audit.js';
import { openScene, type Scene } from '../src/databases/sqlite/testing/replica-scene.js';

const rows = Number(process.argv[2] ?? 200_000);
const columns = `id INTEGER PRIMARY KEY, customer TEXT, city TEXT, street TEXT, amount REAL, quantity INTEGER, note TEXT, at TEXT`;
const schema = `CREATE TABLE orders (${columns});
  CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id), amount REAL, text TEXT);
  CREATE TABLE names (code TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID`;
const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})`;
const insertOrders = `${numbers} INSERT INTO orders SELECT i, 'customer ' || (i * 7919 % 100003), 'city ' || (i % 977),
  hex(randomblob(12)), i * 0.37, i % 50, hex(randomblob(30)), '2026-01-01 10:00:' || (i % 60) FROM n`;

interface Figure {
  readonly name: string;
  readonly rows: number;
  readonly cpuMs: number;
  readonly wallMs: number;
}

async function measured(name: string, work: () => Promise<number>): Promise<Figure> {
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  const count = await work();
  const { user, system } = process.cpuUsage(cpu);
  return { name, rows: count, cpuMs: (user + system) / 1000, wallMs: performance.now() - startMs };
}

async function capture(scene: Scene, name: string, sql: string): Promise<Figure> {
  scene.app.exec(`BEGIN; ${sql}; COMMIT`);
  return measured(name, async () => (await scene.capture()).rows);
}

const folder = mkdtempSync(join(tmpdir(), 'usync-bench-'));
try {
  const scene = openScene(join(folder, 'app.db'), schema);
  await scene.capture();
  const figures = [
    await capture(scene, 'insert, 8 columns', insertOrders),
    await capture(scene, 'update of one column', `UPDATE orders SET quantity = quantity + 1`),
    await capture(scene, 'insert with a reference', `INSERT INTO lines SELECT id, id, amount, city FROM orders`),
    await capture(scene, 'insert, text key', `INSERT INTO names SELECT hex(randomblob(8)), city FROM orders`),
    await measured('audit', () => {
      const table = scene.context.tables.byName('orders');
      return Promise.resolve(table ? auditTable(scene.context, table).rows : 0);
    }),
    await capture(scene, 'delete', `DELETE FROM lines`),
  ];
  scene.close();
  const fresh = openScene(join(folder, 'fresh.db'), `${schema}; ${insertOrders}`);
  figures.push(await measured('first adoption', async () => (await fresh.capture()).rows));
  fresh.close();
  for (const { name, rows: count, cpuMs, wallMs } of figures) {
    const perSecond = Math.round(count / cpuMs);
    console.log(`${name.padEnd(26)} ${count} rows, ${perSecond} k rows/s cpu, wall ${Math.round(wallMs)} ms`);
  }
  console.log(`memory ${Math.round(process.memoryUsage().rss / 1e6)} MB`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
