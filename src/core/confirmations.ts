/**
 * Confirmations (rule R8): where the view shows something provisional, the server that made the affected row, or its
 * heir, makes it permanent by an ordinary, weak changeset. Asked again after each merge and drain until nothing is due.
 */
import { stampAbove, weakStampAbove, type CellStamp } from './cell-stamp.js';
import type { EndReason } from './changeset.js';
import type { LifeName } from './life.js';
import { rowKey, type Cell, type RowKey } from './life-state.js';
import { genesisOrigin, type OriginId } from './origin.js';
import type { Stamp } from './stamp.js';
import { renamedText, substituteNumber } from './substitute.js';
import { listColumn, listedRowsText, numbersIn, rowsOfList } from './reference-list.js';
import { shownInColumn } from './reference-form.js';
import type { ListPlan, ReferencePlan } from './table-plan.js';
import { isSameValue, RowReference, type CellValue, type SqlValue } from './value.js';
import type { RowView, View } from './view.js';

/** One change of a confirming changeset, row by row; the caller groups them into blocks and names the new lives. */
export type Confirmation =
  | {
      readonly kind: 'update';
      readonly table: string;
      readonly row: LifeName;
      readonly lives: readonly LifeName[];
      readonly cells: ReadonlyMap<string, Cell>;
    }
  | {
      readonly kind: 'end';
      readonly table: string;
      readonly row: LifeName;
      readonly lives: readonly LifeName[];
      readonly why: EndReason;
    }
  | {
      readonly kind: 'merge';
      readonly table: string;
      readonly from: LifeName;
      readonly to: LifeName;
      readonly at: CellStamp;
    }
  /** A revival (rule R7.4): a new life of a row that had ended, with its last known cells and their old stamps. */
  | {
      readonly kind: 'insert';
      readonly table: string;
      readonly row: LifeName;
      readonly cells: ReadonlyMap<string, Cell>;
    };

export interface Duties {
  /** Whether this server confirms for an origin: its own, one of its earlier epochs, or one that it is heir to. */
  isDuty(origin: OriginId): boolean;
  /** Of the confirming changeset. */
  readonly stamp: Stamp;
  readonly origin: OriginId;
  /** The last cells of a row whose lives have ended; null when this server no longer knows them. */
  lastKnown(table: string, row: LifeName): ReadonlyMap<string, Cell> | null;
  /** The key at which a row was shown that has just ended; null when this server does not know. */
  lastKey(table: string, row: LifeName): SqlValue;
}

export function confirmations(view: View, duties: Duties): Confirmation[] {
  const changes: Confirmation[] = [];
  const revivals = revivalsOf(view, duties);
  for (const row of view.rows) {
    const isOwn = duties.isDuty(ownerOf(row));
    // What ends in this step needs no numbers.
    const references = isOwn && row.status === 'cascading' ? [] : view.planOf(row.table).references;
    for (const reference of references) {
      const left = leaveNumber(view, duties, row, { reference, revivals });
      if (left) changes.push(left);
    }
    if (isOwn) changes.push(...confirmRow(view, duties, row));
  }
  return [...revivals.values(), ...changes];
}

function revivalsOf(view: View, duties: Duties): ReadonlyMap<RowKey, Revival> {
  const revivals = new Map<RowKey, Revival>();
  for (const row of view.rows)
    for (const reference of view.planOf(row.table).references) {
      const revival = reviveParent(view, duties, row, reference);
      const name = revival && rowKey(revival.table, revival.row);
      if (name && !revivals.has(name)) revivals.set(name, revival);
    }
  return revivals;
}

/** Nobody is the server of adopted rows' names; the one that adopted the row first, of those that still hold it, is. */
const ownerOf = ({ row, lives }: RowView): OriginId =>
  row.origin === genesisOrigin ? (lives[0]?.origin ?? row.origin) : row.origin;

function confirmRow(view: View, duties: Duties, row: RowView): Confirmation[] {
  const { table, lives } = row;
  if (row.status === 'cascading') return [{ kind: 'end', table, row: row.row, lives, why: 'cascade' }];
  if (row.status === 'merging' && row.behind) {
    const current = view.aliases.get(rowKey(table, row.row));
    return [
      {
        kind: 'merge',
        table,
        from: row.row,
        to: row.behind,
        at: stampAbove(duties.stamp, duties.origin, current?.at),
      },
    ];
  }
  const cells = new Map<string, Cell>();
  const confirm = (column: string, value: CellValue): void => {
    const replaced = row.cells.get(column);
    if (replaced) cells.set(column, { value, at: weakStampAbove(replaced.at, duties.stamp, duties.origin) });
  };
  const [keyColumn] = view.planOf(table).schema.key;
  if (row.isProvisional && keyColumn !== undefined) confirm(keyColumn, row.key[0] ?? null);
  if (row.status === 'renaming') {
    const column = view.planOf(table).uniques.find((unique) => unique.schema.name === row.clash)?.renamed;
    const value = column ? renamedValue(row, row.cells.get(column)?.value ?? null) : null;
    if (column && value !== null) confirm(column, value);
  }
  for (const list of view.planOf(table).lists) confirmList(view, duties, row, { list, cells });
  return cells.size > 0 ? [{ kind: 'update', table, row: row.row, lives, cells }] : [];
}

/** A list is written anew when its rows have their numbers for good, so that it is right when one of them ends. */
function confirmList(
  view: View,
  duties: Duties,
  row: RowView,
  { list, cells }: { readonly list: ListPlan; readonly cells: Map<string, Cell> },
): void {
  const { column, format, reference } = list;
  const [replaced, shown] = [row.cells.get(column), row.values.get(column) ?? null];
  if (!replaced || replaced.value instanceof RowReference || isSameValue(replaced.value, shown)) return;
  const meant = rowsOfList(row.cells, column);
  const [before, after] = [numbersIn(format, replaced.value), numbersIn(format, shown)];
  const now = new Map<bigint, LifeName>();
  for (const [i, number] of before.entries()) {
    const named = meant.get(number);
    const parent = named && view.find(reference.parentTable, named);
    if (parent?.isProvisional === true || parent?.status === 'merging') return;
    if (named) now.set(after[i] ?? number, named);
  }
  const at = weakStampAbove(replaced.at, duties.stamp, duties.origin);
  cells.set(column, { value: shown, at }).set(listColumn(column), { value: listedRowsText(now), at });
}

/**
 * Rule R7 for declared references: the writer of the reference saw its parent, so it knows what number stays behind. Not
 * where others bring that parent back: the number may be another row's by now, and the reference goes on meaning its own.
 */
function leaveNumber(
  view: View,
  duties: Duties,
  row: RowView,
  { reference, revivals }: { readonly reference: ReferencePlan; readonly revivals: ReadonlyMap<RowKey, Revival> },
): Confirmation | null {
  const cell = row.cells.get(reference.column);
  if (reference.onDelete !== 'leave' || !(cell?.value instanceof RowReference)) return null;
  if (!view.isDead(reference, cell.value) || !duties.isDuty(cell.at.origin)) return null;
  const chain = view.chainOf(reference.parentTable, cell.value.row);
  if (chain.some((name) => revivals.has(rowKey(reference.parentTable, name)))) return null;
  const numbers = chain.map((name) => duties.lastKey(reference.parentTable, name));
  const number = numbers.findLast((each) => each !== null) ?? null;
  if (number === null) return null;
  const value = shownInColumn(reference.affinity, number);
  const cells = new Map([[reference.column, { value, at: weakStampAbove(cell.at, duties.stamp, duties.origin) }]]);
  return { kind: 'update', table: row.table, row: row.row, lives: row.lives, cells };
}

function renamedValue(row: RowView, value: CellValue): CellValue {
  if (typeof value === 'string') return renamedText(value, row.row);
  if (typeof value === 'bigint' || typeof value === 'number') return substituteNumber(row.row, value, 0);
  return null;
}

/**
 * The writer of a reference had the parent alive, so it holds its values when the end arrives: it revives, and nobody
 * needs to recall who deleted. A child by CASCADE that is needed itself brings its parent back for those who need it.
 */
function reviveParent(view: View, duties: Duties, row: RowView, reference: ReferencePlan): Revival | null {
  const parent = awaitedParent(view, row, reference);
  if (!parent || !writersOf(row, reference).some((origin) => duties.isDuty(origin))) return null;
  let last: Revival | null = null;
  const table = reference.parentTable;
  for (const name of view.chainOf(table, parent.row)) {
    const cells = duties.lastKnown(table, name);
    if (cells) last = { kind: 'insert', table, row: name, cells };
  }
  return last;
}

/** The parent that is dead and must come back for this row. */
export function awaitedParent(view: View, row: RowView, reference: ReferencePlan): RowReference | null {
  if (!reference.byRow || (reference.onDelete !== 'restrict' && reference.onDelete !== 'cascade')) return null;
  const value = row.cells.get(reference.column)?.value;
  if (!(value instanceof RowReference) || row.status === 'cascading' || row.status === 'key-loser') return null;
  return view.isDead(reference, value) && writersOf(row, reference).length > 0 ? value : null;
}

function writersOf(row: RowView, { column, onDelete }: ReferencePlan): readonly OriginId[] {
  const writer = row.cells.get(column)?.at.origin;
  if (onDelete === 'cascade') return [...row.neededBy];
  return writer === undefined ? [] : [writer];
}

type Revival = Extract<Confirmation, { kind: 'insert' }>;
