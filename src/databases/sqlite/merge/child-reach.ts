import { rowKey, type RowKey } from '../../../core/life-state.js';
import { keyText } from '../../../core/key-text.js';
import type { LifeName } from '../../../core/life.js';
import type { WorkingSet } from './component-loader.js';
import { createListingRows } from './listing-rows.js';
import { RowReference, type SqlValue } from '../../../core/value.js';
import { nulledColumns } from '../stores/nulled-columns.js';
import { keysWhere } from '../stores/keys-where.js';
import type { Scope } from './scope.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** Lives that are not plainly shown are few; those of a table settle together. */
export interface AsideReach {
  load(table: string): void;
}

export function createAsideReach({ context, set }: Scope): AsideReach {
  const loaded = new Set<string>();
  return {
    load(name) {
      if (loaded.has(name)) return;
      loaded.add(name);
      if (context.asides.isEmpty(name) || !context.tables.byName(name)) return;
      for (const aside of [...context.asides.all(name)]) set.loadAside(aside);
    },
  };
}

/** Loads rows that reference others: what a parent shows decides what they show. */
export interface ChildReach {
  /** Children of what the table shows of a life, or would show if the schema here did not refuse it. */
  ofShown(table: SyncedTable, life: RowKey): void;
  /** Children that hide, whatever for. */
  hidden(table: SyncedTable): void;
  /** Children that show something else than the row that they reference: it was gone, or hid behind another. */
  pinnedTo(table: SyncedTable, row: LifeName): void;
}

export function createChildReach({ context, set }: Scope, asides: AsideReach): ChildReach {
  const childrenLoaded = new Set<string>();
  const nulledLoaded = new Set<string>();
  const tables = context.tables.all();
  const listing = createListingRows(context);

  /** Rows that reference what `table` shows at `key` now, and lives that may wait for it. */
  function loadChildren(table: SyncedTable, isShown: boolean, valueOf: ValueOf): void {
    for (const child of tables) {
      loadNulled(child, table);
      for (const { schema } of set.planOf(child).references) {
        if (schema.parentTable !== table.name) continue;
        asides.load(child.name);
        if (!isShown) continue;
        const values = schema.parentColumns.map(valueOf);
        const place = `${child.number} ${schema.columns.join()} ${keyText(values)}`;
        if (values.some((value) => value === null) || childrenLoaded.has(place)) continue;
        childrenLoaded.add(place);
        for (const key of keysWhere(context, child, schema.columns, values)) set.loadKey(child, key);
      }
    }
  }

  /** Rows that show NULL or a default instead of the key that they refer to, since nobody shows it. */
  function loadNulled(child: SyncedTable, table: SyncedTable): void {
    const name = `${child.number} ${table.number}`;
    if (nulledLoaded.has(name)) return;
    nulledLoaded.add(name);
    const columns = nulledColumns(context, child, table);
    if (columns.length === 0) return;
    for (const { life, cells } of [...context.asides.allExtraCells(child.name)])
      if (columns.some((column) => cells.has(column))) set.loadLife(child, life, null);
  }

  function loadHidden(table: SyncedTable): void {
    for (const child of tables)
      if (child.schema.references.some(({ parentTable }) => parentTable === table.name)) asides.load(child.name);
  }

  /** Rows that show something else than the row they reference: it was gone, or hid behind another. */
  const pinnedByReference = new Map<string, Map<RowKey, LifeName[]>>();
  function pinnedIn(child: SyncedTable, column: string, parent: string): Map<RowKey, LifeName[]> {
    const name = `${child.number} ${column}`;
    const known = pinnedByReference.get(name);
    if (known) return known;
    const pinned = new Map<RowKey, LifeName[]>();
    pinnedByReference.set(name, pinned);
    if (!context.asides.hasExtraCells(child.name)) return pinned;
    for (const { life, cells } of context.asides.allExtraCells(child.name)) {
      const value = cells.get(column)?.value;
      if (!(value instanceof RowReference)) continue;
      const row = rowKey(parent, context.aliases.rowNow(parent, value.row));
      pinned.set(row, [...(pinned.get(row) ?? []), life]);
    }
    return pinned;
  }

  function loadPinned(table: SyncedTable, row: LifeName): void {
    for (const child of tables) {
      for (const { byRow, column, parentTable } of set.planOf(child).references) {
        if (!byRow || parentTable !== table.name) continue;
        const lives = pinnedIn(child, column, parentTable).get(rowKey(table.name, row)) ?? [];
        for (const life of lives) set.loadLife(child, life, null);
      }
      for (const { reference } of set.planOf(child).lists)
        if (reference.parentTable === table.name)
          for (const life of listing(child, reference, row)) set.loadLife(child, life, null);
    }
  }

  function loadOfShown(table: SyncedTable, life: RowKey): void {
    const valueOf = valuesShown(set, table, life);
    loadChildren(table, valueOf !== null, valueOf ?? (() => null));
  }

  return { ofShown: loadOfShown, hidden: loadHidden, pinnedTo: loadPinned };
}

/** What the table shows of a life, or would show if the schema here did not refuse it; null where it hides. */
function valuesShown({ shown, lives, ended }: WorkingSet, table: SyncedTable, life: RowKey): ValueOf | null {
  const row = shown.get(life);
  if (row) return (column) => row.values[table.positionByColumn.get(column) ?? -1] ?? null;
  const aside = (lives.get(life) ?? ended.get(life))?.aside;
  if (aside?.why !== 'refused') return null;
  return (column) => {
    const value = aside.key?.[table.schema.key.indexOf(column)] ?? aside.cells.get(column)?.value ?? null;
    return value instanceof RowReference ? null : value;
  };
}

type ValueOf = (column: string) => SqlValue;
