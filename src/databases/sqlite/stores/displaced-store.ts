import { integerAt } from '../connection/row-values.js';
import type { Connection } from '../connection/driver.js';
import type { SyncedTable } from '../schema/synced-table.js';

/**
 * `_usync_displaced`: rows that are shown at a substitute (rule R5), by the numbers that they would have if those were
 * free: the one that they want, and substitutes that were taken too. Rows are named by where they stand. An entry may
 * outlive its row; whoever follows one looks at what stands there. Empty in calm weather.
 */
export interface DisplacedStore {
  isEmpty(table: SyncedTable): boolean;
  /** Where the rows stand that wait for a number. */
  waitingFor(table: SyncedTable, number: bigint): bigint[];
  /** Where the rows stand that wait for a number which is free, or has a holder that may be younger. */
  mayMove(table: SyncedTable, options: { readonly looksAtAll: boolean }): bigint[];
  /** Replaces what was known of the row at `at`. */
  put(table: SyncedTable, at: bigint, numbers: readonly bigint[]): void;
  remove(table: SyncedTable, at: bigint): void;
  dropTable(number: number): void;
  reload(): void;
}

export function createDisplacedStore(connection: Connection): DisplacedStore {
  const select = connection.prepare('SELECT at FROM _usync_displaced WHERE tbl = ? AND number = ?');
  const insert = connection.prepare('INSERT OR IGNORE INTO _usync_displaced (tbl, number, at) VALUES (?, ?, ?)');
  const remove = connection.prepare('DELETE FROM _usync_displaced WHERE tbl = ? AND at = ?');
  const removeTable = connection.prepare('DELETE FROM _usync_displaced WHERE tbl = ?');
  const selectTables = connection.prepare('SELECT DISTINCT tbl FROM _usync_displaced');
  let cached: Set<number> | null = null;
  const known = (): Set<number> => (cached ??= new Set(selectTables.all().map((row) => integerAt(row, 0))));
  const numberOf = (table: SyncedTable): bigint => BigInt(table.number);
  const places = (rows: readonly (readonly unknown[])[]): bigint[] =>
    rows.flatMap(([at]) => (typeof at === 'bigint' ? [at] : []));

  const store: DisplacedStore = {
    isEmpty: (table) => !known().has(table.number),
    waitingFor: (table, number) => (store.isEmpty(table) ? [] : places(select.all(numberOf(table), number))),
    mayMove(table, { looksAtAll }) {
      if (store.isEmpty(table)) return [];
      connection
        .cached(
          `DELETE FROM _usync_displaced WHERE tbl = ?
           AND NOT EXISTS (SELECT 1 FROM ${table.shadowSql} w WHERE w.k1 = at)`,
        )
        .run(numberOf(table));
      const sql = `SELECT DISTINCT d.at FROM _usync_displaced d CROSS JOIN ${table.shadowSql} w ON w.k1 = d.at
        LEFT JOIN ${table.shadowSql} s ON s.k1 = d.number
        WHERE d.tbl = ?1 AND (?2 OR s.k1 IS NULL OR s.s >= w.s OR w.r IS NOT NULL)`;
      return places(connection.cached(sql).all(numberOf(table), looksAtAll ? 1n : 0n));
    },
    put(table, at, numbers) {
      store.remove(table, at);
      for (const number of numbers) insert.run(numberOf(table), number, at);
      known().add(table.number);
    },
    remove(table, at) {
      if (!store.isEmpty(table)) remove.run(numberOf(table), at);
    },
    dropTable(number) {
      removeTable.run(BigInt(number));
    },
    reload() {
      cached = null;
    },
  };
  return store;
}
