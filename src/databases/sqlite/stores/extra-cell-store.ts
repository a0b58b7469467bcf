import type { LifeName } from '../../../core/life.js';
import type { Connection } from '../connection/driver.js';
import { createLifeNames } from './life-names.js';
import type { OriginStore } from './origin-store.js';
import { bytesAt, textAt } from '../connection/row-values.js';
import { bytesToCells, cellsToBytes, type Cell } from './value-bytes.js';

/** `_usync_cells`: cells of shown lives that their rows cannot hold. */
export interface ExtraCellStore {
  /** Cells of a shown life for columns that are unknown or left out here. */
  extraCells(table: string, life: LifeName): ReadonlyMap<string, Cell> | null;
  putExtraCells(table: string, life: LifeName, cells: ReadonlyMap<string, Cell>): void;
  removeExtraCells(table: string, life: LifeName): void;
  hasExtraCells(table: string): boolean;
  /** Columns of a table that such cells are or were of, known here or not. */
  extraColumns(table: string): string[];
  /** Columns have other names now: those in the list do; the cells are the caller's. */
  renameExtraColumns(table: string, nameOf: (column: string) => string): void;
  allExtraCells(
    table: string,
  ): IterableIterator<{ readonly life: LifeName; readonly cells: ReadonlyMap<string, Cell> }>;
  reloadExtraCells(): void;
}

const byLife = 'tbl = ? AND stamp = ? AND origin = ? AND place = ?';

export function createExtraCellStore(connection: Connection, origins: OriginStore): ExtraCellStore {
  const { nameParams, nameAt } = createLifeNames(origins);
  const select = connection.prepare(`SELECT cells FROM _usync_cells WHERE ${byLife}`);
  const insert = connection.prepare(
    'INSERT OR REPLACE INTO _usync_cells (tbl, stamp, origin, place, cells) VALUES (?, ?, ?, ?, ?)',
  );
  const remove = connection.prepare(`DELETE FROM _usync_cells WHERE ${byLife}`);
  const selectTables = connection.prepare('SELECT DISTINCT tbl FROM _usync_cells');
  const selectAll = connection.prepare('SELECT origin, stamp, place, cells FROM _usync_cells WHERE tbl = ?');
  const selectColumns = connection.prepare('SELECT col FROM _usync_cell_columns WHERE tbl = ? ORDER BY col');
  const insertColumn = connection.prepare('INSERT OR IGNORE INTO _usync_cell_columns (tbl, col) VALUES (?, ?)');
  const removeColumn = connection.prepare('DELETE FROM _usync_cell_columns WHERE tbl = ? AND col = ?');
  const columns = new Map<string, Set<string>>();
  function columnsOf(table: string): Set<string> {
    const known = columns.get(table) ?? new Set(selectColumns.all(table).map((row) => textAt(row, 0)));
    columns.set(table, known);
    return known;
  }
  let cached: Set<string> | null = null;
  const tables = (): Set<string> => (cached ??= new Set(selectTables.all().map((row) => textAt(row, 0))));
  return {
    extraCells(table, life) {
      if (!tables().has(table)) return null;
      const row = select.get(table, ...nameParams(life));
      return row ? bytesToCells(bytesAt(row, 0), origins) : null;
    },
    putExtraCells(table, life, cells) {
      insert.run(table, ...nameParams(life), cellsToBytes(cells, origins));
      tables().add(table);
      const known = columnsOf(table);
      for (const column of cells.keys()) {
        // Marks and additions of counters are no columns.
        if (column.includes('\0') || known.has(column)) continue;
        insertColumn.run(table, column);
        known.add(column);
      }
    },
    removeExtraCells(table, life) {
      if (tables().has(table)) remove.run(table, ...nameParams(life));
    },
    hasExtraCells: (table) => tables().has(table),
    extraColumns: (table) => (tables().has(table) ? [...columnsOf(table)] : []),
    renameExtraColumns(table, nameOf) {
      const before = [...columnsOf(table)].filter((column) => nameOf(column) !== column);
      for (const column of before) removeColumn.run(table, column);
      for (const column of before) insertColumn.run(table, nameOf(column));
      columns.delete(table);
    },
    *allExtraCells(table) {
      for (const row of selectAll.all(table)) {
        yield { life: nameAt(row, 0), cells: bytesToCells(bytesAt(row, 3), origins) };
      }
    },
    reloadExtraCells() {
      cached = null;
      columns.clear();
    },
  };
}
