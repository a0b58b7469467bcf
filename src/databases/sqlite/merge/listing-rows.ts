import { rowKey, type RowKey } from '../../../core/life-state.js';
import type { LifeName } from '../../../core/life.js';
import { listColumn, listedRows } from '../../../core/reference-list.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Shadow } from '../stores/shadow-store.js';
import { childrenOf } from './table-calm.js';

/** Lives whose lists of references, in a column, name a row of the parent's table. Read once for each column. */
export type ListingRows = (
  child: SyncedTable,
  list: { readonly column: string; readonly parentTable: string },
  row: LifeName,
) => readonly LifeName[];

export function createListingRows({ asides, aliases }: ReplicaContext): ListingRows {
  const byColumn = new Map<string, Map<RowKey, LifeName[]>>();
  return (child, { column, parentTable }, row) => {
    const name = `${child.number} ${column}`;
    let listing = byColumn.get(name);
    if (!listing) {
      byColumn.set(name, (listing = new Map()));
      for (const { life, cells } of asides.hasExtraCells(child.name) ? asides.allExtraCells(child.name) : [])
        for (const named of listedRows(cells.get(listColumn(column))?.value).values()) {
          const now = rowKey(parentTable, aliases.rowNow(parentTable, named));
          listing.set(now, [...(listing.get(now) ?? []), life]);
        }
    }
    return listing.get(rowKey(parentTable, row)) ?? [];
  };
}

/**
 * Whether a list that names this row of the table shows another number for one of its rows than it was written with. When the
 * row ends, such a list shows the number that was written: it is to be settled.
 */
export function createRenumberedLists(context: ReplicaContext, table: SyncedTable): (shown: Shadow) => boolean {
  const { aliases, asides } = context;
  const listing = createListingRows(context);
  const lists = childrenOf(context, table).flatMap((child) =>
    (child.schema.lists ?? []).flatMap((list) => (list.parentTable === table.name ? [{ child, list }] : [])),
  );
  return ({ life, row }) => {
    const now = aliases.rowNow(table.name, row ?? life);
    return lists.some(({ child, list }) =>
      // What a row does not show as it was written is kept beside it.
      listing(child, list, now).some((each) => asides.extraCells(child.name, each)?.has(list.column) === true),
    );
  };
}
