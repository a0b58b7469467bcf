import type { LeftOut, Plan } from './plan.js';
import type { Random } from './random.js';
import type { SimulatedTable } from './table-design.js';

/** One server leaves out a table or some columns: what it writes there is its own, what others write there is not here. */
export function withLeftOut(plan: Plan, random: Random): Plan {
  // A copy of the machine would have the settings of the one that it was.
  if (plan.steps.some(({ kind }) => kind === 'clone')) return plan;
  const server = random.below(plan.options.servers);
  const leftOut: LeftOut[] = plan.tables.flatMap((design, table): LeftOut[] => {
    if (random.chance(0.3) && standsAlone(plan, design, table)) return [{ server, table }];
    const plain = design.columns.filter(
      ({ rule, isUnique, isOfUnique }) => !rule && !isUnique && !isOfUnique && !design.checks,
    );
    return plain.filter(() => random.chance(0.3)).map(({ name }) => ({ server, table, column: name }));
  });
  return leftOut.length === 0 ? plan : { ...plan, leftOut };
}

function standsAlone(
  { tables }: Plan,
  { references, declared, keyReferences }: SimulatedTable,
  table: number,
): boolean {
  const isReferenced = tables.some((other) =>
    [...other.references, ...(other.declared ?? []), ...(other.keyReferences ?? [])].some(
      ({ parent }) => parent === table,
    ),
  );
  return !isReferenced && references.length === 0 && !declared && !keyReferences;
}
