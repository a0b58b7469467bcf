import type { LifeName } from '../../../core/life.js';
import type { SqlValue } from '../../../core/value.js';
import type { Connection, PlainRow } from '../connection/driver.js';
import { createExtraCellStore, type ExtraCellStore } from './extra-cell-store.js';
import { createLifeNames, type LifeParams } from './life-names.js';
import type { OriginStore } from './origin-store.js';
import { bytesAt, textAt } from '../connection/row-values.js';
import { bytesToCells, bytesToKey, cellsToBytes, keyToBytes, type Cell } from './value-bytes.js';

/**
 * Why a life is not plainly shown. `part`: another life of a row that is shown. The next four hide behind a row
 * (rules R4, R6); the first two of them end with it (R2.5). The rest do not fit here.
 */
export type AsideReason =
  | 'part'
  | 'key-loser'
  | 'merging'
  | 'held'
  | 'renaming'
  | 'parent-hidden'
  | 'parent-missing'
  | 'doomed'
  | 'hidden-key'
  | 'table-unknown'
  | 'column-unknown'
  | 'refused';

/** With these a life is one with a row that is shown, or goes with one that is deleted: nothing is kept back. */
const settledReasons = ['part', 'key-loser', 'merging', 'doomed'] as const;

/** Why a row is kept back by itself, until something frees it. */
export type HeldReason = Exclude<AsideReason, (typeof settledReasons)[number]>;

export const isHeldBack = (why: AsideReason): why is HeldReason => !settledReasons.some((reason) => reason === why);

/** A living life that the application's table does not show plainly, with all its cells. */
export interface AsideLife {
  readonly table: string;
  readonly life: LifeName;
  readonly row: LifeName;
  readonly why: AsideReason;
  /** The row that it hides behind, or is part of. */
  readonly behind: LifeName | null;
  readonly key: readonly SqlValue[] | null;
  /** More for a person: which constraint, which column. */
  readonly note: string | null;
  readonly cells: ReadonlyMap<string, Cell>;
}

/** `_usync_lives` and `_usync_cells`. Empty in calm weather; `isEmpty` makes that free to ask. */
export interface AsideStore extends ExtraCellStore {
  isEmpty(table: string): boolean;
  find(table: string, life: LifeName): AsideLife | null;
  ofRow(table: string, row: LifeName): AsideLife[];
  behind(table: string, row: LifeName): AsideLife[];
  all(table: string): IterableIterator<AsideLife>;
  tables(): string[];
  /** Lives that are kept back by themselves. */
  countHeld(table: string): number;
  countRefused(table: string): number;
  put(life: AsideLife): void;
  remove(table: string, life: LifeName): void;
  reload(): void;
}

const columns = `tbl, origin, stamp, place, row_origin, row_stamp, row_place, why, behind_origin, behind_stamp,
  behind_place, key, note, cells`;
const byLife = 'tbl = ? AND stamp = ? AND origin = ? AND place = ?';

export function createAsideStore(connection: Connection, origins: OriginStore): AsideStore {
  const prepare = (sql: string) => connection.prepare(sql);
  const select = prepare(`SELECT ${columns} FROM _usync_lives WHERE ${byLife}`);
  const selectRow = prepare(
    `SELECT ${columns} FROM _usync_lives WHERE tbl = ? AND row_stamp = ? AND row_origin = ? AND row_place = ?`,
  );
  const selectBehind = prepare(
    `SELECT ${columns} FROM _usync_lives WHERE tbl = ? AND behind_stamp = ? AND behind_origin = ? AND behind_place = ?`,
  );
  const selectAll = prepare(`SELECT ${columns} FROM _usync_lives WHERE tbl = ? ORDER BY stamp, origin, place`);
  const insert = prepare(`INSERT OR REPLACE INTO _usync_lives (${columns}) VALUES (${Array(14).fill('?').join(', ')})`);
  const settled = settledReasons.map((reason) => `'${reason}'`).join(', ');
  const countHeld = prepare(`SELECT count(*) FROM _usync_lives WHERE tbl = ? AND why NOT IN (${settled})`);
  const countRefused = prepare(`SELECT count(*) FROM _usync_lives WHERE tbl = ? AND why = 'refused'`);
  const remove = prepare(`DELETE FROM _usync_lives WHERE ${byLife}`);
  const selectTables = prepare('SELECT DISTINCT tbl FROM _usync_lives');
  const extras = createExtraCellStore(connection, origins);
  let tables: Set<string> | null = null;

  const { nameParams, nameAt } = createLifeNames(origins);
  const lifeOf = (row: PlainRow): AsideLife => ({
    table: textAt(row, 0),
    life: nameAt(row, 1),
    row: nameAt(row, 4),
    why: textAt(row, 7) as AsideReason,
    behind: row[8] === null ? null : nameAt(row, 8),
    key: row[11] === null ? null : bytesToKey(bytesAt(row, 11)),
    note: row[12] === null ? null : textAt(row, 12),
    cells: bytesToCells(bytesAt(row, 13), origins),
  });
  const tablesWithLives = (): Set<string> => (tables ??= new Set(selectTables.all().map((row) => textAt(row, 0))));

  return {
    isEmpty: (table) => !tablesWithLives().has(table),
    find(table, life) {
      if (!tablesWithLives().has(table)) return null;
      const row = select.get(table, ...nameParams(life));
      return row ? lifeOf(row) : null;
    },
    ofRow: (table, row) => (tablesWithLives().has(table) ? selectRow.all(table, ...nameParams(row)).map(lifeOf) : []),
    behind: (table, row) =>
      tablesWithLives().has(table) ? selectBehind.all(table, ...nameParams(row)).map(lifeOf) : [],
    *all(table) {
      for (const row of selectAll.all(table)) yield lifeOf(row);
    },
    tables: () => [...tablesWithLives()],
    countHeld: (table) => (tablesWithLives().has(table) ? Number(countHeld.get(table)?.[0] ?? 0) : 0),
    countRefused: (table) => (tablesWithLives().has(table) ? Number(countRefused.get(table)?.[0] ?? 0) : 0),
    put({ table, life, row, why, behind, key, note, cells }) {
      const name = (one: LifeName): bigint[] => originFirst(nameParams(one));
      const behindName = behind ? name(behind) : [null, null, null];
      const keyBytes = key ? keyToBytes(key) : null;
      const cellBytes = cellsToBytes(cells, origins);
      insert.run(table, ...name(life), ...name(row), why, ...behindName, keyBytes, note, cellBytes);
      tablesWithLives().add(table);
    },
    remove(table, life) {
      if (tablesWithLives().has(table)) remove.run(table, ...nameParams(life));
    },
    ...extras,
    reload() {
      tables = null;
      extras.reloadExtraCells();
    },
  };
}

const originFirst = ([stamp, origin, index]: LifeParams): bigint[] => [origin, stamp, index];
