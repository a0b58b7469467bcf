import { compareCellStamps, type CellStamp } from '../../../core/cell-stamp.js';
import type { Cell, LifeState, RowKey } from '../../../core/life-state.js';
import { rowKey } from '../../../core/life-state.js';
import type { LifeName } from '../../../core/life.js';
import { numberInColumn } from '../../../core/reference-form.js';
import { planTable, type ReferencePlan, type TablePlan } from '../../../core/table-plan.js';
import { RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import { tellGone } from '../capture/gone-rows.js';
import type { AsideLife } from '../stores/aside-store.js';
import { joinedMark, pinMark, refusedMark } from '../stores/cell-names.js';
import { quoteNames } from '../connection/identifiers.js';
import type { FoundLife } from './life-finder.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { RowFinder } from '../stores/row-finder.js';
import { stampAt, type Key, type Shadow } from '../stores/shadow-store.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** A row as the application's table shows it now. `values` are in the order of the layout. */
export interface ShownRow {
  readonly table: SyncedTable;
  readonly key: Key;
  readonly values: readonly SqlValue[];
  readonly shadow: Shadow;
}

/** A life taken out of the tables into memory, with where it came from. */
export interface LoadedLife {
  readonly state: LifeState;
  readonly shown: ShownRow | null;
  readonly aside: AsideLife | null;
  /** Set by `put`: the state is no longer what was loaded. */
  readonly isChanged: boolean;
}

interface NamedRow {
  readonly table: string;
  readonly row: LifeName;
}

/**
 * Rows that are being settled: their lives in memory, apart from what the tables show of them. Filled on demand, so
 * that only what can influence each other is read. Lasts for one changeset.
 */
export interface WorkingSet {
  readonly isEmpty: boolean;
  /** By name of life. A life that was here and has ended is `null`. */
  readonly lives: ReadonlyMap<RowKey, LoadedLife | null>;
  /** What tables show now of rows in the set, by key of the shown life. Stays when the life ends. */
  readonly shown: ReadonlyMap<RowKey, ShownRow>;
  /** Lives that were in the set and have ended, as they were. */
  readonly ended: ReadonlyMap<RowKey, LoadedLife>;
  /** Names of rows (aliases followed) that are in the set. */
  readonly rows: ReadonlyMap<RowKey, NamedRow>;
  /** Rows that became part of another one while the set was filled, also such as have no life any more. */
  readonly joined: readonly NamedRow[];
  has(table: string, life: LifeName): boolean;
  /** The life with its row's other lives, wherever it is; null when it has ended. */
  loadLife(table: SyncedTable, life: LifeName, hint: Key | null): LoadedLife | null;
  loadKey(table: SyncedTable, key: Key): void;
  loadRow(table: SyncedTable, row: LifeName): void;
  loadAside(life: AsideLife): void;
  /** A new or changed life. */
  put(state: LifeState): void;
  end(table: string, life: LifeName): void;
  /** To be called when a row became part of another one: rows of its table have other names now. */
  regroup(joined: NamedRow): void;
  planOf(table: SyncedTable): TablePlan;
  clear(): void;
}

export function createWorkingSet(context: ReplicaContext, rowsByName: RowFinder): WorkingSet {
  const lives = new Map<RowKey, LoadedLife | null>();
  const shownByLife = new Map<RowKey, ShownRow>();
  const rows = new Map<RowKey, NamedRow>();
  const joined: NamedRow[] = [];
  const ended = new Map<RowKey, LoadedLife>();
  const plans = new Map<SyncedTable, TablePlan>();

  function add(loaded: LoadedLife): void {
    const { table, life, row } = loaded.state;
    const name = rowKey(table, life);
    lives.set(name, loaded);
    if (loaded.shown) shownByLife.set(name, loaded.shown);
    const now = context.aliases.rowNow(table, row);
    rows.set(rowKey(table, now), { table, row: now });
  }

  /** The other lives of the same row: there are none in calm weather. */
  function loadCompanions(table: SyncedTable, row: LifeName): void {
    if (context.asides.isEmpty(table.name) && context.aliases.isEmpty()) return;
    const now = context.aliases.rowNow(table.name, row);
    for (const each of [now, ...context.aliases.mergedInto(table.name, now)]) {
      for (const aside of context.asides.ofRow(table.name, each)) addAside(aside);
    }
    const key = rowsByName.keyOfRow(table, now);
    if (key) addShown(table, key);
  }

  function addAside(aside: AsideLife): void {
    if (lives.has(rowKey(aside.table, aside.life))) return;
    const { table, life, row, cells } = aside;
    add({ state: { table, life, row, cells }, shown: null, aside, isChanged: false });
  }

  function addShown(table: SyncedTable, key: Key, known?: Shadow): LoadedLife | null {
    const shadow = known ?? context.shadows.find(table, key);
    if (!shadow) return null;
    const name = rowKey(table.name, shadow.life);
    const present = lives.get(name);
    if (present !== undefined) return present;
    const { life } = shadow;
    const shown = readIfThere(context, table, key, shadow) ?? readGone(context, table, key, shadow);
    const cells = cellsOfShown(context, set, shown, rowsByName);
    const state = { table: table.name, life, row: shadow.row ?? life, cells };
    const loaded = { state, shown, aside: null, isChanged: false };
    add(loaded);
    return loaded;
  }

  /** The hint is where its origin saw the row, or another life of it: here it may stand elsewhere. */
  function findByName(table: SyncedTable, life: LifeName): FoundLife | null {
    const key = rowsByName.keyOfLife(table, life);
    return key && context.lives.find(table, life, key);
  }

  const set: WorkingSet = {
    get isEmpty() {
      return lives.size === 0;
    },
    lives,
    shown: shownByLife,
    ended,
    rows,
    joined,
    has: (table, life) => lives.has(rowKey(table, life)),
    loadLife(table, life, hint) {
      const name = rowKey(table.name, life);
      const present = lives.get(name);
      if (present !== undefined) return present;
      const found = context.lives.find(table, life, hint) ?? findByName(table, life);
      if (!found) return null;
      if (found.kind === 'shown') addShown(table, found.key, found.shadow);
      else addAside(found.life);
      loadCompanions(table, found.kind === 'shown' ? (found.shadow.row ?? life) : found.life.row);
      return lives.get(name) ?? null;
    },
    loadKey(table, key) {
      const loaded = addShown(table, key);
      if (loaded) loadCompanions(table, loaded.state.row);
    },
    loadRow(table, row) {
      const now = context.aliases.rowNow(table.name, row);
      const key = rowsByName.keyOfRow(table, now);
      if (key) addShown(table, key);
      loadCompanions(table, now);
    },
    loadAside(aside) {
      addAside(aside);
      const table = context.tables.byName(aside.table);
      if (table) loadCompanions(table, aside.row);
    },
    put(state) {
      const name = rowKey(state.table, state.life);
      const before = lives.get(name) ?? null;
      add({ state, shown: before?.shown ?? null, aside: before?.aside ?? null, isChanged: true });
    },
    end(table, life) {
      const name = rowKey(table, life);
      const loaded = lives.get(name);
      if (loaded) ended.set(name, loaded);
      lives.set(name, null);
    },
    regroup(row) {
      joined.push(row);
      for (const loaded of lives.values()) if (loaded?.state.table === row.table) add(loaded);
    },
    planOf(table) {
      let plan = plans.get(table);
      if (!plan) plans.set(table, (plan = planTable(table.schema, knownTables(context))));
      return plan;
    },
    clear() {
      lives.clear();
      shownByLife.clear();
      ended.clear();
      rows.clear();
      joined.length = 0;
      plans.clear();
    },
  };
  return set;
}

const knownTables = (context: ReplicaContext): ReadonlySet<string> =>
  new Set(context.tables.all().map((table) => table.name));

export const readShown = (context: ReplicaContext, table: SyncedTable, key: Key, shadow: Shadow): ShownRow =>
  readIfThere(context, table, key, shadow) ?? nothingShown(table, key, shadow);

function readIfThere(context: ReplicaContext, table: SyncedTable, key: Key, shadow: Shadow): ShownRow | null {
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  const sql = `SELECT ${quoteNames(table.layout)} FROM ${table.sql} WHERE ${where}`;
  const values = context.connection.cached(sql).getExact(...key);
  return values ? { table, key, values, shadow } : null;
}

const nothingShown = (table: SyncedTable, key: Key, shadow: Shadow): ShownRow => ({
  table,
  key,
  values: table.layout.map(() => null),
  shadow,
});

function readGone(context: ReplicaContext, table: SyncedTable, key: Key, shadow: Shadow): ShownRow {
  tellGone(context, table, shadow.life);
  return nothingShown(table, key, shadow);
}

/** The cells of a shown life: what its row shows, except where the view shows something else than the state holds. */
export function cellsOfShown(
  context: ReplicaContext,
  set: WorkingSet,
  { table, values, shadow }: ShownRow,
  rows: RowFinder,
): Map<string, Cell> {
  const cells = new Map<string, Cell>();
  const extras = context.asides.extraCells(table.name, shadow.life);
  const references = set.planOf(table).referenceByColumn;
  table.layout.forEach((column, position) => {
    const value = values[position] ?? null;
    const reference = references.get(column);
    const at = stampAt(shadow, position);
    const kept = extras && keptCell(extras, column, { shadow, position });
    if (kept) {
      cells.set(column, kept);
      return;
    }
    cells.set(column, { value: reference ? referenceAt(context, rows, reference, value) : value, at });
  });
  for (const [column, cell] of extras ?? []) {
    const isLocal = column.startsWith(pinMark) || column.startsWith(refusedMark) || column === joinedMark;
    if (!isLocal && !cells.has(column)) cells.set(column, cell);
  }
  return cells;
}

export function noteRefused(extras: Map<string, Cell>, column: string, shown: CellValue, at: CellStamp): void {
  extras.set(refusedMark + column, { value: shown, at });
}

/** What the view shows in a column that the schema refuses, if nobody has written it since; else null. */
export function refusedCell(extras: ReadonlyMap<string, Cell>, column: string, shadowAt: CellStamp): Cell | null {
  const refused = extras.get(refusedMark + column);
  return refused && compareCellStamps(refused.at, shadowAt) === 0 ? refused : null;
}

/** The row as the view has it, where the schema refused some of it and nobody has written it since; else null. */
export function mergedRow(
  layout: readonly string[],
  extras: ReadonlyMap<string, Cell>,
  { values, shadow, written }: { values: readonly SqlValue[]; shadow: Shadow; written: readonly number[] },
): SqlValue[] | null {
  let merged: SqlValue[] | null = null;
  for (const [position, column] of layout.entries()) {
    const refused = extras.get(refusedMark + column);
    if (!refused || refused.value instanceof RowReference || written.includes(position)) continue;
    if (compareCellStamps(refused.at, stampAt(shadow, position)) !== 0) continue;
    merged ??= values.slice(0, layout.length);
    merged[position] = refused.value;
  }
  return merged;
}

export function pinCell(extras: Map<string, Cell>, column: string, cell: Cell, shadowAt: CellStamp): void {
  extras.set(column, cell);
  extras.set(pinMark + column, { value: null, at: shadowAt });
}

/**
 * A cell without a mark is of a column that was unknown here when it came; it counts unless the column was written since,
 * which shows as an exception: the stamp of the row says nothing of columns that it did not have.
 */
export function keptCell(
  extras: ReadonlyMap<string, Cell>,
  column: string,
  { shadow, position }: { readonly shadow: Shadow; readonly position: number },
): Cell | null {
  const cell = extras.get(column);
  if (!cell) return null;
  const written = shadow.exceptions?.get(position);
  const pinnedAt = extras.get(pinMark + column)?.at;
  const isKept = pinnedAt
    ? compareCellStamps(pinnedAt, stampAt(shadow, position)) === 0
    : !written || compareCellStamps(cell.at, written) >= 0;
  return isKept ? cell : null;
}

/** The row that a shown value means; the value itself when it dangles, or has not the form of a reference. */
export function referenceAt(
  context: ReplicaContext,
  rows: RowFinder,
  { parentTable, affinity }: ReferencePlan,
  value: SqlValue,
): CellValue {
  const parent = value === null ? null : context.tables.byName(parentTable);
  if (!parent) return value;
  const key = parent.isRowidKey ? numberInColumn(affinity, value) : value;
  const row = key === null ? null : rows.rowAtKey(parent, [key]);
  return row ? new RowReference(row) : value;
}
