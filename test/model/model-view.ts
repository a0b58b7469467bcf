/** What is visible in the model (rules R3 to R7): a function of living lives and aliases only. */
import { joinLife, rowNow } from './model-merging.js';
import { originOfName, serverOf } from './model-names.js';
import type { ModelCell, ModelReplica, ModelTable, ModelValue } from './model-state.js';
import { counterTotal, isAddition, ruleOf } from './model-columns.js';

export type Status =
  'visible' | 'key-loser' | 'merging' | 'renaming' | 'held' | 'cascading' | 'awaiting-parent' | 'parent-hidden';

export interface ModelRow {
  readonly row: string;
  readonly table: string;
  readonly lives: string[];
  readonly columns: Record<string, ModelCell>;
  keyFrom: string | null;
  status: Status;
  behind: string | null;
  clash: string | null;
  /** The elder row that was drained from the same notes. */
  doubleOf: string | null;
  isProvisional: boolean;
  key: string | number;
  values: Record<string, string | number | null>;
  readonly neededBy: Set<string>;
}

export interface ModelView {
  /** Elder rows first. */
  readonly rowsByTable: ReadonlyMap<string, readonly ModelRow[]>;
  readonly all: ReadonlyMap<string, ModelRow>;
  /** The living row that a name means; null: it was deleted. */
  resolve(row: string): ModelRow | null;
}

const cached = new WeakMap<ModelReplica, { readonly version: number; readonly view: ModelView }>();

/** Worked out once per state: nothing but the state decides. */
export function viewOfModel(replica: ModelReplica): ModelView {
  const known = cached.get(replica);
  if (known?.version === replica.version) return known.view;
  const view = makeView(replica);
  cached.set(replica, { version: replica.version, view });
  return view;
}

export const rowsIn = (view: ModelView, table: string): readonly ModelRow[] => view.rowsByTable.get(table) ?? [];
export const visibleIn = (view: ModelView, table: string): ModelRow[] =>
  rowsIn(view, table).filter((row) => row.status === 'visible');

/** The plain content of a cell; a dangling number counts as itself, a reference to a row as null. */
export function plain(value: ModelValue | undefined): string | number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object') return value;
  return 'raw' in value ? value.raw : null;
}

export function meantRow(cell: ModelCell | undefined): string | null {
  const value = cell?.value;
  return typeof value === 'object' && value !== null && 'row' in value ? value.row : null;
}

function makeView(replica: ModelReplica): ModelView {
  const all = new Map<string, ModelRow>();
  for (const [id, life] of [...replica.lives].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const row = rowNow(replica.aliases, life.row);
    let entry = all.get(row);
    if (!entry) all.set(row, (entry = emptyRow(row, life.table)));
    entry.lives.push(id);
    joinLife(replica, entry, life);
  }
  const rowsByTable = new Map<string, ModelRow[]>(replica.schema.map((table) => [table.name, []]));
  for (const row of [...all.keys()].toSorted()) {
    const entry = all.get(row);
    if (entry) rowsByTable.get(entry.table)?.push(entry);
  }
  const view: ModelView = { rowsByTable, all, resolve: (row) => all.get(rowNow(replica.aliases, row)) ?? null };
  if (replica.rules.doublesMerge) for (const rows of rowsByTable.values()) markDoubles(rows);
  markNeeded(replica, view);
  for (const table of replica.schema) if (table.key === 'generated') assignNumbers(replica, rowsIn(view, table.name));
  for (const circle of circlesOf(replica.schema)) settleCircle(replica, view, circle);
  return view;
}

/**
 * Tables that reference each other, or one table that nothing leads back to; parents come before children. Inside a circle
 * nobody is a parent first: all numbers are known, so rows are settled without asking whether parents of the circle are
 * shown; then those that are not hide their children, and these theirs.
 */
function circlesOf(schema: readonly ModelTable[]): ModelTable[][] {
  const leadsTo = (from: ModelTable, to: ModelTable): boolean => {
    const reached = new Set([from]);
    for (const table of reached)
      for (const each of schema)
        if (table.references.some((reference) => reference.to === each.name)) reached.add(each);
    return reached.has(to);
  };
  const circles: ModelTable[][] = [];
  for (const table of schema) {
    const circle = circles.find(([first]) => first && leadsTo(first, table) && leadsTo(table, first));
    if (circle) circle.push(table);
    else circles.push([table]);
  }
  const ordered: ModelTable[][] = [];
  while (ordered.length < circles.length) {
    const next = circles.find(
      (circle) =>
        !ordered.includes(circle) &&
        circle.every(({ references }) =>
          references.every(({ to }) => [...ordered, circle].flat().some(({ name }) => name === to)),
        ),
    );
    if (!next) throw new Error('tables without an order');
    ordered.push(next);
  }
  return ordered;
}

function settleCircle(replica: ModelReplica, view: ModelView, circle: readonly ModelTable[]): void {
  const inside = new Set(circle.map(({ name }) => name));
  for (const table of circle) {
    const rows = rowsIn(view, table.name);
    if (table.key === 'natural') for (const row of rows) row.key = wantedKey(row);
    for (const row of rows) showReferences(view, table, row, inside);
    for (const row of rows)
      if (row.doubleOf !== null) {
        row.status = 'merging';
        row.behind = row.doubleOf;
        row.key = view.all.get(row.doubleOf)?.key ?? row.key;
      }
    if (table.key === 'natural') youngestPerKey(rows);
    if (table.key === 'bag' && !replica.rules.bagsCount) mergeEqual(rows);
    settleUniques(replica, table, rows);
    if (table.key !== 'bag') for (const row of rows) row.values['key'] = row.key;
  }
  for (const table of circle) for (const row of rowsIn(view, table.name)) showInside(view, table, row, inside);
  for (let isGrowing = true; isGrowing;) {
    isGrowing = false;
    for (const table of circle)
      for (const row of rowsIn(view, table.name)) {
        if (row.status !== 'visible' || !hasHiddenParent(view, table, row, inside)) continue;
        row.status = 'parent-hidden';
        isGrowing = true;
      }
  }
}

/** The row that a reference shows: a parent that merges shows as the one that it becomes part of. */
function shownParent(view: ModelView, row: ModelRow, column: string): ModelRow | null {
  const id = meantRow(row.columns[column]);
  const parent = id === null ? null : view.resolve(id);
  return parent?.status === 'merging' ? (view.all.get(parent.behind ?? '') ?? null) : parent;
}

function showInside(view: ModelView, table: ModelTable, row: ModelRow, inside: ReadonlySet<string>): void {
  for (const { column, to } of table.references)
    if (inside.has(to) && meantRow(row.columns[column]) !== null)
      row.values[column] = shownParent(view, row, column)?.key ?? null;
}

const hasHiddenParent = (view: ModelView, table: ModelTable, row: ModelRow, inside: ReadonlySet<string>): boolean =>
  table.references.some(({ column, to }) => {
    const parent = inside.has(to) ? shownParent(view, row, column) : null;
    return parent !== null && parent.status !== 'visible';
  });

const emptyRow = (row: string, table: string): ModelRow => ({
  row,
  table,
  lives: [],
  columns: {},
  keyFrom: null,
  status: 'visible',
  behind: null,
  clash: null,
  doubleOf: null,
  isProvisional: false,
  key: 0,
  values: {},
  neededBy: new Set(),
});

/**
 * What was written and not drained when a backup or a clone was taken is drained on both sides. One history never writes
 * a living row twice: two rows of one server with the same key, written at the same time, are of two histories and one.
 */
function markDoubles(rows: readonly ModelRow[]): void {
  const elders = new Map<string, ModelRow[]>();
  for (const row of rows) {
    const key = row.columns['key'];
    if (!key || isWeak(key.at) || serverOf(originOfName(key.at)) !== serverOf(originOfName(row.row))) continue;
    const place = `${row.table} ${wantedKey(row)} ${timeOf(key)} ${serverOf(originOfName(row.row))}`;
    const known = elders.get(place) ?? [];
    elders.set(place, known);
    const elder = known.find((each) => isDouble(row, each));
    if (elder) row.doubleOf = elder.row;
    else known.push(row);
  }
}

const isWeak = (at: string): boolean => at.split('.')[2] !== '00';
const timeOf = (cell: ModelCell): number => Number(cell.at.slice(0, 9));

function isDouble(row: ModelRow, elder: ModelRow): boolean {
  if (originOfName(row.row) === originOfName(elder.row)) return false;
  const written = timeOf(row.columns['key'] ?? { value: null, at: '0' });
  const columns = [...Object.keys(row.columns), ...Object.keys(elder.columns)].filter(
    (name) => !name.startsWith('meant_') && !isAddition(name),
  );
  return columns.every((name) => {
    const [mine, theirs] = [row.columns[name], elder.columns[name]];
    if ((mine && timeOf(mine) > written) || (theirs && timeOf(theirs) > written)) return true;
    if (!mine || !theirs || timeOf(mine) !== timeOf(theirs)) return false;
    const areRows = meantRow(mine) !== null && meantRow(theirs) !== null;
    return areRows || JSON.stringify(mine.value) === JSON.stringify(theirs.value);
  });
}

const wantedKey = (row: ModelRow): string | number => plain(row.columns['key']?.value) ?? 0;

/**
 * R4.1, children first and younger rows first. A row is needed while a row that is not doomed references it by
 * RESTRICT, or a needed row by RESTRICT or CASCADE. A row that lost its natural key needs nothing.
 */
function markNeeded(replica: ModelReplica, view: ModelView): void {
  const count = (): number => [...view.all.values()].reduce((sum, { neededBy }) => sum + neededBy.size, 0);
  // Where tables reference each other the children of a row may come after it. Need only grows, so the passes end.
  for (let before = -1; before < count();) {
    before = count();
    markOnce(replica, view);
  }
}

function markOnce({ schema, rules }: ModelReplica, view: ModelView): void {
  const winners = new Map<string, string>();
  for (const table of schema.toReversed())
    for (const row of rowsIn(view, table.name).toReversed()) {
      row.status = 'visible';
      row.behind = null;
      if (row.doubleOf !== null) continue;
      const parents = table.references.flatMap(({ column, onDelete }) => {
        const cell = row.columns[column];
        const id = meantRow(cell);
        return cell && id !== null ? [{ onDelete, cell, parent: view.resolve(id) }] : [];
      });
      const hasDeadParent = parents.some(({ onDelete, parent }) => !parent && onDelete === 'cascade');
      if (row.neededBy.size === 0 && hasDeadParent) continue; // doomed
      const place = `${table.name} ${wantedKey(row)}`;
      const winner = winners.get(place);
      if (table.key === 'natural' && rules.losersDoNotNeed && winner !== undefined) {
        row.status = 'key-loser';
        row.behind = winner;
        continue;
      }
      winners.set(place, row.row);
      if (!rules.revivalClimbs) continue;
      for (const { onDelete, cell, parent } of parents) {
        if (!parent) continue;
        if (onDelete === 'restrict') parent.neededBy.add(originOfName(cell.at));
        if (onDelete !== 'set null') for (const writer of row.neededBy) parent.neededBy.add(writer);
      }
    }
}

function showReferences(view: ModelView, table: ModelTable, row: ModelRow, inside: ReadonlySet<string>): void {
  row.values = {};
  for (const [name, cell] of Object.entries(row.columns))
    if (name !== 'key' && !isAddition(name) && table.unknown?.includes(name) !== true)
      row.values[name] = plain(cell.value);
  for (const [name, rule] of Object.entries(table.rules ?? {}))
    if (rule === 'counter') row.values[name] = plain(counterTotal(row.columns, name));
  for (const { column, onDelete, to } of table.references) {
    const id = meantRow(row.columns[column]);
    if (id === null) continue;
    const parent = view.resolve(id);
    const shown = shownParent(view, row, column);
    row.values[column] = shown?.key ?? null;
    if (!parent) {
      const isNeeded = row.neededBy.size > 0;
      if (onDelete === 'cascade' && !isNeeded) row.status = 'cascading';
      if ((onDelete === 'restrict' || (onDelete === 'cascade' && isNeeded)) && row.status === 'visible')
        row.status = 'awaiting-parent';
    } else if (!inside.has(to) && shown?.status !== 'visible' && row.status === 'visible') row.status = 'parent-hidden';
  }
}

/** R5: among all living rows, hidden or not, so that hiding a row moves no other row. */
function assignNumbers({ rules }: ModelReplica, rows: readonly ModelRow[]): void {
  const taken = new Map<number, string>();
  for (const row of rows) {
    if (row.doubleOf !== null) continue;
    const wanted = Number(wantedKey(row));
    row.key = wanted;
    if (!taken.has(wanted)) taken.set(wanted, row.row);
  }
  for (const row of rows) {
    if (row.doubleOf !== null) continue;
    const wanted = Number(row.key);
    if (taken.get(wanted) === row.row) continue;
    let attempt = 0;
    while (taken.has(rules.substitute(row.row, wanted, attempt))) attempt++;
    const number = rules.substitute(row.row, wanted, attempt);
    row.key = number;
    row.isProvisional = true;
    taken.set(number, row.row);
  }
}

function youngestPerKey(rows: readonly ModelRow[]): void {
  const winner = new Map<string | number, ModelRow>();
  for (const row of rows) {
    if (row.status === 'visible') winner.set(row.key, row);
  }
  for (const row of rows) {
    const winning = winner.get(row.key);
    if (row.status !== 'visible' || !winning || winning === row) continue;
    row.status = 'key-loser';
    row.behind = winning.row;
  }
}

/** The broken rule: a row of a bag is its values. */
function mergeEqual(rows: readonly ModelRow[]): void {
  const elders = new Map<string, ModelRow>();
  for (const row of rows) {
    const text = JSON.stringify([row.values['a'], row.values['b']]);
    const elder = elders.get(text);
    if (!elder) elders.set(text, row);
    else if (row.status === 'visible') Object.assign(row, { status: 'merging', behind: elder.row });
  }
}

/** R4.4: elder rows claim their values first; only what stays visible claims. */
function settleUniques({ rules }: ModelReplica, table: ModelTable, rows: readonly ModelRow[]): void {
  // A confirmation loses against a number that `max` or `min` prefers.
  const isFree = (column: string): boolean =>
    !rules.ruledAreHeld || ['first', undefined].includes(ruleOf(table, column));
  const claims = new Map<string, string>();
  const place = (row: ModelRow, column: string): string | null => {
    const value = plain(row.columns[column]?.value);
    return value === null ? null : `${column}=${value}`;
  };
  for (const row of rows) {
    if (row.status !== 'visible') continue;
    const clash = table.uniques.find(({ column }) => claims.has(place(row, column) ?? ''));
    if (clash) {
      row.status = statusOfClash(clash, isFree(clash.column));
      row.behind = claims.get(place(row, clash.column) ?? '') ?? null;
      row.clash = clash.column;
      continue;
    }
    for (const { column } of table.uniques) {
      const text = place(row, column);
      if (text !== null) claims.set(text, row.row);
    }
  }
}

function statusOfClash({ policy }: ModelTable['uniques'][number], isFree: boolean): Status {
  if (policy === 'merge') return 'merging';
  return policy === 'rename' && isFree ? 'renaming' : 'held';
}

/** Everything that an application can see, as text. */
export function visibleText(view: ModelView, tables: Iterable<string> = view.rowsByTable.keys()): string {
  const lines: string[] = [];
  for (const table of tables)
    for (const row of visibleIn(view, table))
      lines.push(
        `${table} ${row.key} ${JSON.stringify(Object.entries(row.values).toSorted(([a], [b]) => (a < b ? -1 : 1)))}`,
      );
  return lines.toSorted().join('\n');
}
