import type { TableRules } from '../../src/databases/sqlite/schema/table-rules.js';
import type { Plan } from './plan.js';

/** What a person set for the tables of a run. */
export function tableRulesOf({ tables }: Plan, ignored?: keyof TableRules): Record<string, TableRules> {
  const rules: Record<string, TableRules> = {};
  for (const { name, columns, isWholeRow, uniquePolicy, declared = [] } of tables) {
    const ruled = columns.flatMap((column) => (column.rule ? [[column.name, column.rule] as const] : []));
    const set: TableRules = {
      ...(isWholeRow === true && { granularity: 'row' }),
      ...(ruled.length > 0 && { columns: Object.fromEntries(ruled) }),
      ...(uniquePolicy && { unique: uniquePolicy }),
      ...(declared.length > 0 && {
        references: declared.map(({ column, parent, list }) => ({ column, list, table: tables[parent]?.name ?? '' })),
      }),
    };
    if (Object.keys(set).length === 0) continue;
    rules[name] = Object.fromEntries(Object.entries(set).filter(([what]) => what !== ignored));
  }
  return rules;
}
