import { compareCellStamps, isUnwritten, unwrittenStamp, type CellStamp } from '../../../core/cell-stamp.js';
import { rowKey, type Cell, type LifeState, type RowKey } from '../../../core/life-state.js';
import { isSameLife, type LifeName } from '../../../core/life.js';
import { isSameCellValue } from '../../../core/merge-cells.js';
import type { RowStatus } from '../../../core/row-draft.js';
import { substitutesBefore } from '../../../core/substitute.js';
import { isSameValue, RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import type { RowView, View } from '../../../core/view.js';
import type { AsideLife, AsideReason } from '../stores/aside-store.js';
import { defaultOf } from '../schema/column-defaults.js';
import { noteRefused, pinCell, readShown, referenceAt, type ShownRow } from './component-loader.js';
import { createConflictRecorder } from '../stores/conflict-recorder.js';
import { createRowComparison } from '../capture/row-comparison.js';
import { hashOfAside, refusedNote } from '../stores/recounted-digest.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Scope } from './scope.js';
import { stampAt, type Key } from '../stores/shadow-store.js';
import { createShownRowWriter, type ShownRowWriter } from './shown-row-writer.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import type { SyncedTable } from '../schema/synced-table.js';

export interface WrittenView {
  /** Rows of applications' tables that were written. */
  readonly rows: number;
  /** Rows that the schema refused and that were not refused before. */
  readonly refused: number;
}

/** A row of the view beside what the tables show of it. */
interface Placement {
  readonly table: SyncedTable;
  readonly view: RowView;
  /** The life whose shadow the row has: the one that is shown already, if there is one. */
  readonly main: LifeName;
  readonly shown: ShownRow | null;
  readonly values: ReadonlyMap<string, SqlValue>;
  key: Key;
  failure: string | null;
}

/**
 * Makes the tables show what the view says of the rows in the working set, and keeps what they cannot show aside.
 * Rows go first, then they change places, then they appear; so keys and unique values can be exchanged.
 */
export function writeView(scope: Scope, view: View): WrittenView {
  const { context } = scope;
  const writer = createShownRowWriter(context);
  const placements: Placement[] = [];
  const kept = new Set<RowKey>();
  for (const row of view.rows) {
    const table = context.tables.byName(row.table);
    if (!table) continue;
    const placement = placementOf(scope, table, row);
    if (row.status !== 'visible') {
      hide(scope, placement);
      continue;
    }
    const missing = missingKeyColumn(placement);
    if (missing !== null) {
      for (const life of row.lives)
        putAside(scope, life, { table, why: 'column-unknown', behind: null, key: null, note: missing });
      continue;
    }
    placements.push(placement);
    if (placement.shown) kept.add(rowKey(row.table, placement.main));
  }
  let rows = removeShown(scope, writer, kept);
  rows += moveShown(
    writer,
    placements.filter(({ shown }) => shown !== null),
  );
  for (const placement of placements) {
    if (placement.shown || placement.failure !== null) continue;
    attempt(placement, () => {
      placement.key = writer.insert(placement);
      rows++;
    });
  }
  // All old places first: in a swap one row's old key is the other's new one.
  for (const { table, shown, key } of placements) {
    if (shown && !isSameKey(shown.key, key)) context.shadows.remove(table, shown.key);
  }
  let refused = 0;
  for (const placement of placements) if (!isUntouched(scope, view, placement) && remember(scope, placement)) refused++;
  forgetEnded(scope);
  return { rows, refused };
}

function placementOf({ set }: Scope, table: SyncedTable, view: RowView): Placement {
  const shownLife = view.lives.find((life) => set.shown.has(rowKey(view.table, life)));
  const main = shownLife ?? view.lives[0];
  if (!main) throw new Error('a row of the view has no life');
  const shown = set.shown.get(rowKey(view.table, main)) ?? null;
  const values = new Map<string, SqlValue>();
  for (const column of table.layout) {
    const value = view.values.get(column);
    if (value !== undefined) values.set(column, value);
  }
  return { table, view, main, shown, values, key: shown?.key ?? view.key, failure: null };
}

/** A row of a table that has another key where it was written: nothing says where it would stand here. */
const missingKeyColumn = ({ table, view, shown }: Placement): string | null =>
  table.isBag || shown ? null : (table.schema.key.find((column) => !view.cells.has(column)) ?? null);

/** Takes out of the tables what ended, hides, or became part of another row. */
function removeShown(scope: Scope, writer: ShownRowWriter, kept: ReadonlySet<RowKey>): number {
  const { context, set, rows } = scope;
  let count = 0;
  for (const [life, { table, key, shadow }] of set.shown) {
    if (kept.has(life)) continue;
    writer.remove(table, key);
    context.shadows.remove(table, key);
    context.tables.removeRow(table, shadow.hash);
    context.lives.notMoved(table, shadow.life);
    context.asides.removeExtraCells(table.name, shadow.life);
    rows.forget(table, shadow.row ?? shadow.life);
    count++;
  }
  return count;
}

/** Rows that block each other (a swap) are taken out one by one until the others have their places. */
function moveShown(writer: ShownRowWriter, placements: readonly Placement[]): number {
  let pending = placements.flatMap((placement) => {
    const changes = changesOf(placement);
    return changes.size > 0 ? [{ placement, changes }] : [];
  });
  const count = pending.length;
  const takenOut: { readonly placement: Placement; readonly row: Map<string, SqlValue> }[] = [];
  while (pending.length > 0) {
    const blocked: typeof pending = [];
    for (const move of pending) {
      const { placement, changes } = move;
      try {
        writer.update(placement.table, placement.key, changes);
        placement.key = keyAfter(placement);
      } catch (error) {
        if (!(error instanceof ConstraintFailure)) throw error;
        if (isPlace(error)) blocked.push(move);
        else updateWhatFits(writer, placement, changes);
      }
    }
    const [first] = blocked;
    if (first && blocked.length === pending.length) {
      const { placement, changes } = first;
      takenOut.push({ placement, row: new Map([...writer.takeOut(placement.table, placement.key), ...changes]) });
      blocked.shift();
    }
    pending = blocked;
  }
  for (const { placement, row } of takenOut) {
    attempt(placement, () => {
      placement.key = writer.insert({ table: placement.table, values: row });
    });
  }
  return count;
}

const isPlace = ({ kind }: ConstraintFailure): boolean => kind === 'unique' || kind === 'primary-key';

const keyAfter = ({ table, key, view }: Placement): Key => (table.isBag ? key : view.key);

function changesOf({ table, shown, values }: Placement): Map<string, SqlValue> {
  const changes = new Map<string, SqlValue>();
  for (const [column, value] of values) {
    const position = table.positionByColumn.get(column) ?? -1;
    if (!isSameValue(shown?.values[position] ?? null, value)) changes.set(column, value);
  }
  return changes;
}

/** What the schema refuses of an update stays as it was here; the state keeps it (`remember`). */
function updateWhatFits(writer: ShownRowWriter, placement: Placement, changes: ReadonlyMap<string, SqlValue>): void {
  for (const change of changes) {
    if (!placement.table.isBag && placement.table.schema.key.includes(change[0])) continue;
    attempt(placement, () => writer.update(placement.table, placement.key, new Map([change])));
  }
}

function attempt(placement: Placement, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ConstraintFailure)) throw error;
    placement.failure = error.message;
  }
}

const reasonByStatus: Readonly<Record<Exclude<RowStatus, 'visible'>, AsideReason>> = {
  'key-loser': 'key-loser',
  merging: 'merging',
  renaming: 'renaming',
  held: 'held',
  cascading: 'doomed',
  'awaiting-parent': 'parent-missing',
  'parent-hidden': 'parent-hidden',
};

function hide(scope: Scope, { table, view }: Placement): void {
  if (view.status === 'visible') return;
  const why = reasonByStatus[view.status];
  for (const life of view.lives) {
    if (why === 'key-loser') recordKeyLoser(scope, table, { life, key: view.key });
    putAside(scope, life, { table, why, behind: view.behind, key: table.isBag ? null : view.key, note: view.clash });
  }
}

/** Once, when it steps back: a delete of the row before it ends it too, and nobody would be told of what it held. */
function recordKeyLoser(
  { context, set }: Scope,
  table: SyncedTable,
  { life, key }: { readonly life: LifeName; readonly key: Key },
): void {
  const loaded = set.lives.get(rowKey(table.name, life));
  if (!loaded || loaded.aside?.why === 'key-loser') return;
  const conflicts = createConflictRecorder(context);
  conflicts.hidden({ table: table.name, life, key }, loaded.state.cells);
}

interface Aside {
  readonly table: SyncedTable;
  readonly why: AsideReason;
  readonly behind: LifeName | null;
  readonly key: Key | null;
  readonly note: string | null;
}

function putAside({ context, set }: Scope, life: LifeName, { table, ...aside }: Aside): void {
  const loaded = set.lives.get(rowKey(table.name, life));
  if (!loaded) return;
  const { row, cells } = loaded.state;
  takeFromDigest({ context }, table, loaded.aside);
  const next: AsideLife = { table: table.name, life, row, cells, ...aside };
  if (loaded.aside && isSameAside(loaded.aside, next)) return;
  context.asides.put(next);
}

const isSameAside = (a: AsideLife, b: AsideLife): boolean =>
  a.why === b.why &&
  a.note === b.note &&
  a.cells === b.cells &&
  (a.behind === b.behind || (a.behind !== null && b.behind !== null && isSameLife(a.behind, b.behind))) &&
  a.key?.length === b.key?.length &&
  (a.key ?? []).every((value, i) => isSameValue(value, b.key?.[i] ?? null));

function takeFromDigest({ context }: Pick<Scope, 'context'>, table: SyncedTable, aside: AsideLife | null): void {
  const hash = aside && hashOfAside(aside);
  if (hash !== null) context.tables.removeRow(table, hash);
}

/** A row that was only looked at: it is as it was, with one life and nothing kept beside it. */
function isUntouched(scope: Scope, all: View, placement: Placement): boolean {
  const { view, shown, failure, main } = placement;
  if (!shown || failure !== null || view.lives.length > 1 || changesOf(placement).size > 0) return false;
  const isChanged = scope.set.lives.get(rowKey(view.table, main))?.isChanged ?? true;
  return !isChanged && !namesHidden(scope, all, placement);
}

/** A declared reference goes on showing the number of a row that hides: by that number alone nobody would find it. */
const namesHidden = ({ set }: Scope, all: View, { table, view }: Placement): boolean =>
  set.planOf(table).references.some(({ column, parentTable, onDelete }) => {
    const value = view.cells.get(column)?.value;
    if (onDelete !== 'leave' || !(value instanceof RowReference)) return false;
    const parent = all.find(parentTable, value.row);
    return parent !== undefined && parent.status !== 'visible';
  });

/** Writes shadow and what is kept beside a row that should be visible. True when it is newly refused. */
function remember(scope: Scope, placement: Placement): boolean {
  const { context, set, rows } = scope;
  const { table, view, main, shown, failure } = placement;
  const comparison = createRowComparison(table);
  const merged = comparison.hash(
    table.layout.map((column) => view.values.get(column) ?? missingValue(context, placement, column)),
  );
  if (failure !== null && !isStillThere(scope, placement)) {
    const wasRefused = set.lives.get(rowKey(view.table, main))?.aside?.why === 'refused';
    if (shown) forgetShadow(scope, shown);
    const note = refusedNote(failure, merged);
    for (const life of view.lives) {
      const isMain = isSameLife(life, main);
      putAside(scope, life, { table, why: 'refused', behind: null, key: view.key, note: isMain ? note : failure });
    }
    context.tables.addRow(table, merged);
    return !wasRefused;
  }
  const { at, exceptions } = stampsOf(table, view, shown);
  const now = readShown(context, table, placement.key, {
    life: main,
    row: null,
    at,
    hash: merged,
    columns: new Uint8Array(table.layout.length * 4),
    exceptions,
  });
  comparison.hash(now.values);
  const state = set.lives.get(rowKey(view.table, main))?.state;
  if (!state) return false;
  const row = isSameLife(state.row, main) ? null : state.row;
  context.shadows.put(table, placement.key, { ...now.shadow, row, columns: comparison.bytes() });
  if (shown) context.tables.replaceRow(table, { before: shown.shadow.hash, after: merged });
  else context.tables.addRow(table, merged);
  if (!shown || !isSameKey(shown.key, placement.key)) context.lives.moved(table, main, placement.key);
  rows.remember(table, view.row, placement.key);
  rememberDisplaced(scope, placement);
  keepBeside(scope, placement, state, now);
  return failure !== null;
}

/** No cell came for this column: the row shows its default, so that is what counts in the digest. */
const missingValue = ({ connection }: ReplicaContext, { table, view }: Placement, column: string): SqlValue =>
  view.values.has(column) ? null : defaultOf(connection, table, column);

/** Which numbers the row waits for: whoever frees one of them must look at it again. */
function rememberDisplaced({ context, set }: Scope, { table, view, key }: Placement): void {
  const [at] = key;
  const { isNumbered, isUnsigned, schema } = set.planOf(table);
  if (!isNumbered || typeof at !== 'bigint') return;
  if (!view.isProvisional) return context.displaced.remove(table, at);
  const wanted = view.cells.get(schema.key[0] ?? '')?.value ?? null;
  if (wanted instanceof RowReference) return;
  const numbers = [wanted, ...substitutesBefore(at, view.row, wanted, isUnsigned)];
  context.displaced.put(
    table,
    at,
    numbers.filter((number) => typeof number === 'bigint'),
  );
}

/** An update that did not fit leaves the row where it was; a row that was taken out or never came in is gone. */
const isStillThere = ({ context }: Scope, { table, shown, key }: Placement): boolean =>
  shown !== null &&
  context.connection
    .cached(`SELECT 1 FROM ${table.sql} WHERE ${table.keySql.map((column) => `${column} = ?`).join(' AND ')}`)
    .get(...key) !== undefined;

function forgetShadow({ context, rows }: Scope, { table, key, shadow }: ShownRow): void {
  context.shadows.remove(table, key);
  context.tables.removeRow(table, shadow.hash);
  context.lives.notMoved(table, shadow.life);
  context.asides.removeExtraCells(table.name, shadow.life);
  rows.forget(table, shadow.row ?? shadow.life);
}

/** Cells of the main life that its row does not show, and the row's other lives. */
function keepBeside(scope: Scope, placement: Placement, state: LifeState, now: ShownRow): void {
  const { table, view, main, key, failure } = placement;
  const { context, set } = scope;
  const extras = new Map<string, Cell>();
  for (const [column, cell] of state.cells) {
    const position = table.positionByColumn.get(column);
    const value = position === undefined ? undefined : now.values[position];
    const at = position === undefined ? undefined : stampAt(now.shadow, position);
    const isShown =
      value !== undefined &&
      at !== undefined &&
      compareCellStamps(at, cell.at) === 0 &&
      !isRawReference(scope, table, column, cell.value) &&
      isSameCellValue(shownCell(scope, table, column, value), cell.value);
    if (isShown) continue;
    if (at) pinCell(extras, column, cell, at);
    else extras.set(column, cell);
  }
  for (const [position, column] of table.layout.entries()) {
    const at = stampAt(now.shadow, position);
    if (state.cells.has(column) || isUnwritten(at)) continue;
    // Another life of the row has written the column: when that ends, this one shows the default.
    pinCell(extras, column, { value: defaultOf(context.connection, table, column), at: unwrittenStamp }, at);
  }
  for (const [position, column] of table.layout.entries()) {
    // What was not refused may still be held as something else: 7 is '7' in a TEXT column.
    if (failure === null && !view.values.has(column)) continue;
    const shown = view.values.get(column) ?? null;
    const at = stampAt(now.shadow, position);
    if (!isSameValue(shown, now.values[position] ?? null)) noteRefused(extras, column, shown, at);
  }
  recordJoined(scope, { table, view, main, key });
  const before = set.lives.get(rowKey(table.name, main));
  if (extras.size > 0) context.asides.putExtraCells(table.name, main, extras);
  else context.asides.removeExtraCells(table.name, main);
  if (before?.aside) {
    takeFromDigest(scope, table, before.aside);
    context.asides.remove(table.name, main);
  }
  for (const life of view.lives) {
    if (isSameLife(life, main)) continue;
    putAside(scope, life, { table, why: 'part', behind: view.row, key: table.isBag ? null : key, note: null });
  }
}

/**
 * Rows became one, or a life of such a row was written by somebody who did not know of the others: of each column one
 * value is shown, and the others are told of, once. The next write of an application goes over them all.
 */
function recordJoined(
  { context, set }: Scope,
  { table, view, main, key }: Pick<Placement, 'table' | 'view' | 'main' | 'key'>,
): void {
  const lives = view.lives.flatMap((life) => set.lives.get(rowKey(table.name, life)) ?? []);
  const hasJoined = lives.some(
    ({ state, aside }) =>
      aside?.why !== 'part' &&
      !isSameLife(state.life, main) &&
      lives.some((other) => !isSameLife(other.state.row, state.row)),
  );
  const isWritten = lives.length > 1 && lives.some(({ isChanged }) => isChanged);
  if (!hasJoined && !isWritten) return;
  const conflicts = createConflictRecorder(context);
  for (const { state } of lives) {
    for (const [column, cell] of state.cells) {
      const kept = view.cells.get(column);
      const place = { table: table.name, life: state.life, key, column };
      if (kept && !isUnwritten(cell.at) && !isSameCellValue(kept.value, cell.value)) conflicts.cell(place, cell, kept);
    }
  }
}

/** A number that dangled when it was captured stays a number, even when such a row comes: that must be remembered. */
const isRawReference = ({ set }: Scope, table: SyncedTable, column: string, value: CellValue): boolean =>
  value !== null && !(value instanceof RowReference) && set.planOf(table).referenceByColumn.has(column);

/** What the loader would take the shown value for. */
function shownCell({ context, set, rows }: Scope, table: SyncedTable, column: string, value: SqlValue): CellValue {
  const reference = set.planOf(table).referenceByColumn.get(column);
  return reference ? referenceAt(context, rows, reference, value) : value;
}

function stampsOf(
  table: SyncedTable,
  view: RowView,
  shown: ShownRow | null,
): { readonly at: CellStamp; readonly exceptions: ReadonlyMap<number, CellStamp> | null } {
  const stamps = table.layout.map((column) => view.cells.get(column)?.at ?? unwrittenStamp);
  const plain = stamps.find((stamp) => !isUnwritten(stamp) && stamp.weak === undefined);
  const first = view.lives[0];
  const at = shown?.shadow.at ??
    plain ?? { stamp: first?.stamp ?? view.row.stamp, origin: first?.origin ?? view.row.origin };
  const exceptions = new Map<number, CellStamp>();
  stamps.forEach((stamp, position) => {
    if (compareCellStamps(stamp, at) !== 0) exceptions.set(position, stamp);
  });
  return { at, exceptions: exceptions.size > 0 ? exceptions : null };
}

const isSameKey = (a: Key, b: Key): boolean =>
  a.length === b.length && a.every((value, i) => isSameValue(value, b[i] ?? null));

function forgetEnded({ context, set }: Scope): void {
  for (const [name, loaded] of set.ended) {
    if (set.lives.get(name)) continue;
    const table = context.tables.byName(loaded.state.table);
    if (loaded.aside) {
      if (table) takeFromDigest({ context }, table, loaded.aside);
      context.asides.remove(loaded.state.table, loaded.state.life);
    }
    context.asides.removeExtraCells(loaded.state.table, loaded.state.life);
  }
}
