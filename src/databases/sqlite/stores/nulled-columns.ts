import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from './replica-context.js';

/**
 * Columns in which rows of a child table may show NULL or a default instead of a key of `table` that nobody shows. They
 * are among the extra cells.
 */
export const nulledColumns = ({ asides }: ReplicaContext, child: SyncedTable, table: SyncedTable): readonly string[] =>
  asides.hasExtraCells(child.name)
    ? child.schema.references.flatMap(({ parentTable, byRow, onDelete, columns }) =>
        parentTable === table.name && !byRow && onDelete.startsWith('set') ? columns : [],
      )
    : [];
