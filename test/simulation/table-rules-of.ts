import type { TableRules } from '../../src/databases/sqlite/schema/table-rules.js';
import type { ColumnRule } from '../../src/core/table-schema.js';
import type { Plan } from './plan.js';

/** What a person set for the tables of a run, on one server. */
export function tableRulesOf(
  { tables, leftOut = [] }: Plan,
  server: number,
  ignored?: keyof TableRules,
): Record<string, TableRules> {
  const rules: Record<string, TableRules> = {};
  for (const [index, { name, columns, isWholeRow, uniquePolicy, declared = [] }] of tables.entries()) {
    const here = leftOut.filter((each) => each.server === server && each.table === index);
    const ruled: (readonly [string, ColumnRule])[] = [
      ...columns.flatMap((column) => (column.rule ? [[column.name, column.rule] as const] : [])),
      ...here.flatMap(({ column }) => (column === undefined ? [] : [[column, 'left-out'] as const])),
    ];
    const set: TableRules = {
      ...(here.some(({ column }) => column === undefined) && { exclude: true }),
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
