/** How fast changesets are merged: rows a second of CPU, against plain inserts of the same rows in the same run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMergeServer, type MergeServer } from '../src/databases/sqlite/testing/merge-scene.js';
import { openSnapshot } from '../src/databases/sqlite/snapshot/snapshot-reader.js';
import { receiveSnapshot } from '../src/databases/sqlite/snapshot/snapshot-writer.js';

const schema = `CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c INTEGER, d REAL, e TEXT, f TEXT, g INTEGER);
  CREATE TABLE k (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t(id), a TEXT)`;
const rowCount = Number(process.argv[2] ?? 200_000);

const rowsSql = (
  count: number,
): string => `WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < ${count})
  SELECT i AS id, 'hello world ' || i AS a, hex(randomblob(20)) AS b, i * 7 AS c, i / 3.0 AS d, 'some text of mine ' || i AS e,
    hex(randomblob(15)) AS f, i % 100 AS g FROM g`;

interface Measured {
  readonly what: string;
  readonly rows: number;
  readonly cpuMs: number;
  readonly wallMs: number;
}

async function measure(what: string, rows: number, work: () => Promise<unknown>): Promise<Measured> {
  const before = process.cpuUsage();
  const startMs = performance.now();
  await work();
  const { user, system } = process.cpuUsage(before);
  const measured = { what, rows, cpuMs: (user + system) / 1000, wallMs: performance.now() - startMs };
  const perSecond = (ms: number): string => `${Math.round(rows / ms)}k`;
  console.log(
    `${what.padEnd(30)} ${perSecond(measured.cpuMs).padStart(8)} rows/s cpu ${perSecond(measured.wallMs).padStart(8)} rows/s wall`,
  );
  return measured;
}

async function pulled(what: string, rows: number, from: MergeServer, to: MergeServer): Promise<Measured> {
  await from.capture();
  return measure(what, rows, () => to.pull(from));
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'usync-merge-bench-'));
  const open = (letter: string): MergeServer => openMergeServer(join(folder, `${letter}.db`), letter, { schema });
  const [a, b, c] = [open('a'), open('b'), open('c')];
  try {
    for (const server of [a, b, c]) await server.capture();
    a.app.exec(`CREATE TEMP TABLE source AS ${rowsSql(rowCount)}; CREATE UNIQUE INDEX temp.source_id ON source (id)`);
    const results: Measured[] = [];
    a.app.exec(
      'CREATE TEMP TABLE plain (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c INTEGER, d REAL, e TEXT, f TEXT, g INTEGER)',
    );
    results.push(
      await measure('plain insert', rowCount, async () => a.app.exec('INSERT INTO plain SELECT * FROM source')),
    );
    a.app.exec('INSERT INTO t SELECT * FROM source');
    results.push(await measure('capture', rowCount, () => a.capture()));
    results.push(await pulled('one transaction of inserts', rowCount, a, b));
    const some = Math.floor(rowCount / 4);
    a.app.exec(`INSERT INTO k SELECT id, id % 1000 + 1, 'child ' || id FROM source WHERE id <= ${some}`);
    results.push(await pulled('children of 1000 parents', some, a, b));
    a.app.exec(`UPDATE t SET g = g + 1 WHERE id % 4 = 0`);
    results.push(await pulled('updates of one column', some, a, b));
    a.app.exec(`DELETE FROM t WHERE id % 4 = 1 AND id > 1000`);
    results.push(await pulled('deletes', some, a, b));
    const insert = a.app.prepare('INSERT INTO t SELECT ?, a, b, c, d, e, f, g FROM source WHERE id = ?');
    const small = 200;
    for (let n = 0; n < small; n++) {
      a.app.exec('BEGIN');
      for (let i = 1; i <= 100; i++) insert.run(BigInt(10_000_000 + n * 100 + i), BigInt(n * 100 + i));
      a.app.exec('COMMIT');
      await a.capture();
    }
    results.push(await pulled('200 changesets of 100 rows', small * 100, a, b));
    const rows = rowCount - some + some;
    const reader = await openSnapshot(a.context, folder);
    const writer = receiveSnapshot(c.context, reader.vector, folder);
    for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
    await reader.close();
    results.push(await measure('snapshot landed', rows, () => writer.finish()));
  } finally {
    for (const server of [a, b, c]) server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
