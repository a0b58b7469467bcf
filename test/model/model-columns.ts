/**
 * Columns with a rule of their own (decision 0009) in the model: which of two cells stands, and what a counter shows. An
 * addition is a cell beside the counter's own. It is named by the run of a server that made it, as a life is by its insert: a
 * run ends where a replica is opened anew, so two copies of one history never add to one cell.
 */
import type { Rules } from './model-rules.js';
import type { Columns, ModelCell, ModelColumnRule, ModelTable, ModelValue } from './model-state.js';

export const ruleOf = (table: ModelTable | undefined, column: string): ModelColumnRule | undefined =>
  table?.rules?.[column];

/** Whether `cell` takes the place of `current`. */
export function outranks(
  rules: Rules,
  rule: ModelColumnRule | undefined,
  [cell, current]: readonly [ModelCell, ModelCell],
): boolean {
  if (!rule || rule === 'counter' || !rules.columnRulesHold) return isLater(rules, cell, current);
  const byValue = compareByRule(rule, cell.value, current.value);
  if (byValue !== 0) return byValue > 0;
  if (rule !== 'first') return isLater(rules, cell, current);
  const [written, before] = [writtenAt(cell), writtenAt(current)];
  if (written !== before) return written < before;
  // A confirmation takes the place of the very value that it was made for.
  return rules.firstYieldsToDuty ? isLater(rules, cell, current) : !isLater(rules, cell, current);
}

/** Two branches of one origin may have used one stamp for two values. */
function isLater(rules: Rules, cell: ModelCell, current: ModelCell): boolean {
  if (cell.at !== current.at || !rules.tiesByValue) return cell.at >= current.at;
  return JSON.stringify(cell.value) >= JSON.stringify(current.value);
}

const writtenAt = ({ at }: ModelCell): string => at.split('.').slice(0, 2).join('.');

/** By value alone; 0: the stamps decide. Whatever is no number stays below numbers, and NULL below a first value. */
export function compareByRule(rule: ModelColumnRule, a: ModelValue, b: ModelValue): number {
  if (rule === 'first') return Number(a !== null) - Number(b !== null);
  if (typeof a !== 'number' || typeof b !== 'number')
    return Number(typeof a === 'number') - Number(typeof b === 'number');
  return rule === 'min' ? b - a : a - b;
}

const additionMark = '+';
export const additionColumn = (column: string, run: string): string => `${column}${additionMark}${run}`;
export const isAddition = (column: string): boolean => column.includes(additionMark);

export function renamedAddition(column: string, rename: (run: string) => string): string {
  const [counter = '', run] = column.split(additionMark);
  return run === undefined ? column : additionColumn(counter, rename(run));
}

/** What a counter shows: what it held at first and all that was added. It counts from 0 where that is no number. */
export function counterTotal(columns: Columns, column: string): ModelValue {
  const base = columns[column]?.value ?? null;
  const added = Object.entries(columns).filter(([name]) => name.startsWith(`${column}${additionMark}`));
  if (added.length === 0) return base;
  return added.reduce((sum, [, { value }]) => sum + Number(value), typeof base === 'number' ? base : 0);
}
