/**
 * Rows that were deleted together with a parent which comes back, since a RESTRICT reference needs it (rule R7.4). They stay
 * deleted, and nothing would tell of it: so whoever sees both writes them into the conflict log (decision 23).
 */
import { awaitedParent } from '../../../core/confirmations.js';
import { rowKey, type Cell, type RowKey } from '../../../core/life-state.js';
import type { LifeName } from '../../../core/life.js';
import { numberInColumn } from '../../../core/reference-form.js';
import type { ReferencePlan } from '../../../core/table-plan.js';
import { RowReference } from '../../../core/value.js';
import type { View } from '../../../core/view.js';
import { quoteName, valueAs } from '../connection/identifiers.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { Key } from '../stores/shadow-store.js';
import type { ShownEnd } from './end-blocks.js';
import type { MergeScope } from './merge-rows.js';
import { childrenOf } from './table-calm.js';

/** A row that the changeset in hand has ended, as it was. */
export interface EndedRow {
  readonly table: string;
  readonly life: LifeName;
  readonly row: LifeName;
  readonly key: Key;
  readonly cells: ReadonlyMap<string, Cell>;
}

/** Generations between a row and the one that is needed; what is further below is not told of. */
const generationsMax = 8;

/**
 * Of rows that are to end those that CASCADE references tie to a row which a RESTRICT reference of this server names: their
 * values must be known when that row comes back.
 */
export function tiedToNeeded(scope: MergeScope, table: SyncedTable, ends: readonly ShownEnd[]): ReadonlySet<ShownEnd> {
  const tied = new Set<ShownEnd>();
  if (ends.length === 0) return tied;
  for (const { parent, column, affinity } of cascadesOf(scope, table)) {
    if (!isBelowNeed(scope, parent, generationsMax)) continue;
    const where = table.keySql.map((key) => `${key} = ?`).join(' AND ');
    const select = scope.context.connection.cached(`SELECT ${quoteName(column)} FROM ${table.sql} WHERE ${where}`);
    const numbers = new Map<ShownEnd, bigint>();
    for (const end of ends) {
      const number = numberInColumn(affinity, select.getExact(...end.key)?.[0] ?? null);
      if (number !== null) numbers.set(end, number);
    }
    const needed = neededAmong(scope, parent, new Set(numbers.values()), generationsMax);
    for (const [end, number] of numbers) if (needed.has(number)) tied.add(end);
  }
  return tied;
}

interface Cascade {
  readonly parent: SyncedTable;
  readonly column: string;
  readonly affinity: ReferencePlan['affinity'];
}

function cascadesOf({ context, set }: MergeScope, table: SyncedTable): Cascade[] {
  if (!table.schema.references.some(({ onDelete }) => onDelete === 'cascade')) return [];
  return set.planOf(table).references.flatMap((reference) => {
    const parent = isCascade(reference) ? context.tables.byName(reference.parentTable) : null;
    return parent?.isRowidKey === true ? [{ parent, column: reference.column, affinity: reference.affinity }] : [];
  });
}

const isCascade = ({ byRow, onDelete }: ReferencePlan): boolean => byRow && onDelete === 'cascade';

interface Restriction {
  readonly child: SyncedTable;
  readonly column: string;
  readonly affinity: ReferencePlan['affinity'];
}

const restrictionsOn = ({ context, set }: MergeScope, table: SyncedTable): Restriction[] =>
  childrenOf(context, table).flatMap((child) =>
    set
      .planOf(child)
      .references.filter(
        ({ byRow, onDelete, parentTable }) => byRow && onDelete === 'restrict' && parentTable === table.name,
      )
      .map(({ column, affinity }) => ({ child, column, affinity })),
  );

/** Whether rows of the table, or of those that it cascades from, can be needed at all. */
const isBelowNeed = (scope: MergeScope, table: SyncedTable, generations: number): boolean =>
  generations > 0 &&
  (restrictionsOn(scope, table).length > 0 ||
    cascadesOf(scope, table).some(({ parent }) => isBelowNeed(scope, parent, generations - 1)));

/** Of these rows those that a RESTRICT reference names here, themselves or further up. */
function neededAmong(
  scope: MergeScope,
  table: SyncedTable,
  numbers: ReadonlySet<bigint>,
  generations: number,
): ReadonlySet<bigint> {
  const needed = new Set<bigint>();
  if (numbers.size === 0 || generations === 0) return needed;
  const { connection, asides } = scope.context;
  const list = `[${[...numbers].join(',')}]`;
  for (const { child, column, affinity } of restrictionsOn(scope, table)) {
    // A hidden row needs its parent too.
    if (!asides.isEmpty(child.name)) return numbers;
    const name = quoteName(column);
    const sql = `SELECT DISTINCT ${name} FROM ${child.sql} WHERE ${name} IN (SELECT ${valueAs(affinity, 'value')} FROM json_each(?))`;
    for (const [value = null] of connection.cached(sql).allExact(list)) {
      const number = numberInColumn(affinity, value);
      if (number !== null) needed.add(number);
    }
  }
  for (const { parent, column, affinity } of cascadesOf(scope, table)) {
    const key = table.keySql[0] ?? '';
    const sql = `SELECT ${key}, ${quoteName(column)} FROM ${table.sql} WHERE ${key} IN (SELECT value FROM json_each(?))`;
    const parents = new Map<bigint, bigint>();
    for (const [number, value = null] of connection.cached(sql).allExact(list)) {
      const above = numberInColumn(affinity, value);
      if (typeof number === 'bigint' && above !== null) parents.set(number, above);
    }
    const above = neededAmong(scope, parent, new Set(parents.values()), generations - 1);
    for (const [number, its] of parents) if (above.has(its)) needed.add(number);
  }
  return needed;
}

const noCells: ReadonlyMap<string, Cell> = new Map();

/** Writes down which rows went with those that the view says must come back. */
export function tellOfLostChildren({ context, set, conflicts, ended, by }: MergeScope, view: View): void {
  if (ended.length === 0) return;
  const back = rowsThatComeBack(view);
  let left: readonly EndedRow[] = ended;
  for (let before = Infinity; back.size > 0 && left.length < before;) {
    before = left.length;
    left = left.filter((each) => {
      const table = context.tables.byName(each.table);
      const isTied =
        table && set.planOf(table).references.some((reference) => isCascade(reference) && isTo(reference, each));
      if (isTied !== true) return true;
      back.add(nameOf(each.table, each.row));
      conflicts.deleted(each, { lost: each.cells, rest: noCells }, { why: 'with-parent', by });
      return false;
    });
  }

  function nameOf(table: string, row: LifeName): RowKey {
    return rowKey(table, context.aliases.rowNow(table, row));
  }
  function isTo({ column, parentTable }: ReferencePlan, { cells }: EndedRow): boolean {
    const value = cells.get(column)?.value;
    return value instanceof RowReference && back.has(nameOf(parentTable, value.row));
  }
}

function rowsThatComeBack(view: View): Set<RowKey> {
  const back = new Set<RowKey>();
  for (const row of view.rows)
    for (const reference of view.planOf(row.table).references) {
      const parent = awaitedParent(view, row, reference);
      const last = parent && view.chainOf(reference.parentTable, parent.row).at(-1);
      if (last) back.add(rowKey(reference.parentTable, last));
    }
  return back;
}
