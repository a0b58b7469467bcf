import { addNumbers, isAddition, isNumber } from '../../../core/counter.js';
import { isMarkColumn } from '../../../core/mark-column.js';
import { compareCellStamps, isUnwritten } from '../../../core/cell-stamp.js';
import { lifeText, type LifeName } from '../../../core/life.js';
import type { Cell } from '../../../core/life-state.js';
import { genesisOrigin, serverIdOfOrigin, type OriginId } from '../../../core/origin.js';
import { msOfStamp } from '../../../core/stamp.js';
import { SyncError } from '../../../core/sync-error.js';
import { parentsFirst } from '../../../core/table-order.js';
import { RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import type { UndoOutcome, UndoRequest, UndoStep } from '../../replica.js';
import { quoteName } from '../connection/identifiers.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import { memoryOf } from '../merge/merge-changeset.js';
import { cellsOfChange, keyOfChange } from '../merge/merge-rows.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { stampAt, type Key, type Shadow } from '../stores/shadow-store.js';
import { valueLiteral } from '../stores/value-literal.js';
import { cellText, keyOfReference } from './conflict-records.js';
import { journalBlocks, type JournalBlock } from './journal-changes.js';
import { toldColumn } from './told-column.js';
import { additionsToUndo, collectAdditions } from './undo-additions.js';

/** More rows than a person can judge; a narrower time is asked for. */
const rowsMax = 10_000;

/** `write` does what the steps say, all or nothing. Inside a write transaction. */
export interface UndoPlan extends UndoOutcome {
  readonly write: () => void;
}

/**
 * How to take back what one server wrote since a time, where its writes still stand: values go back to what they were
 * before, rows it inserted are deleted unless others have changed them since, rows it deleted come back. What was before
 * is known as far as the journal goes; the rest is told and left alone. Reads the journal twice, and takes no lock.
 * Throws USYNC-1803 when there is more than a person can look through.
 */
export function planUndo(context: ReplicaContext, request: UndoRequest): UndoPlan {
  memoryOf(context).begin();
  const rows = collect(context, request);
  findBefore(context, rows, request);
  const planned = planSteps(context, rows, request);
  return {
    steps: planned.map(({ step }) => step),
    write: () => {
      // Rows that refer to each other go and come in one step. Until the end of the transaction.
      context.connection.exec('PRAGMA defer_foreign_keys = ON');
      for (const { step, write } of planned) if (step.skipped === null) write();
    },
  };
}

/** Numbers of rows that come back with this plan, by table and row: children of theirs come back with them. */
type Returning = Map<string, bigint>;

const rowKey = (table: string, row: LifeName): string => `${table} ${lifeText(row)}`;

/** Parents may be planned after their children, so it is planned again while more of them come back. */
function planSteps(context: ReplicaContext, rows: Rows, request: UndoRequest): PlannedStep[] {
  const returning: Returning = new Map();
  for (;;) {
    const before = returning.size;
    const steps = [...rows.values()].flatMap((row) => stepOf(context, row, { request, returning }));
    if (returning.size === before) return inOrder(context, steps);
  }
}

/** Children go before their parents, and come after them. */
function inOrder({ tables }: ReplicaContext, steps: readonly PlannedStep[]): PlannedStep[] {
  const names = parentsFirst(tables.all().map(({ schema }) => schema)).flatMap((group) => group.tables);
  const places = new Map(names.map(({ name }, place) => [name, place]));
  const rank = ({ step }: PlannedStep): number => {
    const place = places.get(step.table) ?? 0;
    if (step.kind === 'delete') return -1 - place;
    return step.kind === 'update' ? 0 : 1 + place;
  };
  return steps.toSorted((a, b) => rank(a) - rank(b));
}

/** What the server did to one life since the time. */
interface UndoneRow {
  readonly table: SyncedTable;
  readonly life: LifeName;
  /** The row's name, where it is not the life's. */
  row: LifeName | null;
  isInserted: boolean;
  isEnded: boolean;
  /** Columns that it wrote. */
  readonly columns: Set<string>;
  /** What stood before: per column the newest cell of anybody else, or of itself before the time. */
  readonly before: Map<string, Cell>;
  /** What it has added to counters, by the name under which that travels. */
  readonly added: Map<string, Cell>;
  key: Key | null;
  /** The insert was found: with it, every column of the row is known. */
  isWhole: boolean;
}

type Rows = Map<string, UndoneRow>;

const isUndone = ({ server, sinceMs }: UndoRequest, origin: OriginId, atMs: number): boolean =>
  serverIdOfOrigin(origin) === server && atMs >= sinceMs;

function collect(context: ReplicaContext, request: UndoRequest): Rows {
  const rows: Rows = new Map();
  const isOurs = (origin: OriginId, stamp: JournalBlock['entry']['stamp']): boolean =>
    isUndone(request, origin, msOfStamp(stamp));
  for (const { entry, block } of journalBlocks(context, ({ origin, stamp }) => isOurs(origin, stamp))) {
    const table = context.tables.byName(block.table);
    if (!table || block.kind === 'merge') continue;
    if (block.kind === 'update' && block.columns.every(isMarkColumn)) continue;
    for (let i = 0; i < block.count; i++) {
      if (isFound(block, i)) continue;
      const time = block.kind === 'end' ? entry.stamp : (block.times[i] ?? entry.stamp);
      if (!isOurs(entry.origin, time)) continue;
      for (const life of livesOf({ entry, block }, i)) {
        const row = rowIn(rows, table, life);
        if (block.kind === 'end') [row.isEnded, row.key] = [true, plainKey(keyOfChange(block.keys, i))];
        else {
          for (const column of block.columns) row.columns.add(column);
          collectAdditions(row.added, cellsOfChange(block, i, entry.origin));
        }
        if (block.kind === 'insert') row.isInserted = true;
      }
    }
    if (rows.size > rowsMax) {
      throw new SyncError('USYNC-1803', `The server changed more than ${rowsMax} rows since then.`);
    }
  }
  return rows;
}

/** A row that was there before Universal Sync was found by the server, not written. */
const isFound = (block: JournalBlock['block'], i: number): boolean =>
  block.kind === 'insert' && block.rows.get(i)?.origin === genesisOrigin;

function rowIn(rows: Rows, table: SyncedTable, life: LifeName): UndoneRow {
  const name = `${lifeText(life)} ${table.name}`;
  const known = rows.get(name);
  if (known) return known;
  const columns = new Set<string>();
  const made: UndoneRow = {
    ...{ table, life, row: null, columns, isInserted: false, isEnded: false },
    ...{ before: new Map<string, Cell>(), added: new Map<string, Cell>(), key: null, isWhole: false },
  };
  rows.set(name, made);
  return made;
}

const plainKey = (key: readonly CellValue[] | null): Key | null =>
  key && !key.some((value) => value instanceof RowReference) ? (key as Key) : null;

function livesOf({ entry, block }: JournalBlock, i: number): readonly LifeName[] {
  if (block.kind === 'merge') return [];
  if (block.kind !== 'insert') return block.lives[i] ?? [];
  return [{ origin: entry.origin, stamp: entry.stamp, index: block.indexes[i] ?? 0 }];
}

/** The second walk through the journal: what stood in those cells before. */
function findBefore(context: ReplicaContext, rows: Rows, request: UndoRequest): void {
  if (rows.size === 0) return;
  for (const { entry, block } of journalBlocks(context, () => true)) {
    if (block.kind === 'end' || block.kind === 'merge') continue;
    for (let i = 0; i < block.count; i++) {
      for (const life of livesOf({ entry, block }, i)) {
        const row = rows.get(`${lifeText(life)} ${block.table}`);
        if (!row) continue;
        if (block.kind === 'insert') [row.isWhole, row.row] = [true, block.rows.get(i) ?? null];
        const isOld = isFound(block, i);
        for (const [column, cell] of cellsOfChange(block, i, entry.origin)) {
          if (!isOld && isUndone(request, cell.at.weak?.origin ?? cell.at.origin, msOfStamp(cell.at.stamp))) continue;
          const known = row.before.get(column);
          if (!known || compareCellStamps(cell.at, known.at) > 0) row.before.set(column, cell);
        }
      }
    }
  }
}

interface PlannedStep {
  readonly step: UndoStep;
  readonly write: () => void;
}

const nothing = (): void => {};

function stepOf(
  context: ReplicaContext,
  row: UndoneRow,
  { request, returning }: { readonly request: UndoRequest; readonly returning: Returning },
): PlannedStep[] {
  const { table, life } = row;
  const key = memoryOf(context).rows.keyOfLife(table, life);
  if (!key) return row.isEnded && !row.isInserted ? [comeBack(context, row, returning)] : [];
  const shadow = context.shadows.find(table, key);
  if (!shadow) return [];
  return row.isInserted
    ? [takeAway(context, row, { key, shadow, request })]
    : [...goBack(context, row, { key, shadow, request }), ...takeOff(context, row, key)];
}

interface Standing {
  readonly key: Key;
  readonly shadow: Shadow;
  readonly request: UndoRequest;
}

function takeAway(
  context: ReplicaContext,
  { table, before }: UndoneRow,
  { key, shadow, request }: Standing,
): PlannedStep {
  const stamps = [shadow.at, ...(shadow.exceptions?.values() ?? [])];
  const isTouched = stamps.some(
    (at) => !at.weak && !isUnwritten(at) && !isUndone(request, at.origin, msOfStamp(at.stamp)),
  );
  // What others added to its counters stands beside the row.
  const isCounted = [...before.keys()].some(isAddition);
  const skipped = isTouched || isCounted ? 'another server has changed the row since' : null;
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  return planned(table, key, {
    ...{ kind: 'delete', cells: [], skipped },
    write: () => run(context, table, `DELETE FROM ${table.sql} WHERE ${where}`, [...key]),
  });
}

/** The cells of the server that still stand go back; one step for those whose former value is known, one for the rest. */
function goBack(context: ReplicaContext, row: UndoneRow, { key, shadow, request }: Standing): PlannedStep[] {
  const { table } = row;
  const standing = [...row.columns].filter((column) => {
    const position = table.positionByColumn.get(column);
    if (position === undefined) return false;
    const { origin, stamp, weak } = stampAt(shadow, position);
    return isUndone(request, weak?.origin ?? origin, msOfStamp(stamp));
  });
  if (standing.length === 0) return [];
  const shown = shownValues(context, table, key);
  const cellOf = (column: string, to: string): UndoStep['cells'][number] => ({
    column,
    from: valueLiteral(shown.get(column) ?? null),
    to,
  });
  // What shows already what stood before needs no step.
  const known = standing.filter(
    (column) =>
      row.before.has(column) &&
      valueLiteral(shown.get(column) ?? null) !== text(context, table, column, row.before.get(column)),
  );
  const unknown = standing.filter((column) => !row.before.has(column));
  const steps: PlannedStep[] = [];
  if (known.length > 0) {
    const cells = known.map((column) => cellOf(column, text(context, table, column, row.before.get(column))));
    const { values, missing } = valuesOf(
      context,
      table,
      new Map(known.map((column) => [column, row.before.get(column)])),
    );
    const sets = values.map(([column]) => `${quoteName(column)} = ?`).join(', ');
    const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
    const sql = `UPDATE OR ABORT ${table.sql} SET ${sets} WHERE ${where}`;
    const write = (): void => run(context, table, sql, [...values.map(([, value]) => value), ...key]);
    steps.push(planned(table, key, { kind: 'update', cells, skipped: missing, write }));
  }
  if (unknown.length > 0) {
    const skipped = 'what stood before is older than the journal';
    const cells = unknown.map((column) => cellOf(column, '?'));
    steps.push(planned(table, key, { kind: 'update', cells, skipped, write: nothing }));
  }
  return steps;
}

/** What the server added to counters is taken off what they show now. */
function takeOff(context: ReplicaContext, row: UndoneRow, key: Key): PlannedStep[] {
  const { table } = row;
  const sums = additionsToUndo(row);
  if (sums.size === 0) return [];
  const shown = shownValues(context, table, key);
  return [...sums].flatMap(([column, sum]) => {
    const now = shown.get(column) ?? null;
    const from = valueLiteral(now);
    if (sum === null || !isNumber(now)) {
      const skipped = 'what stood before is older than the journal';
      const cells = [{ column, from, to: '?' }];
      return [planned(table, key, { kind: 'update', cells, skipped, write: nothing })];
    }
    if (Number(sum) === 0) return [];
    const name = quoteName(column);
    const where = table.keySql.map((part) => `${part} = ?`).join(' AND ');
    const sql = `UPDATE OR ABORT ${table.sql} SET ${name} = ${name} - ? WHERE ${where}`;
    const cells = [{ column, from, to: valueLiteral(addNumbers(now, isNumber(sum) ? -sum : 0n)) }];
    const write = (): void => run(context, table, sql, [sum, ...key]);
    return [planned(table, key, { kind: 'update', cells, skipped: null, write })];
  });
}

function comeBack(context: ReplicaContext, row: UndoneRow, returning: Returning): PlannedStep {
  const { table, before, key, isWhole } = row;
  const { values, missing } = valuesOf(context, table, before, returning);
  const shown = new Map(values.map(([column, value]) => [column, valueLiteral(value)]));
  const cells = [...before].flatMap(([column, cell]) => {
    const told = toldColumn(column);
    const to = cell.value === null || shown.get(column) === 'NULL' ? null : shown.get(column);
    return told ? [{ column: told.column, from: '', to: to ?? told.text(text(context, table, column, cell)) }] : [];
  });
  const taken = key && context.shadows.find(table, key) ? 'another row stands at its key' : null;
  const skipped = isWhole ? (taken ?? missing) : 'the row is older than the journal';
  const number = key?.length === 1 ? key[0] : null;
  if (skipped === null && typeof number === 'bigint') returning.set(rowKey(table.name, row.row ?? row.life), number);
  const names = values.map(([column]) => quoteName(column)).join(', ');
  const sql = `INSERT OR ABORT INTO ${table.sql} (${names}) VALUES (${values.map(() => '?').join(', ')})`;
  const write = (): void =>
    run(
      context,
      table,
      sql,
      values.map(([, value]) => value),
    );
  return planned(table, key ?? [], { kind: 'insert', cells, skipped, write });
}

const planned = (
  table: SyncedTable,
  key: Key,
  { write, ...step }: Pick<UndoStep, 'kind' | 'cells' | 'skipped'> & Pick<PlannedStep, 'write'>,
): PlannedStep => ({
  step: { ...step, table: table.name, key: key.map((value) => valueLiteral(value)).join(', ') },
  write,
});

const text = (context: ReplicaContext, table: SyncedTable, column: string, cell: Cell | undefined): string =>
  cellText(context, { table: table.name, column }, cell?.value ?? null);

/** The values to write, references as the numbers of today; `missing` says which referenced row is not here. */
function valuesOf(
  context: ReplicaContext,
  table: SyncedTable,
  cells: ReadonlyMap<string, Cell | undefined>,
  returning: Returning = new Map(),
): { readonly values: [string, SqlValue][]; readonly missing: string | null } {
  const values: [string, SqlValue][] = [];
  const numberOf: typeof keyOfReference = (of, place, reference) => {
    const parent = table.schema.references.find(({ columns }) => columns[0] === place.column)?.parentTable ?? '';
    return keyOfReference(of, place, reference) ?? returning.get(rowKey(parent, reference.row)) ?? null;
  };
  let missing: string | null = null;
  for (const [column, cell] of cells) {
    if (!table.positionByColumn.has(column)) continue;
    const value = cell?.value ?? null;
    const plain = value instanceof RowReference ? numberOf(context, { table: table.name, column }, value) : value;
    if (plain === null && value !== null) missing = `the row that ${column} refers to is not here`;
    values.push([column, plain]);
  }
  return { values, missing };
}

function shownValues({ connection }: ReplicaContext, table: SyncedTable, key: Key): Map<string, SqlValue> {
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  const columns = table.layout.map(quoteName).join(', ');
  const row = connection.cached(`SELECT ${columns} FROM ${table.sql} WHERE ${where}`).getExact(...key) ?? [];
  return new Map(table.layout.map((column, position) => [column, row[position] ?? null]));
}

function run({ connection }: ReplicaContext, table: SyncedTable, sql: string, values: readonly SqlValue[]): void {
  try {
    connection.cached(sql).run(...values);
  } catch (error) {
    if (!(error instanceof ConstraintFailure)) throw error;
    throw new SyncError('USYNC-1801', `Nothing was taken back: table ${table.name} refuses a row: ${error.message}.`);
  }
}
