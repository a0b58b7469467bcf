import { createTable } from './migrating-tables.js';
import type { Plan, Step } from './plan.js';
import type { Random } from './random.js';
import type { SimulatedTable, TableChange } from './table-design.js';

/**
 * New tables and columns spread by themselves: one server makes them, and no other has to. Where other migrations run, each
 * server runs them, so nothing of this is used there; nor is it where a server leaves something out.
 */
export function withPropagation(plan: Plan, random: Random): Plan {
  if (plan.migrations || plan.leftOut) return plan;
  const tables = [...plan.tables];
  const { writingMs, servers } = plan.options;
  const steps: Step[] = plan.steps.filter(({ kind }) => kind !== 'schema');
  const migrations: TableChange[] = [];
  const at = (): number => random.below(writingMs);
  for (let number = 0, count = random.between(1, 3); number < count; number++) {
    const server = random.below(servers);
    const told = plan.tables.flatMap((table, index) => (isTold(table) ? [index] : []));
    if (told.length === 0 || random.chance(0.4)) {
      migrations.push({ ...createTable(tables, random, number), tokens: [] });
      steps.push({ atMs: at(), kind: 'migrate', server, upTo: migrations.length });
    } else {
      const column = {
        name: `spread${number}`,
        type: random.pick(['TEXT', 'INTEGER', '']),
        isNotNull: false,
        ...(random.chance(0.5) ? { defaultSql: `'default${number}'` } : {}),
      };
      const change = { kind: 'add-column', table: random.pick(told), column } as const;
      steps.push({ atMs: at(), kind: 'schema', server, change });
    }
  }
  return { ...plan, tables, migrations, propagates: true, steps: steps.toSorted((a, b) => a.atMs - b.atMs) };
}

/** What such a description cannot say is not told. */
const isTold = ({ key, columns, checks, uniques }: SimulatedTable): boolean =>
  !checks &&
  !uniques &&
  !columns.some(({ collation }) => collation) &&
  !(key.kind === 'natural' && key.columns.some(({ collation }) => collation !== ''));
