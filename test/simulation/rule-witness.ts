/**
 * Columns with a rule of their own, judged by what the applications wrote: a counter shows all that was added to it, `max` and
 * `min` the extreme, `first-write-wins` nothing that was written over a value that stood.
 */
import { replacedBirths, rowsByBirth } from './born-rows.js';
import type { Plan } from './plan.js';
import type { SimulatedColumn, SimulatedRule, SimulatedTable } from './table-design.js';
import type { TableDump } from './table-dump.js';
import type { Witness, WitnessedWrite } from './witness.js';
import type { Failure } from './world.js';

/** One cell, of the row with this birth. */
interface RuledCell {
  readonly rule: SimulatedRule;
  /** What the row was inserted with, and all that was added since. */
  total: number;
  /** The row was put in the place of another one, which may have gone on as this row. */
  isUnclear: boolean;
  readonly written: Set<string>;
  /** Values that were certainly captured, as cell texts; never `null`. */
  readonly counted: Set<string>;
  /** Written over a value that stood. */
  readonly refused: Set<string>;
  /** Per server what it wrote last, while nobody captured it. */
  readonly pending: Map<number, { readonly cell: string; readonly mark: number }>;
}

export function createRuleWitness(plan: Plan): Witness | null {
  const tables = new Map(plan.tables.filter((table) => isJudged(plan, table)).map((table) => [table.name, table]));
  if (tables.size === 0) return null;
  const cells = new Map<string, RuledCell>();
  const removed = new Set(plan.steps.flatMap((step) => (step.kind === 'remove' ? [step.server] : [])));
  return {
    note: (write) => {
      for (const dump of write.after) {
        const table = tables.get(dump.name);
        if (table) noteTable(cells, { write, table, dump, isOwn: removed.has(write.server) });
      }
    },
    noteDrained: (server, mark) => {
      for (const cell of cells.values()) countPending(cell, server, mark);
    },
    judge: (dumps) => {
      for (const cell of cells.values()) for (const server of cell.pending.keys()) countPending(cell, server, Infinity);
      for (const dump of dumps) {
        const table = tables.get(dump.name);
        const failure = table && judgeTable(cells, table, dump);
        if (failure) return failure;
      }
      return null;
    },
  };
}

/**
 * Not judged: rows that may be one of several or come back with what was known of them, since it shows less than was written
 * into all of them; runs that go back in time, where nobody knows which writes were lost with a disk.
 */
function isJudged(plan: Plan, table: SimulatedTable): boolean {
  const goesBack = plan.steps.some(({ kind }) => ['restore', 'power-loss', 'clone', 'join'].includes(kind));
  const isParent = plan.tables.some(({ references }) =>
    references.some(
      ({ parent, onDelete }) => plan.tables[parent] === table && (onDelete === 'RESTRICT' || onDelete === 'NO ACTION'),
    ),
  );
  return !goesBack && !isParent && ruledColumns(table).length > 0 && !hasUniques(table);
}

const hasUniques = ({ columns, uniques = [] }: SimulatedTable): boolean =>
  uniques.length > 0 || columns.some(({ isUnique }) => isUnique);

const ruledColumns = ({ columns }: SimulatedTable): (SimulatedColumn & { readonly rule: SimulatedRule })[] =>
  columns.flatMap((column) => (column.rule ? [{ ...column, rule: column.rule }] : []));

interface WrittenTable {
  readonly write: WitnessedWrite;
  readonly table: SimulatedTable;
  readonly dump: TableDump;
  /** The writer was removed, or will be: it may stay with it. */
  readonly isOwn: boolean;
}

function noteTable(cells: Map<string, RuledCell>, { write, table, dump, isOwn }: WrittenTable): void {
  const before = write.before.find(({ name }) => name === table.name);
  const was = before ? rowsByBirth(before) : new Map<string, readonly string[]>();
  const replaced = replacedBirths(table, { before, after: dump, steps: write.steps });
  for (const [birth, row] of rowsByBirth(dump)) {
    const formers = replaced.get(birth);
    for (const { name, rule } of ruledColumns(table)) {
      const at = dump.columns.indexOf(name);
      const stood = was.get(birth)?.[at];
      const after = row[at] ?? 'null';
      if (stood === after) continue;
      const cell = cellAt(cells, placeOf(table, birth, name), rule);
      noteCell(cell, { before: stood ?? 'null', after, write });
      if (isOwn) cell.isUnclear = true;
      if (!formers) continue;
      cell.isUnclear = true;
      for (const former of formers) cellAt(cells, placeOf(table, former, name), rule).isUnclear = true;
    }
  }
}

function cellAt(cells: Map<string, RuledCell>, place: string, rule: SimulatedRule): RuledCell {
  const cell = cells.get(place) ?? newCell(rule);
  cells.set(place, cell);
  return cell;
}

const placeOf = (table: SimulatedTable, birth: string, column: string): string => `${table.name}\0${birth}\0${column}`;

const newCell = (rule: SimulatedRule): RuledCell => ({
  rule,
  total: 0,
  isUnclear: false,
  written: new Set(),
  counted: new Set(),
  refused: new Set(),
  pending: new Map(),
});

function noteCell(
  cell: RuledCell,
  { before, after, write }: { readonly before: string; readonly after: string; readonly write: WitnessedWrite },
): void {
  const { server, mark } = write;
  cell.total += numberOf(after) - numberOf(before);
  cell.written.add(after);
  const own = cell.pending.get(server);
  if (before !== 'null' && own?.cell !== before) cell.refused.add(after);
  cell.pending.set(server, { cell: after, mark });
}

function countPending(cell: RuledCell, server: number, mark: number): void {
  const own = cell.pending.get(server);
  if (!own || own.mark > mark) return;
  cell.pending.delete(server);
  if (own.cell !== 'null') cell.counted.add(own.cell);
}

/** A cell's number; 0 for NULL. */
const numberOf = (cell: string): number => Number(/^(?:integer|real):(.*)$/.exec(cell)?.[1] ?? 0);

function judgeTable(cells: ReadonlyMap<string, RuledCell>, table: SimulatedTable, dump: TableDump): Failure | null {
  for (const [birth, row] of rowsByBirth(dump))
    for (const { name } of ruledColumns(table)) {
      const cell = cells.get(placeOf(table, birth, name));
      const shown = row[dump.columns.indexOf(name)] ?? 'null';
      const promise = cell && brokenRule(cell, shown);
      if (promise) return { promise: 'RULE', text: `${table.name}.${name} of ${birth} shows ${shown}: ${promise}` };
    }
  return null;
}

function brokenRule(cell: RuledCell, shown: string): string | null {
  const { rule, total, written, counted, refused } = cell;
  if (cell.isUnclear) return null;
  if (rule === 'counter') return numberOf(shown) === total ? null : `${total} was counted`;
  if (counted.size > 0 && shown === 'null') return `${[...counted].join()} was written`;
  if (shown !== 'null' && !written.has(shown)) return 'nobody wrote that';
  if (rule === 'first-write-wins')
    return refused.has(shown) && !counted.has(shown) ? 'it was written over a value that stood' : null;
  const numbers = [...counted].map(numberOf);
  const extreme = rule === 'max' ? Math.max(...numbers) : Math.min(...numbers);
  const isBeyond = rule === 'max' ? numberOf(shown) < extreme : numberOf(shown) > extreme;
  return numbers.length > 0 && isBeyond ? `${extreme} was written` : null;
}
