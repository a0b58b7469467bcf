/** Step 3 of the view: references, natural keys as shown, unique columns (rules R4.2 to R4.4, R6, R7). */
import { danglingColumn, danglingText } from './dangling-mark.js';
import { clashText } from './key-text.js';
import { counterTotal } from './counter.js';
import type { RowDraft, RowStatus } from './row-draft.js';
import type { Scene } from './scene.js';
import { shownInColumn } from './reference-form.js';
import { rowsOfList, withNumbers } from './reference-list.js';
import { collationsOf, type ListPlan, type ReferencePlan, type TablePlan, type UniquePlan } from './table-plan.js';
import type { TableSchema } from './table-schema.js';
import { RowReference, type SqlValue } from './value.js';

/** How a circle looks from inside: which parents are not to be asked yet, and into whom rows merged so far. */
interface Circle {
  readonly tables: ReadonlySet<string>;
  readonly mergedInto: ReadonlyMap<RowDraft, RowDraft>;
}

const noCircle: Circle = { tables: new Set(), mergedInto: new Map() };

export function settleTable(scene: Scene, table: string, circle: Circle = noCircle): void {
  const plan = scene.planOf(table);
  const rows = scene.rowsOf(table);
  const shownParents = new Map<ReferencePlan, ReadonlySet<string>>();
  for (const row of rows) {
    row.values = new Map();
    for (const [column, { value }] of row.cells) if (!(value instanceof RowReference)) row.values.set(column, value);
    for (const column of plan.counters) {
      const total = counterTotal(row.cells, column);
      if (total !== undefined) row.values.set(column, total);
    }
    for (const reference of plan.references) if (reference.byRow) showParent(scene, reference, row, circle);
    for (const list of plan.lists) showList(scene, list, row, circle);
    row.key = plan.isNumbered ? [row.number] : plan.schema.key.map((column) => row.values.get(column) ?? null);
    const [column] = plan.schema.key;
    if (plan.isNumbered && column !== undefined) row.values.set(column, row.number);
    for (const reference of plan.references)
      if (!reference.byRow && !circle.tables.has(reference.parentTable))
        askForParent(scene, reference, row, shownParents);
    if (row.doubleOf) {
      row.status = 'merging';
      row.behind = row.doubleOf;
    }
  }
  if (!plan.isNumbered && plan.schema.keyKind !== 'bag') youngestPerKey(plan, rows);
  settleUniques(scene, plan, rows);
}

/** Passes repeat because a row that merges inside the circle shows its children another number, which may clash anew. */
const circlePassesMax = 8;

export function settleCircle(scene: Scene, tables: readonly TableSchema[]): void {
  const names = new Set(tables.map((table) => table.name));
  const rows = tables.flatMap((table) => scene.rowsOf(table.name));
  const first = rows.map(({ status, behind }) => ({ status, behind }));
  let mergedInto = new Map<RowDraft, RowDraft>();
  let before = '';
  for (let pass = 0; pass < circlePassesMax; pass++) {
    rows.forEach((row, i) => Object.assign(row, first[i], { clash: null }));
    for (const table of tables) settleTable(scene, table.name, { tables: names, mergedInto });
    mergedInto = new Map(
      rows.flatMap((row) => (row.status === 'merging' && row.behind ? [[row, row.behind] as const] : [])),
    );
    const now = rows.map((row) => `${row.status} ${clashText(row.key) ?? ''} ${row.behind?.rowKey ?? ''}`).join('\n');
    if (now === before) break;
    before = now;
  }
  hideChildren(scene, tables, rows, names);
}

/** Hidden parents take their children with them. Rows only ever become hidden here, so the passes end. */
function hideChildren(
  scene: Scene,
  tables: readonly TableSchema[],
  rows: readonly RowDraft[],
  names: ReadonlySet<string>,
): void {
  const inside = new Map(
    tables.map((table) => [
      table.name,
      scene.planOf(table.name).references.filter((reference) => names.has(reference.parentTable)),
    ]),
  );
  let hasChanged = true;
  while (hasChanged) {
    hasChanged = false;
    const shownParents = new Map<ReferencePlan, ReadonlySet<string>>();
    for (const row of rows) {
      if (row.status !== 'visible') continue;
      for (const reference of inside.get(row.table) ?? []) {
        if (reference.onDelete === 'leave') continue;
        if (reference.byRow) hideBehindParent(row, shownParent(scene, reference, row));
        else askForParent(scene, reference, row, shownParents);
      }
      hasChanged ||= isHidden(row);
    }
  }
}

const isHidden = (row: RowDraft): boolean => row.status !== 'visible';

/** Rule R7. A raw value dangled at capture: it is shown as it is. */
function showParent(scene: Scene, reference: ReferencePlan, row: RowDraft, circle: Circle): void {
  const value = row.cells.get(reference.column)?.value;
  if (!(value instanceof RowReference)) return;
  const parent = scene.parentOf(reference, value);
  if (parent.kind === 'dead') return showDead(scene, reference, row);
  if (parent.kind === 'outside') {
    row.values.set(reference.column, shownInColumn(reference.affinity, parent.key[0] ?? null));
    return;
  }
  const isInside = circle.tables.has(reference.parentTable);
  const shown = isInside ? (circle.mergedInto.get(parent.row) ?? parent.row) : insteadOf(parent.row);
  row.values.set(reference.column, shownInColumn(reference.affinity, numberOf(scene, shown)));
  if (!isInside && reference.onDelete !== 'leave') hideBehindParent(row, shown);
}

/** Numbers of rows that ended, or that meant none when they were written, stay as they are. */
function showList(scene: Scene, { column, format, reference }: ListPlan, row: RowDraft, circle: Circle): void {
  const rows = rowsOfList(row.cells, column);
  if (rows.size === 0) return;
  const shown = withNumbers(format, row.values.get(column) ?? null, (number) => {
    const named = rows.get(number);
    const parent = named && scene.parentOf(reference, new RowReference(named));
    const now =
      parent?.kind === 'outside'
        ? parent.key[0]
        : parent?.kind === 'row'
          ? listedNumber(scene, parent.row, circle)
          : number;
    return typeof now === 'bigint' ? now : number;
  });
  row.values.set(column, shown);
}

const listedNumber = (scene: Scene, parent: RowDraft, circle: Circle): SqlValue =>
  numberOf(scene, circle.tables.has(parent.table) ? (circle.mergedInto.get(parent) ?? parent) : insteadOf(parent));

/** Inside a circle the parent may not be settled yet, but its number is known from the start. */
const numberOf = (scene: Scene, parent: RowDraft): SqlValue =>
  scene.planOf(parent.table).isNumbered ? parent.number : (parent.key[0] ?? null);

function showDead(scene: Scene, reference: ReferencePlan, row: RowDraft): void {
  const isDefault = reference.onDelete === 'set default';
  row.values.set(reference.column, isDefault ? scene.surroundings.defaultOf(row.table, reference.column) : null);
  if (row.isDoomed) row.status = 'cascading';
  else if (reference.onDelete === 'restrict' || reference.onDelete === 'cascade') hide(row, 'awaiting-parent');
  else if (reference.onDelete === 'leave' && reference.isFixed) hide(row, 'awaiting-parent');
}

function shownParent(scene: Scene, reference: ReferencePlan, row: RowDraft): RowDraft | null {
  const value = row.cells.get(reference.column)?.value;
  const parent = value instanceof RowReference ? scene.parentOf(reference, value) : null;
  return parent?.kind === 'row' ? insteadOf(parent.row) : null;
}

/** A row that merges is shown by the row it becomes part of. */
const insteadOf = (row: RowDraft): RowDraft => (row.status === 'merging' && row.behind ? row.behind : row);

function hideBehindParent(row: RowDraft, parent: RowDraft | null): void {
  if (parent && parent.status !== 'visible') hide(row, 'parent-hidden');
}

function hide(row: RowDraft, status: RowStatus): void {
  if (row.status === 'visible') row.status = status;
}

/**
 * References by value name whoever has the key. Nobody can tell a parent that was deleted from one that never was, so
 * the child is never ended for it: it waits, and is shown again when the key is.
 */
function askForParent(
  scene: Scene,
  reference: ReferencePlan,
  row: RowDraft,
  shownParents: Map<ReferencePlan, ReadonlySet<string>>,
): void {
  const { columns, parentColumns } = reference.schema;
  const values = columns.map((column) => row.values.get(column) ?? null);
  const text = clashText(values, collationsOf(scene.planOf(reference.parentTable).schema, parentColumns));
  if (text === null || isMarkedDangling(row, columns, values)) return;
  let shown = shownParents.get(reference);
  if (!shown) shownParents.set(reference, (shown = shownPlaces(scene, reference)));
  if (shown.has(text) || scene.surroundings.isShown(reference.parentTable, parentColumns, values)) return;
  if (reference.onDelete === 'set null' || reference.onDelete === 'set default') {
    const isDefault = reference.onDelete === 'set default';
    for (const column of columns)
      row.values.set(column, isDefault ? scene.surroundings.defaultOf(row.table, column) : null);
  } else hide(row, scene.claimantsOf(reference, row).length > 0 ? 'parent-hidden' : 'awaiting-parent');
}

/** Its application does not enforce the reference: it is shown as it is, by everybody. */
const isMarkedDangling = (row: RowDraft, columns: readonly string[], values: readonly SqlValue[]): boolean =>
  row.cells.get(danglingColumn(columns))?.value === danglingText(values);

function shownPlaces(scene: Scene, reference: ReferencePlan): Set<string> {
  const { parentColumns } = reference.schema;
  const collations = collationsOf(scene.planOf(reference.parentTable).schema, parentColumns);
  const places = new Set<string>();
  for (const parent of scene.rowsOf(reference.parentTable)) {
    if (parent.status !== 'visible') continue;
    const values = parentColumns.map((column) => parent.values.get(column) ?? null);
    const text = clashText(values, collations);
    if (text !== null) places.add(text);
  }
  return places;
}

/** Keys that hold references may meet only when shown: two rows of parents that became one. */
function youngestPerKey(plan: TablePlan, rows: readonly RowDraft[]): void {
  const winners = new Map<string, RowDraft>();
  for (const row of rows) {
    const text = row.status === 'visible' ? clashText(row.key, plan.keyCollations) : null;
    if (text === null) continue;
    const elder = winners.get(text);
    if (elder) {
      elder.status = 'key-loser';
      elder.behind = row;
    }
    winners.set(text, row);
  }
}

/** Elder rows claim their values first; only what stays visible claims. */
function settleUniques(scene: Scene, plan: TablePlan, rows: readonly RowDraft[]): void {
  if (plan.uniques.length === 0) return;
  const claims = plan.uniques.map(() => new Map<string, RowDraft>());
  for (const row of rows) {
    if (row.status !== 'visible') continue;
    const texts = plan.uniques.map((unique) => uniqueText(scene, unique, row));
    const place = texts.findIndex((text, i) => text !== null && claims[i]?.has(text));
    const unique = plan.uniques[place];
    if (unique) {
      row.status = statusOfClash(unique);
      row.behind = claims[place]?.get(texts[place] ?? '') ?? null;
      row.clash = unique.schema.name;
    } else texts.forEach((text, i) => text !== null && claims[i]?.set(text, row));
  }
}

function uniqueText({ surroundings }: Scene, { schema, collations }: UniquePlan, row: RowDraft): string | null {
  const values = schema.isPlain
    ? schema.columns.map((column) => row.values.get(column) ?? null)
    : surroundings.computedUnique(row.table, schema.name, row.values);
  return values && clashText(values, collations);
}

function statusOfClash({ policy, renamed }: UniquePlan): RowStatus {
  if (policy === 'merge') return 'merging';
  return policy === 'rename' && renamed !== null ? 'renaming' : 'held';
}
