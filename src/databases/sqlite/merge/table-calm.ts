import type { ReferenceSchema } from '../../../core/table-schema.js';
import type { SqlValue } from '../../../core/value.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { nulledColumns } from '../stores/nulled-columns.js';
import { keysWhere } from '../stores/keys-where.js';
import type { Scope } from './scope.js';
import type { SyncedTable } from '../schema/synced-table.js';

/**
 * Whether nothing of the table, or of tables that reference it, waits or hides: then a change that clashes with no
 * shown row clashes with nothing.
 */
export function isCalm({ context }: Scope, table: SyncedTable): boolean {
  if (!context.asides.isEmpty(table.name)) return false;
  return childrenOf(context, table).every(
    (child) => context.asides.isEmpty(child.name) && nulledColumns(context, child, table).length === 0,
  );
}

export const childrenOf = (context: ReplicaContext, table: SyncedTable): SyncedTable[] =>
  context.tables
    .all()
    .filter(({ schema }) =>
      [...schema.references, ...(schema.lists ?? [])].some((each) => each.parentTable === table.name),
    );

/** Whether rows of other tables may name its rows. */
export const isParent = (context: ReplicaContext, table: SyncedTable): boolean =>
  context.tables
    .all()
    .some(
      ({ schema }) =>
        schema.references.some((each) => each.byRow && each.parentTable === table.name) ||
        schema.lists?.some((each) => each.parentTable === table.name) === true,
    );

/** Whether a row that is not being settled shows the key that a reference by value names. */
export function isShownSomewhere(
  { context, set }: Scope,
  reference: ReferenceSchema,
  values: readonly SqlValue[],
): boolean {
  const parent = context.tables.byName(reference.parentTable);
  if (!parent) return false;
  return keysWhere(context, parent, reference.parentColumns, values).some((key) => {
    const shadow = context.shadows.find(parent, key);
    return shadow !== null && !set.has(parent.name, shadow.life);
  });
}
