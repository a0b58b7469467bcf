import { receiveSnapshot } from '../src/databases/sqlite/snapshot/snapshot-writer.js';
import { openMergeServer, snapshotOf, type MergeServer } from '../src/databases/sqlite/testing/merge-scene.js';
import { temporaryFolder } from '../src/databases/sqlite/testing/temporary-folder.js';
import { openPlain } from './bench-group.js';
import { cpuFigure, cpuPerRow } from './cpu-per-row.js';
import type { Figure } from './figure.js';
import { insertReadings, insertRows, readingsOf, readingsSchema } from './readings-table.js';

const rows = 100_000;
const some = rows / 4;
const small = { changesets: 200, rows: 100 } as const;
const schema = `${readingsSchema};
  CREATE TABLE lines (id INTEGER PRIMARY KEY, reading INTEGER REFERENCES readings (id), text TEXT)`;

/** The other half of replication alone: what it costs to merge changesets and snapshots. */
export async function benchMergeSpeed(): Promise<Figure[]> {
  using folder = temporaryFolder();
  const open = (letter: string): MergeServer => openMergeServer(folder.path(`${letter}.db`), letter, { schema });
  const [a, b, c] = [open('a'), open('b'), open('c')];
  for (const server of [a, b, c]) await server.capture();
  const plain = openPlain(folder.path('plain.db'), readingsSchema);
  const readings = readingsOf(1, rows);
  const baseline = await cpuPerRow(rows, () => insertRows(plain, readings));
  plain.close();
  const pulled = async (name: string, count: number, write: () => unknown): Promise<Figure> => {
    await write();
    await a.capture();
    return cpuFigure(`merge: ${name}`, await cpuPerRow(count, () => b.pull(a)), baseline);
  };
  const run = (sql: string) => (): void => a.app.exec(sql);
  const insertLines = `INSERT INTO lines SELECT id, id % 1000 + 1, place FROM readings WHERE id <= ${some}`;
  const figures = [
    await pulled('one transaction of inserts', rows, () => insertReadings(a.app, 1, rows)),
    await pulled('children of 1,000 parents', some, run(insertLines)),
    await pulled('updates of one column', some, run('UPDATE readings SET count = count + 1 WHERE id % 4 = 0')),
    await pulled('deletes', some, run('DELETE FROM readings WHERE id % 4 = 1 AND id > 1000')),
    await pulled('200 changesets of 100 rows', small.changesets * small.rows, async () => {
      for (let n = 0; n < small.changesets; n++) {
        insertReadings(a.app, 10_000_000 + n * small.rows, small.rows);
        await a.capture();
      }
    }),
    ...(await snapshotFigures(folder.path('.'), { from: a, to: c, baseline })),
  ];
  for (const server of [a, b, c]) server.close();
  return figures;
}

interface SnapshotWay {
  readonly from: MergeServer;
  readonly to: MergeServer;
  readonly baseline: number;
}

async function snapshotFigures(folder: string, { from, to, baseline }: SnapshotWay): Promise<Figure[]> {
  const chunks: Uint8Array[] = [];
  let reader = await snapshotOf(from.context, folder);
  await reader.close();
  const count = reader.rows;
  const reading = await cpuPerRow(count, async () => {
    reader = await snapshotOf(from.context, folder);
    for (let chunk = await reader.next(); chunk; chunk = await reader.next()) chunks.push(chunk);
    await reader.close();
  });
  const writer = receiveSnapshot(to.context, reader.vector, folder);
  for (const chunk of chunks) await writer.add(chunk);
  const landing = await cpuPerRow(count, () => writer.finish());
  return [cpuFigure('snapshot: read', reading, baseline), cpuFigure('snapshot: landed', landing, baseline)];
}
