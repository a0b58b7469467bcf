import { parentsFirst, type TableGroup } from './table-order.js';
import { planTable, type TablePlan } from './table-plan.js';
import type { TableSchema } from './table-schema.js';

/** All tables of a dataset, worked out for the view. */
export interface SchemaPlan {
  readonly plans: ReadonlyMap<string, TablePlan>;
  /** Parents before children. */
  readonly groups: readonly TableGroup[];
}

const plansBySchema = new WeakMap<
  TableSchema,
  { readonly schema: readonly TableSchema[]; readonly plan: SchemaPlan }
>();

/**
 * Worked out once for the same tables: components are many and small, and the schema is the same for all of them.
 * A schema is data that never changes, so tables are compared as objects.
 */
export function planSchema(schema: readonly TableSchema[]): SchemaPlan {
  const [first] = schema;
  const known = first && plansBySchema.get(first);
  if (known && known.schema.length === schema.length && known.schema.every((table, i) => table === schema[i]))
    return known.plan;
  const names = new Set(schema.map((table) => table.name));
  const plan = {
    plans: new Map(schema.map((table) => [table.name, planTable(table, names)])),
    groups: parentsFirst(schema),
  };
  if (first) plansBySchema.set(first, { schema: [...schema], plan });
  return plan;
}
