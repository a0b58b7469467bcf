import { auditTable } from '../src/databases/sqlite/stores/audit.js';
import { openScene, type Scene } from '../src/databases/sqlite/testing/replica-scene.js';
import { temporaryFolder } from '../src/databases/sqlite/testing/temporary-folder.js';
import { openPlain } from './bench-group.js';
import { cpuFigure, cpuPerRow } from './cpu-per-row.js';
import type { Figure } from './figure.js';
import { insertReadings, insertRows, readingsOf, readingsSchema } from './readings-table.js';

const rows = 100_000;
const schema = `${readingsSchema};
  CREATE TABLE lines (id INTEGER PRIMARY KEY, reading INTEGER REFERENCES readings (id), text TEXT);
  CREATE TABLE names (code TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID`;

/** The first half of replication alone: what it costs to turn written rows into changesets, and to audit them. */
export async function benchDrainSpeed(): Promise<Figure[]> {
  using folder = temporaryFolder();
  const scene = openScene(folder.path('app.db'), schema);
  await scene.capture();
  const plain = openPlain(folder.path('fresh.db'), schema);
  const readings = readingsOf(1, rows);
  const baseline = await cpuPerRow(rows, () => insertRows(plain, readings));
  plain.close();
  const captured = async (name: string, write: () => unknown): Promise<Figure> => {
    write();
    return cpuFigure(`drain: ${name}`, await cpuPerRow(rows, () => scene.capture()), baseline);
  };
  const run = (sql: string) => (): void => scene.app.exec(`BEGIN; ${sql}; COMMIT`);
  const figures = [
    await captured('inserts, 8 columns', () => insertReadings(scene.app, 1, rows)),
    await captured('updates of one column', run('UPDATE readings SET count = count + 1')),
    await captured('inserts with a reference', run('INSERT INTO lines SELECT id, id, place FROM readings')),
    await captured('inserts, text key', run('INSERT INTO names SELECT hex(randomblob(8)), place FROM readings')),
    await captured('deletes', run('DELETE FROM lines')),
    await audit(scene, baseline),
  ];
  scene.close();
  const fresh = openScene(folder.path('fresh.db'), '');
  figures.push(cpuFigure('adoption of rows that were there', await cpuPerRow(rows, () => fresh.capture()), baseline));
  fresh.close();
  return figures;
}

async function audit({ context }: Scene, baseline: number): Promise<Figure> {
  const table = context.tables.byName('readings');
  const cost = await cpuPerRow(rows, () => table && auditTable(context, table));
  return cpuFigure('audit by content', cost, baseline);
}
