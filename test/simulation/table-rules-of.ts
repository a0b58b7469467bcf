import type { TableRules } from '../../src/databases/sqlite/schema/table-rules.js';
import type { Plan } from './plan.js';

/** What a person set for the tables of a run. */
export function tableRulesOf({ tables }: Plan, ignored?: keyof TableRules): Record<string, TableRules> {
  const rules: Record<string, TableRules> = {};
  for (const { name, columns, isWholeRow } of tables) {
    const ruled = columns.flatMap((column) => (column.rule ? [[column.name, column.rule] as const] : []));
    if (ruled.length === 0 && isWholeRow !== true) continue;
    const set: TableRules = {
      ...(isWholeRow === true && { granularity: 'row' }),
      ...(ruled.length > 0 && { columns: Object.fromEntries(ruled) }),
    };
    rules[name] = Object.fromEntries(Object.entries(set).filter(([what]) => what !== ignored));
  }
  return rules;
}
