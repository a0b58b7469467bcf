/** What an undo does to one row: it is deleted, its values go back, additions are taken off, or it comes back. */
import { isUnwritten } from '../../../core/cell-stamp.js';
import { addNumbers, isAddition, isNumber } from '../../../core/counter.js';
import { msOfStamp } from '../../../core/stamp.js';
import type { UndoRequest, UndoStep } from '../../replica.js';
import { quoteName } from '../connection/identifiers.js';
import { memoryOf } from '../merge/merge-changeset.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { stampAt, type Key, type Shadow } from '../stores/shadow-store.js';
import { valueLiteral } from '../stores/value-literal.js';
import { toldColumn } from './told-column.js';
import { additionsToUndo } from './undo-additions.js';
import { isUndone, type UndoneRow } from './undo-rows.js';
import { rowKey, writeRow, shownValues, textOfCell, valuesOf, type Returning } from './undo-values.js';

export interface PlannedStep {
  readonly step: UndoStep;
  readonly write: () => void;
}

const nothing = (): void => {};

/** Steps for one row; none where nothing of the server still stands. Numbers of rows that come back are added to `returning`. */
export function stepsOf(
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
    write: () => writeRow(context, table, { key, sql: `DELETE FROM ${table.sql} WHERE ${where}`, values: key }),
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
      valueLiteral(shown.get(column) ?? null) !== textOfCell(context, table, column, row.before.get(column)),
  );
  const unknown = standing.filter((column) => !row.before.has(column));
  const steps: PlannedStep[] = [];
  if (known.length > 0) {
    const cells = known.map((column) => cellOf(column, textOfCell(context, table, column, row.before.get(column))));
    const { values, missing } = valuesOf(
      context,
      table,
      new Map(known.map((column) => [column, row.before.get(column)])),
    );
    const sets = values.map(([column]) => `${quoteName(column)} = ?`).join(', ');
    const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
    const sql = `UPDATE OR ABORT ${table.sql} SET ${sets} WHERE ${where}`;
    const write = (): void =>
      writeRow(context, table, { key, sql, values: [...values.map(([, value]) => value), ...key] });
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
    const write = (): void => writeRow(context, table, { key, sql, values: [sum, ...key] });
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
    return told
      ? [{ column: told.column, from: '', to: to ?? told.text(textOfCell(context, table, column, cell)) }]
      : [];
  });
  const taken = takenBy(context, row, returning);
  const skipped = isWhole ? (taken ?? missing) : 'the row is older than the journal';
  const number = key?.length === 1 ? key[0] : null;
  if (skipped === null) returning.keys.add(placeOf(row));
  if (skipped === null && typeof number === 'bigint')
    returning.rows.set(rowKey(table.name, row.row ?? row.life), number);
  const names = values.map(([column]) => quoteName(column)).join(', ');
  const sql = `INSERT OR ABORT INTO ${table.sql} (${names}) VALUES (${values.map(() => '?').join(', ')})`;
  const write = (): void => writeRow(context, table, { key: key ?? [], sql, values: values.map(([, value]) => value) });
  return planned(table, key ?? [], { kind: 'insert', cells, skipped, write });
}

const placeOf = ({ table, key }: UndoneRow): string =>
  `${table.name} ${(key ?? []).map((value) => valueLiteral(value)).join(', ')}`;

function takenBy(context: ReplicaContext, row: UndoneRow, returning: Returning): string | null {
  if (row.key === null) return null;
  if (context.shadows.find(row.table, row.key)) return 'another row stands at its key';
  return returning.keys.has(placeOf(row)) ? 'another row that comes back was shown at its key' : null;
}

const planned = (
  table: SyncedTable,
  key: Key,
  { write, ...step }: Pick<UndoStep, 'kind' | 'cells' | 'skipped'> & Pick<PlannedStep, 'write'>,
): PlannedStep => ({
  step: { ...step, table: table.name, key: key.map((value) => valueLiteral(value)).join(', ') },
  write,
});
