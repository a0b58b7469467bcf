import { addHash, emptyDigest, subtractHash, type TableDigest } from '../../../core/digest.js';
import type { Connection } from '../connection/driver.js';
import { integerAt } from '../connection/row-values.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** Digests of the synced tables, kept up to date row by row in memory and written at each commit. */
export interface TableDigests {
  digest(table: Pick<SyncedTable, 'number'>): TableDigest;
  addRow(table: SyncedTable, hash: number): void;
  removeRow(table: SyncedTable, hash: number): void;
  replaceRow(table: SyncedTable, hashes: { readonly before: number; readonly after: number }): void;
  /** Adds many at once: `sum` is the sum of the hashes modulo 2^48. */
  addRows(table: SyncedTable, digest: TableDigest): void;
  setDigest(table: Pick<SyncedTable, 'number'>, digest: TableDigest): void;
  /** Numbers of the tables whose digests changed since they were last written. */
  changedTables(): Iterable<number>;
  /** Writes digests that changed. `inTransaction` does it. */
  saveDigests(): void;
  forgetDigest(number: number): void;
  reloadDigests(): void;
}

export function createTableDigests(connection: Connection): TableDigests {
  const select = connection.prepare('SELECT number, rows, sum FROM _usync_tables');
  const save = connection.prepare('UPDATE _usync_tables SET rows = ?, sum = ? WHERE number = ?');
  const changed = new Set<number>();
  let cached: Map<number, TableDigest> | null = null;
  const all = (): Map<number, TableDigest> =>
    (cached ??= new Map(
      select.all().map((row) => [integerAt(row, 0), { rows: integerAt(row, 1), sum: integerAt(row, 2) }]),
    ));
  const set = (number: number, digest: TableDigest): void => {
    all().set(number, digest);
    changed.add(number);
  };
  const digests: TableDigests = {
    digest: (table) => all().get(table.number) ?? emptyDigest,
    addRow: (table, hash) => digests.addRows(table, { rows: 1, sum: hash }),
    removeRow(table, hash) {
      const { rows, sum } = digests.digest(table);
      set(table.number, { rows: rows - 1, sum: subtractHash(sum, hash) });
    },
    replaceRow(table, { before, after }) {
      const { rows, sum } = digests.digest(table);
      set(table.number, { rows, sum: addHash(subtractHash(sum, before), after) });
    },
    addRows(table, added) {
      const { rows, sum } = digests.digest(table);
      set(table.number, { rows: rows + added.rows, sum: addHash(sum, added.sum) });
    },
    setDigest: (table, digest) => set(table.number, digest),
    changedTables: () => changed,
    saveDigests() {
      for (const number of changed) {
        const { rows, sum } = all().get(number) ?? emptyDigest;
        save.run(BigInt(rows), BigInt(sum), BigInt(number));
      }
      changed.clear();
    },
    forgetDigest(number) {
      changed.delete(number);
      cached?.delete(number);
    },
    reloadDigests() {
      cached = null;
      changed.clear();
    },
  };
  return digests;
}
