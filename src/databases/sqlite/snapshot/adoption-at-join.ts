import { isUnwritten, type CellStamp } from '../../../core/cell-stamp.js';
import { lifeText, type LifeName } from '../../../core/life.js';
import type { Cell } from '../../../core/life-state.js';
import { shownInColumn } from '../../../core/reference-form.js';
import { zeroStamp } from '../../../core/stamp.js';
import type { StateBlock } from '../../../core/state-block.js';
import { SyncError } from '../../../core/sync-error.js';
import { RowReference, isSameValue, type SqlValue } from '../../../core/value.js';
import type { AdoptionChoice } from '../../replica.js';
import { quoteName, quoteNames } from '../connection/identifiers.js';
import { pinCell } from '../merge/component-loader.js';
import { defaultOf } from '../schema/column-defaults.js';
import { openFor } from '../merge/trigger-guard.js';
import { memoryOf } from '../merge/merge-changeset.js';
import { createNewcomers, type Newcomers } from '../capture/newcomers.js';
import { addPending, removePending } from '../capture/pending-reconcile.js';
import { noteKind } from '../capture/note-kind.js';
import { conflictId } from '../stores/conflict-store.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { isFresh } from '../stores/is-fresh.js';
import { createRowComparison, type RowComparison } from '../capture/row-comparison.js';
import type { MeasuredAdoption } from './adoption-preview.js';
import { createEarlyNotes, type EarlyNotes } from './early-notes.js';
import { moveAside } from './move-aside.js';
import { rowAt } from './row-at.js';
import { createRowKinship, type RowKinship } from './row-kinship.js';
import { isAbove, noRowsApart, type RowsApart } from '../stores/rows-apart.js';
import { writeNote } from './write-note.js';
import { unwrittenIn } from '../merge/landed-shadows.js';
import type { Key } from '../stores/shadow-store.js';
import { inTransaction, whenFree } from '../stores/store-transaction.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** Rows that were here before this server joined, taken for the group's rows with equal keys (rule R10). */
export interface Adoption {
  readonly context: ReplicaContext;
  readonly comparisons: Map<string, RowComparison>;
  /** Rows here that are other rows than the group's with equal numbers. */
  readonly apart: RowsApart;
  readonly kinship: RowKinship;
  /** Rows that were inserted while this server waited for the group's data: other rows than the group's, whatever their numbers. */
  readonly newcomers: Newcomers;
  /** What was noted of rows before they were adopted. */
  readonly earlyNotes: EarlyNotes;
  /** Per bag, the rowids of rows that are not adopted yet, by the hash of their content. */
  readonly bags: Map<string, Map<number, SqlValue[]>>;
  conflicts: number;
}

/** What is here and was never part of the dataset is adopted; null when nothing is. */
export function createAdoption(context: ReplicaContext, apart: RowsApart): Adoption | null {
  if (!isFresh(context) || !hasRows(context)) return null;
  if (apart.strange.size > 0) nameByLife(context);
  return {
    context,
    comparisons: new Map(),
    apart,
    kinship: createRowKinship(context),
    newcomers: createNewcomers(context.connection),
    earlyNotes: createEarlyNotes(context),
    bags: new Map(),
    conflicts: 0,
  };
}

const hasRows = ({ connection, tables }: ReplicaContext): boolean =>
  tables.all().some((table) => connection.cached(`SELECT 1 FROM ${table.sql} LIMIT 1`).get());

/**
 * Which rows are others, before anything lands. Throws USYNC-1406 when it is unclear whether equal numbers mean equal rows
 * and nobody said so.
 */
export async function rowsApartHere(
  context: ReplicaContext,
  measure: () => Promise<MeasuredAdoption>,
  choice: AdoptionChoice = 'measure',
): Promise<RowsApart> {
  if (choice === 'same-rows' || !isFresh(context)) return noRowsApart;
  if (!(await whenFree(context.system, () => hasRows(context)))) return noRowsApart;
  const { preview, rowsApart } = await measure();
  if (choice === 'measure' && preview.isUnclear) {
    throw new SyncError(
      'USYNC-1406',
      `it is unclear whether the rows of dataset ${context.dataset} here are the group's`,
    );
  }
  return rowsApart(choice);
}

/** Distinct rows must not be named by their keys, which are the same everywhere. Parents are named before children. */
function nameByLife(context: ReplicaContext): void {
  inTransaction(context, () => {
    const memory = memoryOf(context);
    const tables = context.tables.all().toSorted((a, b) => memory.orderOf(a.name) - memory.orderOf(b.name));
    for (const table of tables) removePending(context, table);
    for (const table of tables) addPending(context, table, 'life');
  });
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Gives rows that are here the group's lives. Returns the ranges of the block that have no row here. */
export function adoptBlock(adoption: Adoption, block: StateBlock, { from, to }: Range): [number, number][] {
  const { context, apart, newcomers } = adoption;
  const table = context.tables.byName(block.table);
  if (!table) return [[from, to]];
  const rest: [number, number][] = [];
  if (table.schema.keyKind === 'generated') adoption.newcomers.refresh();
  for (let i = from; i < to; i++) {
    const key = block.keys[i];
    const isAdopted = !key
      ? false
      : table.isBag
        ? adoptBagRow(adoption, { table, block, i })
        : adoptRow(adoption, {
            table,
            block,
            i,
            key,
            isOther: apart.strange.has(table.name) || newcomers.has(table, key),
          });
    if (isAdopted) continue;
    const last = rest.at(-1);
    if (last && last[1] === i) last[1] = i + 1;
    else rest.push([i, i + 1]);
  }
  return rest;
}

interface RowOfBlock {
  readonly table: SyncedTable;
  readonly block: StateBlock;
  readonly i: number;
  readonly key: Key;
  /** Known to be another row than the group's before they are compared. */
  readonly isOther: boolean;
}

function adoptRow(adoption: Adoption, { table, block, i, key, isOther }: RowOfBlock): boolean {
  const { context } = adoption;
  const here = rowAt(context, table, key);
  if (!here || context.shadows.find(table, key)) return false;
  if (isOther) {
    moveAside(context, table, key);
    return false;
  }
  const life = block.lives[i];
  const at = block.stamps[i];
  const theirs = valuesOf(context, table, block, i);
  if (!life || !at || !theirs) return false;
  if (isApart(adoption, table, { key, here, theirs })) {
    moveAside(context, table, key);
    return false;
  }
  const stamps = stampsOf(table, block, i);
  const changes = new Map<string, SqlValue>();
  let hasOwn = false;
  for (const [position, column] of table.layout.entries()) {
    const value = theirs[position] ?? null;
    if (isSameValue(value, here[position] ?? null)) continue;
    // What nobody in the group wrote loses to what was written here.
    if (isUnwritten(stamps.get(position) ?? at)) hasOwn = true;
    else changes.set(column, value);
  }
  if (!write(context, table, key, changes)) return false;
  for (const [column, value] of changes) {
    const own = here[table.positionByColumn.get(column) ?? -1] ?? null;
    recordOwn(adoption, { table, key, column, own, value, life, at });
  }
  const comparison = comparisonOf(adoption, table);
  const hash = comparison.hash(theirs);
  context.shadows.put(table, key, {
    life,
    row: block.rows.get(i) ?? null,
    at,
    hash,
    columns: comparison.bytes(),
    exceptions: stamps.size > 0 ? stamps : null,
  });
  context.tables.addRow(table, hash);
  keepBeside(context, table, block, i);
  if (hasOwn) writeNote(context, table, { kind: noteKind.update, key });
  return true;
}

interface MetRows {
  readonly key: Key;
  readonly here: readonly SqlValue[];
  readonly theirs: readonly SqlValue[];
}

/** Under a number that nobody had when the copies parted, with cells that do not say that the rows are one. */
function isApart({ apart, kinship }: Adoption, table: SyncedTable, { key, here, theirs }: MetRows): boolean {
  if (!isAbove(apart, table, key[0])) return false;
  if (theirs.every((value, position) => isSameValue(value, here[position] ?? null))) return false;
  return kinship.of(table, here, theirs) !== 'same';
}

/** Stamps of single cells. A column that the block has not was written by nobody. */
function stampsOf(table: SyncedTable, block: StateBlock, i: number): Map<number, CellStamp> {
  const stamps = unwrittenIn(table, block.columns);
  for (const [c, stamp] of block.cellStamps.get(i) ?? []) {
    const position = table.positionByColumn.get(block.columns[c] ?? '');
    if (position !== undefined) stamps.set(position, stamp);
  }
  return stamps;
}

/** Rows of bags are the same when their content is. */
function adoptBagRow(adoption: Adoption, { table, block, i }: Pick<RowOfBlock, 'table' | 'block' | 'i'>): boolean {
  const { context } = adoption;
  const life = block.lives[i];
  const at = block.stamps[i];
  const theirs = valuesOf(context, table, block, i);
  if (!life || !at || !theirs || block.cellStamps.has(i)) return false;
  const comparison = comparisonOf(adoption, table);
  const hash = comparison.hash(theirs);
  const rowid = bagOf(adoption, table).get(hash)?.shift();
  if (rowid === undefined) return false;
  comparison.hash(theirs);
  const row = block.rows.get(i) ?? null;
  const stamps = unwrittenIn(table, block.columns);
  context.shadows.put(table, [rowid], {
    life,
    row,
    at,
    hash,
    columns: comparison.bytes(),
    exceptions: stamps.size > 0 ? stamps : null,
  });
  context.tables.addRow(table, hash);
  keepBeside(context, table, block, i);
  return true;
}

/** Cells that the row cannot show: of columns that are not here, and numbers that are no references although they could be. */
function keepBeside(context: ReplicaContext, table: SyncedTable, block: StateBlock, i: number): void {
  const [life, plain] = [block.lives[i], block.stamps[i]];
  if (!life || !plain) return;
  const references = memoryOf(context).set.planOf(table).referenceByColumn;
  const cells = new Map<string, Cell>();
  for (const [c, column] of block.columns.entries()) {
    const cell: Cell = { value: block.values[c]?.[i] ?? null, at: block.cellStamps.get(i)?.get(c) ?? plain };
    if (isUnwritten(cell.at)) continue;
    if (!table.positionByColumn.has(column)) cells.set(column, cell);
    else if (references.has(column) && cell.value !== null && !(cell.value instanceof RowReference))
      pinCell(cells, column, cell, cell.at);
  }
  if (cells.size > 0) context.asides.putExtraCells(table.name, life, cells);
}

function bagOf(adoption: Adoption, table: SyncedTable): Map<number, SqlValue[]> {
  const known = adoption.bags.get(table.name);
  if (known) return known;
  const bag = new Map<number, SqlValue[]>();
  const [rowid] = table.keySql;
  const comparison = comparisonOf(adoption, table);
  const rows = adoption.context.connection
    .cached(
      `SELECT ${quoteNames(table.layout)}, ${rowid} FROM ${table.sql} r
       WHERE NOT EXISTS (SELECT 1 FROM ${table.shadowSql} s WHERE s.k1 = r.${rowid}) ORDER BY ${rowid}`,
    )
    .allExact();
  for (const row of rows) {
    const hash = comparison.hash(row);
    bag.set(hash, [...(bag.get(hash) ?? []), row.at(-1) ?? null]);
  }
  adoption.bags.set(table.name, bag);
  return bag;
}

/** An adopted row takes the group's values; a value that the schema or a unique column refuses goes the slow road. */
function write(context: ReplicaContext, table: SyncedTable, key: Key, changes: ReadonlyMap<string, SqlValue>): boolean {
  if (changes.size === 0) return true;
  const sets = [...changes.keys()].map((column) => `${quoteName(column)} = ?`).join(', ');
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  try {
    openFor(context, table);
    const { changes: count } = context.connection
      .cached(`UPDATE OR ABORT ${table.sql} SET ${sets} WHERE ${where}`)
      .run(...changes.values(), ...key);
    return count > 0;
  } catch (error) {
    if (!(error instanceof ConstraintFailure)) throw error;
    return false;
  }
}

interface OwnValue {
  readonly table: SyncedTable;
  readonly key: Key;
  readonly column: string;
  readonly own: SqlValue;
  readonly value: SqlValue;
  readonly life: LifeName;
  readonly at: CellStamp;
}

function recordOwn(adoption: Adoption, { table, key, column, own, value, life, at }: OwnValue): void {
  const { conflicts, identity, origins, system } = adoption.context;
  const isNew = conflicts.add({
    id: conflictId(`${table.name}/${lifeText(life)}/${column}/adopted by ${identity.server}`),
    table: table.name,
    life,
    key,
    column,
    rule: 'the value of the group stands',
    note: '',
    kept: new Map([[column, { value, at }]]),
    lost: new Map([[column, { value: own, at: { stamp: zeroStamp, origin: origins.own() } }]]),
    rest: new Map(),
    lostOrigin: origins.own(),
    keptOrigin: at.origin,
    atMs: system.nowMs(),
    noticedMs: system.nowMs(),
  });
  if (isNew) adoption.conflicts++;
}

/** The row's values in the order of the layout, the default where the block has none; null when a parent is not here. */
function valuesOf(context: ReplicaContext, table: SyncedTable, block: StateBlock, i: number): SqlValue[] | null {
  const values: SqlValue[] = [];
  const { rows, set } = memoryOf(context);
  for (const column of table.layout) {
    const c = block.columns.indexOf(column);
    const value = c < 0 ? defaultOf(context.connection, table, column) : (block.values[c]?.[i] ?? null);
    if (!(value instanceof RowReference)) {
      values.push(value);
      continue;
    }
    const reference = set.planOf(table).referenceByColumn.get(column);
    const parent = reference ? context.tables.byName(reference.parentTable) : null;
    const number = parent ? rows.keyOfRow(parent, value.row)?.[0] : undefined;
    if (!reference || number === undefined) return null;
    values.push(shownInColumn(reference.affinity, number));
  }
  return values;
}

const comparisonOf = ({ comparisons }: Adoption, table: SyncedTable): RowComparison => {
  let comparison = comparisons.get(table.name);
  if (!comparison) comparisons.set(table.name, (comparison = createRowComparison(table)));
  return comparison;
};
