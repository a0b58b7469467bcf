/** Uniques of every kind with every policy, and conditions that a row must meet. */
import type { Plan } from './plan.js';
import type { Random } from './random.js';
import { quoteName, type SimulatedColumn, type SimulatedTable, type SimulatedUnique } from './table-design.js';

export const withIndexes = (plan: Plan, random: Random): Plan => ({
  ...plan,
  tables: plan.tables.map((table, index) =>
    table.key.kind === 'bag' || random.chance(0.2) ? table : withUniques(table, index, random),
  ),
});

function withUniques(table: SimulatedTable, index: number, random: Random): SimulatedTable {
  const column = (name: string, collation?: 'NOCASE'): SimulatedColumn => ({
    name,
    type: 'TEXT',
    isNotNull: false,
    isOfUnique: true,
    ...(collation && { collation }),
  });
  const makers: readonly (() => { columns: SimulatedColumn[]; unique: SimulatedUnique })[] = [
    () => ({ columns: [column('pair1'), column('pair2')], unique: { parts: 'pair1, pair2' } }),
    () => ({ columns: [column('word', 'NOCASE')], unique: { parts: 'word' } }),
    () => ({ columns: [column('plain')], unique: { parts: 'plain', index: { name: `plain${index}` } } }),
    () => ({
      columns: [column('part')],
      unique: { parts: 'part', index: { name: `part${index}`, where: `part > 'U3'` } },
    }),
    () => ({ columns: [column('lowered')], unique: { parts: 'lower(lowered)', index: { name: `lowered${index}` } } }),
  ];
  const made = random
    .shuffle(makers)
    .slice(0, random.between(1, 2))
    .map((make) => make());
  return {
    ...table,
    columns: [...table.columns, ...made.flatMap(({ columns }) => columns)],
    uniques: made.map(({ unique }) => unique),
    uniquePolicy: random.pick(['merge', 'hold', 'rename'] as const),
  };
}

/** Of two columns that are written apart, so that two writes that each meet the condition may break it together. */
export const withChecks = (plan: Plan, random: Random): Plan => ({
  ...plan,
  tables: plan.tables.map((table) => {
    const [a, b] = random.shuffle(table.columns.filter(({ rule, isUnique }) => !rule && !isUnique));
    if (!a || random.chance(0.2)) return table;
    const first = quoteName(a.name);
    const check = b
      ? `NOT (typeof(${first}) IN ('integer', 'real') AND typeof(${quoteName(b.name)}) IN ('blob', 'null'))`
      : `${first} IS NULL OR length(${first}) < 100`;
    return { ...table, checks: [check] };
  }),
});
