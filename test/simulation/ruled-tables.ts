/** Tables that merge by whole rows, and columns with a rule of their own. */
import type { Plan } from './plan.js';
import type { Random } from './random.js';
import type { SimulatedColumn, SimulatedRule, SimulatedTable } from './table-design.js';

const rules: readonly SimulatedRule[] = ['counter', 'max', 'min', 'first-write-wins'];

export const withRules = (plan: Plan, random: Random): Plan => ({
  ...plan,
  tables: plan.tables.map((table) => withRulesOf(table, random)),
});

function withRulesOf(table: SimulatedTable, random: Random): SimulatedTable {
  const used = rules.filter(() => random.chance(0.4));
  const isWholeRow = random.chance(used.length === 0 ? 0.8 : 0.3);
  const columns = used.map((rule, number): SimulatedColumn => ({
    name: `ruled${number}`,
    type: rule === 'first-write-wins' ? random.pick(['TEXT', '']) : random.pick(['INTEGER', 'REAL', 'NUMERIC', '']),
    isNotNull: false,
    rule,
    ...(random.chance(0.2) && rule !== 'first-write-wins' ? { defaultSql: '7' } : {}),
  }));
  return { ...table, columns: [...table.columns, ...columns], ...(isWholeRow && { isWholeRow }) };
}
