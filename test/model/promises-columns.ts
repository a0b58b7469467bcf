/**
 * What must hold of single cells at the end: every column shows what its rule makes of all that was written into the lives of
 * the row, a counter every addition once, and a row that merges as a whole is one write.
 */
import { isWrittenTogether } from './application-columns.js';
import { check } from './check-failure.js';
import { classOf, type Facts } from './facts.js';
import type { Change, Columns, ModelCell, ModelChangeset, ModelTable } from './model-state.js';
import { compareByRule, isAddition, ruleOf } from './model-columns.js';
import { plain, type ModelRow, type ModelView } from './model-view.js';

type Write = Extract<Change, { kind: 'insert' | 'update' }>;

interface Outcome {
  readonly view: ModelView;
  readonly facts: Facts;
  readonly arrived: readonly ModelChangeset[];
  /** Servers lacked columns. */
  readonly isSkewed: boolean;
}

export function checkColumns(schema: readonly ModelTable[], { view, facts, arrived, isSkewed }: Outcome): void {
  const writesByLife = new Map<string, Write[]>();
  for (const { changes } of arrived)
    for (const change of changes) {
      if (change.kind === 'end' || change.kind === 'merge') continue;
      for (const life of change.kind === 'insert' ? [change.life] : change.lives)
        writesByLife.set(life, [...(writesByLife.get(life) ?? []), change]);
    }
  for (const table of schema)
    for (const row of view.rowsByTable.get(table.name) ?? []) {
      const writes = [...new Set(row.lives.flatMap((life) => writesByLife.get(life) ?? []))];
      for (const [column, cell] of Object.entries(row.columns))
        if (column !== 'key') checkCell(table, row, { column, cell, writes });
      for (const [column, rule] of Object.entries(table.rules ?? {}))
        if (rule === 'counter') checkCounter(facts, row, { column, writes, all: writesByLife });
      // Who lacks a column does not write it.
      if (table.isByRow === true && !isSkewed) checkWhole(table, row, writes);
    }
}

interface Written {
  readonly column: string;
  readonly cell: ModelCell;
  readonly writes: readonly Write[];
}

/** Brute force: of all cells that were written, none is above the one that stands. */
function checkCell(table: ModelTable, row: ModelRow, { column, cell, writes }: Written): void {
  const rule = ruleOf(table, column);
  for (const { columns } of writes) {
    const other = columns[column];
    if (!other || other.at === cell.at) continue;
    const byRule = rule === undefined || rule === 'counter' ? 0 : compareByRule(rule, cell.value, other.value);
    check(byRule >= 0, 'RULE: another value should stand', () => `${row.row} ${column} ${rule}`);
    if (byRule > 0) continue;
    const isOfDuty = rule === 'first' && baseOf(cell.at) === baseOf(other.at);
    check(
      rule === 'first' && !isOfDuty ? cell.at < other.at : cell.at > other.at,
      'LATEST: another write should stand',
      () => `${row.row} ${column} ${cell.at} ${other.at}`,
    );
  }
}

/**
 * Additions are powers of two. A plain row shows each exactly once. Where lives were revived, what had not been seen by then
 * ended with the old one; where rows became one, each run of a server counts once: none is counted twice.
 */
function checkCounter(
  facts: Facts,
  row: ModelRow,
  {
    column,
    writes,
    all,
  }: { readonly column: string; readonly writes: readonly Write[]; readonly all: ReadonlyMap<string, Write[]> },
): void {
  const base = row.columns[column]?.value ?? null;
  const total = Number(plain(row.values[column])) - (typeof base === 'number' ? base : 0);
  const own = classOf(facts, row.row);
  const ofClass = [...all].flatMap(([life, list]) =>
    classOf(facts, facts.rowOfLife.get(life) ?? '') === own ? list : [],
  );
  const [must, may] = [addedIn(writes, column), addedIn(ofClass, column)];
  const isPlain =
    !facts.revived.has(row.row) &&
    [...all.keys()].filter((life) => classOf(facts, facts.rowOfLife.get(life) ?? '') === own).length === 1;
  if (isPlain)
    check(
      total === sumOf(must),
      'COUNTER: an addition is missing or counted twice',
      () => `${row.row} ${total} ${sumOf(must)}`,
    );
  let rest = total;
  for (const each of [...may].toSorted((a, b) => b - a)) if (rest >= each) rest -= each;
  check(rest === 0, 'COUNTER: it shows what nobody added', () => `${row.row} ${total}`);
}

const addedIn = (writes: readonly Write[], column: string): Set<number> =>
  new Set(writes.flatMap((write) => (write.kind === 'update' ? (write.added?.[column] ?? []) : [])));
const sumOf = (numbers: ReadonlySet<number>): number => [...numbers].reduce((sum, each) => sum + each, 0);

/** One write made all that is written together, but for what confirmations laid on top. */
function checkWhole(table: ModelTable, row: ModelRow, writes: readonly Write[]): void {
  const together = Object.entries(row.columns).filter(
    ([column]) => isWrittenTogether(table, column) && !isAddition(column),
  );
  const isFrom = (columns: Columns): boolean =>
    together.every(([column, { value, at }]) => {
      const written = columns[column];
      if (!written || baseOf(written.at) !== baseOf(at)) return false;
      return written.at !== at || JSON.stringify(written.value) === JSON.stringify(value);
    });
  check(
    writes.some(({ columns }) => isFrom(columns)),
    'MIXED: a row of several writes',
    () => `${row.row} ${together.map(([column, { at }]) => `${column} ${at}`).join()}`,
  );
}

const baseOf = (at: string): string => at.split('.').slice(0, 2).join('.');
