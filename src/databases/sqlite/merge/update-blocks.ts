import { compareCellStamps, type CellStamp } from '../../../core/cell-stamp.js';
import type { UpdateBlock } from '../../../core/changeset.js';
import { isSameLife, type LifeName } from '../../../core/life.js';
import { compareCells, isSameCellValue } from '../../../core/merge-cells.js';
import { shownInColumn } from '../../../core/reference-form.js';
import { RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import type { Statement } from '../connection/driver.js';
import { quoteName } from '../connection/identifiers.js';
import { cellsOfChange, keyOfChange, type MergeScope, type RowMerger } from './merge-rows.js';
import { createRowComparison, type RowComparison } from '../capture/row-comparison.js';
import { referenceAt } from './component-loader.js';
import {
  exceptionsFor,
  shadowColumnCount,
  shadowColumns,
  stampAt,
  stampsOfWholeWrite,
  type Key,
  type KeyedShadow,
  type Shadow,
} from '../stores/shadow-store.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import { fitsAffinity } from '../schema/affinity-fit.js';
import { joinsTable, shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';
import { isCalm, isShownSomewhere } from './table-calm.js';
import { openFor } from './trigger-guard.js';

interface UpdateWork {
  readonly scope: MergeScope;
  readonly table: SyncedTable;
  readonly block: UpdateBlock;
  /** By column of the block, its place in the layout. */
  readonly positions: readonly number[];
  readonly select: Statement;
  /** The UPDATE of these columns, by their positions. */
  readonly updates: Map<string, Statement>;
  readonly comparison: RowComparison;
  /** Shadows of rows that are written, to be written many at once. */
  readonly waiting: KeyedShadow[];
}

const waitingMax = 20;

/** New cells. Rows that are plainly shown take them at once, column by column; everything else goes to the rules. */
export function mergeUpdates(scope: MergeScope, block: UpdateBlock, merger: RowMerger): void {
  const work = workOf(scope, block);
  for (let i = 0; i < block.count; i++) {
    if (work && updateRow(work, i)) continue;
    if (work) writeShadows(work);
    const key = keyOfChange(block.keys, i);
    const cells = cellsOfChange(block, i, scope.by);
    for (const life of block.lives[i] ?? []) merger.update(block.table, { life, key, cells });
  }
  if (work) writeShadows(work);
}

function writeShadows({ scope, table, waiting }: UpdateWork): void {
  if (waiting.length > 0) scope.context.shadows.putAll(table, waiting);
  waiting.length = 0;
}

/** Null when the block as a whole is nothing for the fast path: its columns decide where a row is or what clashes. */
function workOf(scope: MergeScope, block: UpdateBlock): UpdateWork | null {
  const table = scope.context.tables.byName(block.table);
  if (!table || !isCalm(scope, table)) return null;
  const positions = block.columns.map((column) => table.positionByColumn.get(column) ?? -1);
  if (positions.some((position) => position < 0 || table.keyPositions.includes(position))) return null;
  if (block.columns.some((column) => isSpecial(scope, table, column))) return null;
  const layout = table.layout.map((column) => `r.${quoteName(column)}`).join(', ');
  const keys = shadowKeyColumns(table).map((column) => `s.${column} = ?`);
  const select = `SELECT ${shadowColumns('s')}, ${layout} FROM ${table.shadowSql} s
    CROSS JOIN ${table.sql} r ON ${joinsTable(table, 's', 'r')} WHERE ${keys.join(' AND ')}`;
  return {
    scope,
    table,
    block,
    positions,
    select: scope.context.connection.cached(select),
    updates: new Map(),
    comparison: createRowComparison(table),
    waiting: [],
  };
}

/** Columns with a rule of their own, and those that rows of other tables reference by value. */
function isSpecial({ context }: MergeScope, table: SyncedTable, column: string): boolean {
  if (table.schema.columns.find((each) => each.name === column)?.rule !== 'column') return true;
  return context.tables
    .all()
    .some((child) =>
      child.schema.references.some((each) => each.parentTable === table.name && each.parentColumns.includes(column)),
    );
}

/** True when the row is done. */
function updateRow(work: UpdateWork, i: number): boolean {
  const { scope, table, block } = work;
  const { context, set } = scope;
  const [life, second] = block.lives[i] ?? [];
  if (!life || second || set.has(table.name, life)) return false;
  const key = keyOfShown(work, life, keyOfChange(block.keys, i));
  if (!key) return false;
  if (work.waiting.length >= waitingMax || work.waiting.some((each) => isSameLife(each.shadow.life, life)))
    writeShadows(work);
  const row = work.select.getExact(...key);
  if (!row) return false;
  const shadow = context.shadows.read(row, 0);
  if (!isSameLife(shadow.life, life)) return false;
  if (context.asides.hasExtraCells(table.name) && context.asides.extraCells(table.name, life)) return false;
  const change = changeOf(work, i, { shadow, row });
  return change !== null && writeChange(work, { key, shadow, row, ...change });
}

/** Where the life is plainly shown: at the key of the hint, or where it moved to. Null: ended, hidden, or elsewhere. */
function keyOfShown({ scope, table }: UpdateWork, life: LifeName, hint: Key | null): Key | null {
  const { lives } = scope.context;
  if (!table.isBag && hint && !lives.hasMoved(table)) return hint;
  const found = lives.find(table, life, hint);
  return found?.kind === 'shown' ? found.key : null;
}

interface Change {
  /** New values by position in the layout. */
  readonly values: ReadonlyMap<number, SqlValue>;
  readonly stamps: ReadonlyMap<number, CellStamp>;
}

interface Standing {
  readonly shadow: Shadow;
  readonly row: readonly SqlValue[];
}

/** What of the change wins. Null when a reference is nothing for the fast path. */
function changeOf(work: UpdateWork, i: number, { shadow, row }: Standing): Change | null {
  const { scope, table, block, positions } = work;
  const values = new Map<number, SqlValue>();
  const stamps = new Map<number, CellStamp>();
  const lost: (() => void)[] = [];
  const exceptions = block.cellStamps.get(i);
  const time = block.times[i];
  if (time === undefined) return null;
  for (const [c, position] of positions.entries()) {
    const at: CellStamp = exceptions?.get(c) ?? { stamp: time, origin: scope.by };
    const standingAt = stampAt(shadow, position);
    const cell = block.values[c]?.[i] ?? null;
    const standing = row[shadowColumnCount + position] ?? null;
    const order = compareCellStamps(at, standingAt) || compareTied(work, c, { cell, standing, at });
    if (order === 0) continue;
    // What loses of a whole row is told of as one: for the rules.
    if (table.schema.granularity === 'row' && isLost(work, order, standingAt)) return null;
    const value = shownValue(work, c, cell);
    if (value === undefined) return null;
    lost.push(() => recordLost(work, { i, c, order, at, standingAt, standing, cell }));
    if (order < 0) continue;
    values.set(position, value);
    stamps.set(position, at);
  }
  if (!areParentsShown(scope, table, values, row)) return null;
  for (const record of lost) record();
  return { values, stamps };
}

interface TiedCells {
  readonly cell: CellValue;
  readonly standing: SqlValue;
  readonly at: CellStamp;
}

/** Two branches of a forked origin may have used one stamp for two values: then the greater wins. */
const compareTied = (work: UpdateWork, c: number, { cell, standing, at }: TiedCells): number =>
  compareCells({ value: cell, at }, { value: standingValue(work, c, standing), at });

/** What the row shows, as the cell that it stands for: a reference means a row. */
function standingValue({ scope, table, block }: UpdateWork, c: number, standing: SqlValue): CellValue {
  const reference = scope.set.planOf(table).referenceByColumn.get(block.columns[c] ?? '');
  return reference ? referenceAt(scope.context, scope.rows, reference, standing) : standing;
}

/** Undefined: a reference that has no number here, or a raw one, which must be pinned; a value that has no place as it is. */
function shownValue({ scope, table, block }: UpdateWork, c: number, cell: CellValue): SqlValue | undefined {
  const reference = scope.set.planOf(table).referenceByColumn.get(block.columns[c] ?? '');
  if (!reference) {
    const affinity = table.affinityByColumn.get(block.columns[c] ?? '') ?? 'BLOB';
    return cell instanceof RowReference || !fitsAffinity(affinity, cell) ? undefined : cell;
  }
  if (cell === null) return null;
  if (!(cell instanceof RowReference)) return undefined;
  const parent = scope.context.tables.byName(reference.parentTable);
  const key = parent && scope.rows.keyOfRow(parent, cell.row);
  if (!parent || !key) return undefined;
  const shadow = scope.set.isEmpty ? null : scope.context.shadows.find(parent, key);
  return shadow && scope.set.has(parent.name, shadow.life)
    ? undefined
    : shownInColumn(reference.affinity, key[0] ?? null);
}

function areParentsShown(
  scope: MergeScope,
  table: SyncedTable,
  values: ReadonlyMap<number, SqlValue>,
  row: readonly SqlValue[],
): boolean {
  for (const reference of scope.set.planOf(table).references) {
    if (reference.byRow) continue;
    const positions = reference.schema.columns.map((column) => table.positionByColumn.get(column) ?? -1);
    if (!positions.some((position) => values.has(position))) continue;
    const key = positions.map((position) => values.get(position) ?? row[shadowColumnCount + position] ?? null);
    if (!key.includes(null) && !isShownSomewhere(scope, reference.schema, key)) return false;
  }
  return true;
}

interface LostCell {
  readonly i: number;
  readonly c: number;
  readonly order: number;
  readonly at: CellStamp;
  readonly standingAt: CellStamp;
  readonly standing: SqlValue;
  readonly cell: CellValue;
}

/** A cell that loses on arrival is always a conflict; one that is replaced only if its writer had not seen it. */
function isLost({ scope }: UpdateWork, order: number, standingAt: CellStamp): boolean {
  const writer = standingAt.weak ?? standingAt;
  return order < 0 || !scope.seen.hasSeen(scope.by, writer.origin, writer.stamp);
}

function recordLost(work: UpdateWork, { i, c, order, at, standingAt, standing, cell }: LostCell): void {
  const { scope, table, block } = work;
  if (!isLost(work, order, standingAt)) return;
  const column = block.columns[c] ?? '';
  const before = { value: standingValue(work, c, standing), at: standingAt };
  const incoming = { value: cell, at };
  if (isSameCellValue(before.value, incoming.value)) return;
  const [life] = block.lives[i] ?? [];
  if (!life) return;
  const place = { table: table.name, life, key: keyOfChange(block.keys, i) ?? [], column };
  if (order > 0) scope.conflicts.cell(place, before, incoming);
  else scope.conflicts.cell(place, incoming, before);
}

interface RowChange extends Change, Standing {
  readonly key: Key;
}

/** False when the schema refuses it: then nothing has happened. */
function writeChange(work: UpdateWork, { key, shadow, row, values, stamps }: RowChange): boolean {
  if (values.size === 0) return true;
  const { scope, table, comparison } = work;
  const { context } = scope;
  try {
    openFor(context, table);
    const { changes } = updateOf(work, [...values.keys()]).run(...values.values(), ...key);
    if (changes === 0) return false;
  } catch (error) {
    if (error instanceof ConstraintFailure) return false;
    throw error;
  }
  const after = table.layout.map((_, position) =>
    values.has(position) ? (values.get(position) ?? null) : (row[shadowColumnCount + position] ?? null),
  );
  const hash = comparison.hash(after);
  const changed = { ...shadow, ...stampsAfter(shadow, stamps, table), hash, columns: comparison.bytes() };
  work.waiting.push({ key, shadow: changed });
  context.tables.replaceRow(table, { before: shadow.hash, after: hash });
  return true;
}

function updateOf({ scope, table, updates }: UpdateWork, positions: readonly number[]): Statement {
  const name = positions.join(',');
  const known = updates.get(name);
  if (known) return known;
  const sets = positions.map((position) => `${quoteName(table.layout[position] ?? '')} = ?`).join(', ');
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  const made = scope.context.connection.cached(`UPDATE OR ABORT ${table.sql} SET ${sets} WHERE ${where}`);
  updates.set(name, made);
  return made;
}

function stampsAfter(
  shadow: Shadow,
  stamps: ReadonlyMap<number, CellStamp>,
  table: SyncedTable,
): Pick<Shadow, 'at' | 'exceptions'> {
  const whole = stampsOfWholeWrite(shadow, stamps, table.layout.length);
  if (whole) return whole;
  const exceptions = exceptionsFor(shadow, table.layout.length);
  for (const [position, at] of stamps) {
    if (compareCellStamps(at, shadow.at) === 0) exceptions.delete(position);
    else exceptions.set(position, at);
  }
  return { at: shadow.at, exceptions: exceptions.size > 0 ? exceptions : null };
}
