import { isUnwritten, type CellStamp } from '../../../core/cell-stamp.js';
import type { InsertBlock } from '../../../core/changeset.js';
import { isAddition } from '../../../core/counter.js';
import { sumOf } from '../../../core/digest.js';
import { shownInColumn } from '../../../core/reference-form.js';
import { isListColumn } from '../../../core/reference-list.js';
import { rowKey, type Cell, type RowKey } from '../../../core/life-state.js';
import { isSameLife, type LifeName } from '../../../core/life.js';
import type { OriginId } from '../../../core/origin.js';
import { RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import { freeRowids } from '../capture/bag-rowids.js';
import { pinCell } from './component-loader.js';
import type { Statement } from '../connection/driver.js';
import { quoteName } from '../connection/identifiers.js';
import { putLandedShadows } from './landed-shadows.js';
import { cellsOfChange, type MergeScope, type RowMerger } from './merge-rows.js';
import { createRowComparison } from '../capture/row-comparison.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import { fitsAffinity } from '../schema/affinity-fit.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { SyncedTable } from '../schema/synced-table.js';
import { childrenOf, isCalm, isParent, isShownSomewhere } from './table-calm.js';
import { deleteRow, isOneByOne, openFor } from './trigger-guard.js';

/** Rows in one INSERT, and its parameters: SQLite takes no more than 32,766. */
const rowsPerInsert = 32;
const parametersPerInsert = 16_000;

/** New lives of one table, column by column, from a changeset or from a snapshot. */
export interface NewRows {
  readonly columns: readonly string[];
  readonly count: number;
  readonly values: readonly (readonly CellValue[])[];
  /** The row of lives that are not named after it. */
  readonly rows: ReadonlyMap<number, LifeName>;
  readonly cellStamps: ReadonlyMap<number, ReadonlyMap<number, CellStamp>>;
  lifeOf(i: number): LifeName;
  /** The stamp of the row's cells. */
  atOf(i: number): CellStamp;
  /** Set when all lives and cells are of one changeset. */
  readonly bulk: Pick<InsertBlock, 'indexes' | 'times'> | null;
  /** None of the rows can be here already: the table held nothing before. */
  readonly isFirst?: boolean;
}

interface InsertWork {
  readonly scope: MergeScope;
  readonly table: SyncedTable;
  readonly block: NewRows;
  /** In the order of the layout; a column that the block has not is null. */
  readonly values: readonly (readonly SqlValue[] | null)[];
  /** Columns that are written, by position in the layout. */
  readonly written: readonly number[];
  /** Columns of the block that have no place here. */
  readonly unknown: readonly number[];
  /** Raw references: they stay what they are even when such a row comes. */
  readonly pinned: Map<number, number[]>;
  /** Rows that the rules must look at. */
  readonly slow: Set<number>;
  /** The INSERT of so many rows. */
  readonly inserts: Map<number, Statement>;
  /** By row of the block, the rows of the block that reference it. */
  readonly dependents: Map<number, number[]>;
}

/** New lives. In calm weather whole pages of rows are written at once; what clashes goes to the rules row by row. */
export function mergeInserts(
  scope: MergeScope,
  block: InsertBlock,
  options: { merger: RowMerger; by: OriginId },
): void {
  const { merger, by } = options;
  const { stamp } = scope;
  const lifeOf = (i: number): LifeName => ({ stamp, origin: by, index: block.indexes[i] ?? 0 });
  const atOf = (i: number): CellStamp => ({ stamp: block.times[i] ?? stamp, origin: by });
  const table = scope.context.tables.byName(block.table);
  const slow = insertNewRows(scope, table, { ...block, lifeOf, atOf, bulk: block });
  for (const i of slow) {
    const life = lifeOf(i);
    merger.insert(block.table, { life, row: block.rows.get(i) ?? life, cells: cellsOfChange(block, i, by) });
  }
}

/** Writes what clashes with nothing. Returns the positions of the rows that are for the rules. */
export function insertNewRows(scope: MergeScope, table: SyncedTable | null, block: NewRows): Iterable<number> {
  const work = table && isCalm(scope, table) ? workOf(scope, table, block) : null;
  if (!work) return Array.from({ length: block.count }, (_, i) => i);
  insertPages(work);
  // Where rows of the block were to stand was told to those that reference them.
  for (const i of work.slow) scope.rows.forget(work.table, block.rows.get(i) ?? block.lifeOf(i));
  return work.slow;
}

/** Null when the block as a whole is nothing for the fast path. */
function workOf(scope: MergeScope, table: SyncedTable, block: NewRows): InsertWork | null {
  // What was counted is added up by the rules, and lists of references get the numbers of here.
  if (block.columns.some((column) => isAddition(column) || isListColumn(column))) return null;
  const columnAt = new Map(block.columns.map((column, c) => [column, c]));
  const slow = new Set<number>(block.bulk ? block.cellStamps.keys() : []);
  const pinned = new Map<number, number[]>();
  const dependents = new Map<number, number[]>();
  const values: (readonly SqlValue[] | null)[] = [];
  const written: number[] = [];
  for (const [position, column] of table.layout.entries()) {
    const c = columnAt.get(column);
    const cells = c === undefined ? undefined : block.values[c];
    if (!cells) {
      const form = table.form.columns.find((each) => each.name === column);
      if (table.keyPositions.includes(position) || (form?.defaultSql ?? null) !== null) return null;
      values.push(null);
      continue;
    }
    written.push(position);
    values.push(shownValues({ scope, table, block, slow, pinned, dependents }, column, cells));
  }
  const unknown = block.columns.flatMap((column, c) => (table.positionByColumn.has(column) ? [] : [c]));
  const isAwaited = block.rows.size > 0 ? awaitedRows(scope.context, table) : null;
  for (const [i, row] of block.isFirst === true && !isAwaited ? [] : block.rows) {
    if (isAwaited?.(row) === true || scope.set.rows.has(rowKey(table.name, row)) || scope.rows.keyOfRow(table, row))
      slow.add(i);
  }
  const work = { scope, table, block, values, written, unknown, pinned, slow, dependents, inserts: new Map() };
  hideOrphans(work);
  return work;
}

/**
 * Whether rows are here that reference a row and show something else, since it is not here: it is revived now (rule
 * R7.4), or was there before Universal Sync and is adopted after them.
 */
function awaitedRows(context: ReplicaContext, table: SyncedTable): ((row: LifeName) => boolean) | null {
  const awaited = new Set<RowKey>();
  for (const child of childrenOf(context, table)) {
    if (!context.asides.hasExtraCells(child.name)) continue;
    const columns = child.schema.references.flatMap((each) =>
      each.byRow && each.parentTable === table.name ? each.columns : [],
    );
    for (const { cells } of context.asides.allExtraCells(child.name)) {
      for (const column of columns) {
        const value = cells.get(column)?.value;
        if (value instanceof RowReference)
          awaited.add(rowKey(table.name, context.aliases.rowNow(table.name, value.row)));
      }
    }
  }
  return awaited.size === 0 ? null : (row) => awaited.has(rowKey(table.name, context.aliases.rowNow(table.name, row)));
}

type Resolving = Pick<InsertWork, 'scope' | 'table' | 'block' | 'slow' | 'pinned' | 'dependents'>;

/** The values of a column with numbers in the place of the rows that they mean. */
function shownValues(work: Resolving, column: string, cells: readonly CellValue[]): readonly SqlValue[] {
  const { scope, table, block, slow, pinned, dependents } = work;
  const reference = scope.set.planOf(table).referenceByColumn.get(column);
  if (!reference) {
    const affinity = table.affinityByColumn.get(column) ?? 'BLOB';
    for (let i = 0; i < cells.length; i++) if (!fitsAffinity(affinity, cells[i] ?? null)) slow.add(i);
    return cells as readonly SqlValue[];
  }
  const parent = scope.context.tables.byName(reference.parentTable);
  const c = block.columns.indexOf(column);
  const inBlock = parent === table ? rememberBlock(work) : null;
  let [lastRow, lastShown, isLastSlow]: [LifeName | null, SqlValue, boolean] = [null, null, false];
  return cells.map((value, i) => {
    if (!(value instanceof RowReference)) {
      if (value !== null) pinned.set(i, [...(pinned.get(i) ?? []), c]);
      return value;
    }
    const needed = inBlock?.get(rowKey(table.name, value.row));
    if (needed !== undefined) dependents.set(needed, [...(dependents.get(needed) ?? []), i]);
    if (!lastRow || !isSameLife(lastRow, value.row)) {
      lastRow = value.row;
      const number = (parent && scope.rows.keyOfRow(parent, value.row)?.[0]) ?? null;
      lastShown = shownInColumn(reference.affinity, number);
      isLastSlow = number === null || lastShown === null || (parent !== null && isInSet(scope, parent, number));
    }
    if (isLastSlow) slow.add(i);
    return lastShown;
  });
}

/** A parent that is being settled may get another number. */
function isInSet({ context, set }: MergeScope, parent: SyncedTable, number: SqlValue): boolean {
  if (set.isEmpty) return false;
  const shadow = context.shadows.find(parent, [number]);
  return !shadow || set.has(parent.name, shadow.life);
}

/** Rows may reference rows of the same block, before or after them. Gives the rows of the block by name. */
function rememberBlock({ scope, table, block }: Resolving): ReadonlyMap<RowKey, number> {
  const rows = new Map<RowKey, number>();
  const [position] = table.schema.key.map((column) => block.columns.indexOf(column));
  const keys = position === undefined ? undefined : block.values[position];
  for (let i = 0; i < block.count; i++) {
    const key = keys?.[i];
    if (key === undefined || key === null || key instanceof RowReference) continue;
    const row = block.rows.get(i) ?? block.lifeOf(i);
    scope.rows.remember(table, row, [key]);
    rows.set(rowKey(table.name, row), i);
  }
  return rows;
}

/** A row that the rules look at may get another number: rows of the block that reference it wait with it. */
function slowDependents({ slow, dependents }: InsertWork): void {
  if (dependents.size === 0) return;
  for (const i of slow) for (const dependent of dependents.get(i) ?? []) slow.add(dependent);
}

/** What was counted on does not stand where it was to stand: takes back rows that reference it. */
function withdrawDependents(work: InsertWork, accepted: readonly number[]): readonly number[] {
  const { scope, table, block, values, slow, dependents } = work;
  if (dependents.size === 0) return accepted;
  slowDependents(work);
  for (const i of accepted) {
    if (!slow.has(i)) continue;
    const key = table.keyPositions.map((position) => values[position]?.[i] ?? null);
    deleteRow(scope.context, table, key);
  }
  for (const i of slow) scope.rows.forget(table, block.rows.get(i) ?? block.lifeOf(i));
  return accepted.filter((i) => !slow.has(i));
}

/** References by value name whoever has the key; a missing parent is nothing for the fast path. */
function hideOrphans({ scope, table, block, values, slow }: InsertWork): void {
  for (const reference of scope.set.planOf(table).references) {
    if (reference.byRow) continue;
    const positions = reference.schema.columns.map((column) => table.positionByColumn.get(column) ?? -1);
    const known = new Map<SqlValue, boolean>();
    for (let i = 0; i < block.count; i++) {
      const key = positions.map((position) => values[position]?.[i] ?? null);
      if (key.includes(null)) continue;
      const first = key[0] ?? null;
      const isKnown = key.length === 1 ? known.get(first) : undefined;
      const isShown = isKnown ?? isShownSomewhere(scope, reference.schema, key);
      if (key.length === 1) known.set(first, isShown);
      if (!isShown) slow.add(i);
    }
  }
}

function insertPages(work: InsertWork): void {
  const { table, block, slow, scope } = work;
  slowDependents(work);
  const accepted: number[] = [];
  const rowids: SqlValue[] = [];
  let nextRowid = table.isBag ? freeRowids(scope.context, table, block.count) : 0n;
  const fast: number[] = [];
  for (let i = 0; i < block.count; i++) if (!slow.has(i)) fast.push(i);
  const fitting = Math.min(rowsPerInsert, Math.max(1, Math.floor(parametersPerInsert / (work.written.length + 1))));
  const pageSize = isOneByOne(scope.context, table) ? 1 : fitting;
  for (let start = 0; start < fast.length; start += pageSize) {
    const page = fast.slice(start, start + pageSize);
    for (const part of tryInsert(work, page, nextRowid)) {
      for (const i of part.rows) {
        accepted.push(i);
        if (table.isBag) rowids.push(part.firstRowid + BigInt(part.rows.indexOf(i)));
      }
    }
    if (table.isBag) nextRowid += BigInt(page.length);
  }
  const kept = withdrawDependents(work, accepted);
  if (kept.length > 0) writeShadows(work, kept, rowids);
}

interface Inserted {
  readonly rows: readonly number[];
  readonly firstRowid: bigint;
}

/** The whole page, or what of it the table takes row by row. */
function tryInsert(work: InsertWork, page: readonly number[], firstRowid: bigint): Inserted[] {
  try {
    insertRows(work, page, firstRowid);
    return [{ rows: page, firstRowid }];
  } catch (error) {
    if (!(error instanceof ConstraintFailure)) throw error;
    const [only] = page;
    if (page.length === 1 && only !== undefined) {
      work.slow.add(only);
      return [];
    }
    return page.flatMap((i, n) => tryInsert(work, [i], firstRowid + BigInt(n)));
  }
}

function insertRows(work: InsertWork, page: readonly number[], firstRowid: bigint): void {
  const { scope, table, values, written } = work;
  openFor(scope.context, table);
  const params: SqlValue[] = [];
  for (let n = 0; n < page.length; n++) {
    if (table.isBag) params.push(firstRowid + BigInt(n));
    const i = page[n] ?? 0;
    for (const position of written) params.push(values[position]?.[i] ?? null);
  }
  const { changes } = insertOf(work, page.length).run(...params);
  if (changes !== page.length) throw new ConstraintFailure('trigger', 'a trigger of the application left rows out');
}

/** The text of many rows is long: even to find the statement by it would cost. */
function insertOf({ scope, table, written, inserts }: InsertWork, rowCount: number): Statement {
  const known = inserts.get(rowCount);
  if (known) return known;
  const statement = scope.context.connection.cached(insertSql(table, written, rowCount));
  inserts.set(rowCount, statement);
  return statement;
}

function insertSql(table: SyncedTable, written: readonly number[], rowCount: number): string {
  const columns = written.map((position) => quoteName(table.layout[position] ?? ''));
  if (table.isBag) columns.unshift(table.keySql[0] ?? 'rowid');
  const marks = `(${columns.map(() => '?').join(', ')})`;
  const rows = Array.from({ length: rowCount }, () => marks).join(', ');
  return `INSERT OR ABORT INTO ${table.sql} (${columns.join(', ')}) VALUES ${rows}`;
}

function writeShadows(work: InsertWork, accepted: readonly number[], rowids: readonly SqlValue[]): void {
  const { scope, table, block, values } = work;
  const { context } = scope;
  const isWhole = accepted.length === block.count;
  const picked = isWhole ? values : values.map((column) => column && accepted.map((i) => column[i] ?? null));
  const { rows: hashes, columns: columnHashes } = createRowComparison(table).hashColumns(picked, accepted.length);
  const sum = sumOf(hashes);
  const columns = new Uint8Array(columnHashes.buffer);
  const keys = table.isBag ? [rowids] : table.keyPositions.map((position) => picked[position] ?? []);
  putLandedShadows(context, table, { block, accepted, keys, hashes, columns });
  context.tables.addRows(table, { rows: accepted.length, sum });
  if (isParent(context, table)) rememberRows(work, accepted);
  keepExtras(work, accepted);
}

function rememberRows({ scope, table, block, values }: InsertWork, accepted: readonly number[]): void {
  const keys = values[table.keyPositions[0] ?? -1];
  for (const i of accepted) {
    scope.rows.remember(table, block.rows.get(i) ?? block.lifeOf(i), [keys?.[i] ?? null]);
  }
}

function keepExtras({ scope, table, block, unknown, pinned }: InsertWork, accepted: readonly number[]): void {
  if (unknown.length === 0 && pinned.size === 0) return;
  for (const i of accepted) {
    const cells = new Map<string, Cell>();
    const cellAt = (c: number): Cell => ({
      value: block.values[c]?.[i] ?? null,
      at: block.cellStamps.get(i)?.get(c) ?? block.atOf(i),
    });
    for (const c of unknown) if (!isUnwritten(cellAt(c).at)) cells.set(block.columns[c] ?? '', cellAt(c));
    for (const c of pinned.get(i) ?? []) {
      const cell = cellAt(c);
      pinCell(cells, block.columns[c] ?? '', cell, cell.at);
    }
    if (cells.size > 0) scope.context.asides.putExtraCells(table.name, block.lifeOf(i), cells);
  }
}
