import { computedUnique, keysWithComputed } from '../schema/computed-uniques.js';
import { keysWhere } from '../stores/keys-where.js';
import type { Scope } from './scope.js';
import { rowKey, type LifeState } from '../../../core/life-state.js';
import { keyText } from '../../../core/key-text.js';
import { rowsOfList } from '../../../core/reference-list.js';
import { isSameValue, RowReference, type SqlValue } from '../../../core/value.js';
import { substitutesBefore } from '../../../core/substitute.js';
import { viewOf, type RowView, type Surroundings, type View } from '../../../core/view.js';
import { defaultOf } from '../schema/column-defaults.js';
import type { ShownRow, WorkingSet } from './component-loader.js';
import { createAsideReach, createChildReach } from './child-reach.js';
import type { Key } from '../stores/shadow-store.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** More rounds than any chain of clashes needs; a bug must not loop for ever. */
const roundsMax = 200;

/**
 * Loads everything that the rows of the working set can influence, and works out what each of them shows. A row that
 * stays as it is shown influences nobody, so loading goes on only from rows that appear, change their place, or go.
 */
export function settledView(scope: Scope): View {
  const { context, set } = scope;
  const reach = createReach(scope);
  for (let round = 0; round < roundsMax; round++) {
    const loadedBefore = set.lives.size;
    reach.fromLives();
    const view = viewOf({
      schema: context.tables.all().map((table) => table.schema),
      lives: livesOf(set),
      aliases: context.aliases.byRow(),
      surroundings: surroundingsOf(scope),
    });
    for (const row of view.rows) reach.fromRow(row);
    reach.fromEnded();
    reach.fromJoined();
    if (set.lives.size === loadedBefore) return view;
  }
  throw new Error('settling does not come to an end');
}

function* livesOf(set: WorkingSet): IterableIterator<LifeState> {
  for (const loaded of set.lives.values()) if (loaded) yield loaded.state;
}

/** Rows outside of the set are shown as they are. A row of the set that has ended is not outside. */
function surroundingsOf({ context, set, rows }: Scope): Surroundings {
  const tableOf = (name: string): SyncedTable | null => context.tables.byName(name);
  return {
    isNumberTaken(name, number) {
      const table = tableOf(name);
      const shadow = table && context.shadows.find(table, [number]);
      return shadow !== null && !set.has(name, shadow.life);
    },
    keyOfRow(name, row) {
      const table = tableOf(name);
      const key = table && rows.keyOfRow(table, row);
      const shadow = table && key ? context.shadows.find(table, key) : null;
      return shadow && !set.has(name, shadow.life) ? key : null;
    },
    isShown(name, columns, values) {
      const table = tableOf(name);
      if (!table) return false;
      return keysWhere(context, table, columns, values).some((key) => {
        const shadow = context.shadows.find(table, key);
        return shadow !== null && !set.has(name, shadow.life);
      });
    },
    computedUnique(name, unique, values) {
      const table = tableOf(name);
      return table ? computedUnique(context.connection, table, unique, values) : null;
    },
    defaultOf(name, column) {
      const table = tableOf(name);
      return table ? defaultOf(context.connection, table, column) : null;
    },
  };
}

interface Reach {
  fromLives(): void;
  fromRow(row: RowView): void;
  fromEnded(): void;
  fromJoined(): void;
}

function createReach(scope: Scope): Reach {
  const { context, set } = scope;
  const placesSeen = new Set<string>();
  const tables = context.tables.all();
  const asides = createAsideReach(scope);
  const children = createChildReach(scope, asides);

  function loadRivals(row: RowView, table: SyncedTable): void {
    const seenBefore = (place: string): boolean => {
      if (placesSeen.has(place)) return true;
      placesSeen.add(place);
      return false;
    };
    const wanted = table.schema.key.map((column) => plainOf(row, column));
    for (const key of [row.key, wanted]) {
      if (table.isBag || key.length === 0 || key.some((value) => value === undefined || value === null)) continue;
      const plain = key as Key;
      if (!seenBefore(`k ${table.number} ${keyText(plain)}`)) set.loadKey(table, plain);
    }
    for (const { schema } of set.planOf(table).uniques) {
      const values = schema.isPlain
        ? schema.columns.map((column) => row.values.get(column) ?? null)
        : computedUnique(context.connection, table, schema.name, row.values);
      if (!values || values.includes(null)) continue;
      if (seenBefore(`u ${table.number} ${schema.name} ${keyText(values)}`)) continue;
      const keys = schema.isPlain
        ? keysWhere(context, table, schema.columns, values)
        : keysWithComputed(context.connection, table, schema.name, values);
      for (const key of keys) set.loadKey(table, key);
    }
  }

  /** Numbers are given among all rows that want one: those that wait for a number of this row settle with it. */
  function loadWaiting(table: SyncedTable, number: SqlValue | undefined): void {
    if (typeof number !== 'bigint' || context.displaced.isEmpty(table)) return;
    for (const at of context.displaced.waitingFor(table, number)) set.loadKey(table, [at]);
  }

  function loadNumbers(row: RowView, table: SyncedTable): void {
    const { isNumbered, isUnsigned, schema } = set.planOf(table);
    const [column] = schema.key;
    if (!isNumbered || column === undefined) return;
    const wanted = plainOf(row, column) ?? null;
    loadWaiting(table, row.key[0]);
    loadWaiting(table, wanted);
    for (const life of row.lives) {
      const name = rowKey(row.table, life);
      loadWaiting(table, set.shown.get(name)?.key[0]);
      // A hidden row holds its number too.
      loadWaiting(table, set.lives.get(name)?.aside?.key?.[0]);
    }
    if (!row.isProvisional) return;
    for (const taken of substitutesBefore(row.key[0] ?? null, row.row, wanted, isUnsigned)) set.loadKey(table, [taken]);
  }

  function loadParents(row: RowView, table: SyncedTable): void {
    for (const reference of set.planOf(table).references) {
      const parent = context.tables.byName(reference.parentTable);
      if (!parent || context.asides.isEmpty(parent.name)) continue;
      const value = row.cells.get(reference.column)?.value;
      if (!reference.byRow) asides.load(parent.name);
      else if (value instanceof RowReference) set.loadRow(parent, value.row);
    }
    for (const { column, reference } of set.planOf(table).lists) {
      const parent = context.tables.byName(reference.parentTable);
      if (!parent || context.asides.isEmpty(parent.name)) continue;
      for (const named of rowsOfList(row.cells, column).values()) set.loadRow(parent, named);
    }
  }

  return {
    fromLives() {
      for (const { table } of [...set.rows.values()]) asides.load(table);
    },
    fromRow(row) {
      const table = context.tables.byName(row.table);
      if (!table) return;
      loadRivals(row, table);
      loadNumbers(row, table);
      loadParents(row, table);
      const shown = shownAlready(set, row);
      if (shown && row.status === 'visible' && isSameParent(table, shown.values, row, tables)) return;
      for (const life of row.lives) children.ofShown(table, rowKey(row.table, life));
      children.pinnedTo(table, row.row);
    },
    fromEnded() {
      for (const { state, aside } of set.ended.values()) {
        const table = context.tables.byName(state.table);
        if (!table) continue;
        // A hidden row hides its children, and they may show another row's number.
        children.hidden(table);
        if (aside) children.ofShown(table, rowKey(state.table, state.life));
        children.pinnedTo(table, context.aliases.rowNow(state.table, state.row));
        if (aside) loadWaiting(table, aside.key?.[0]);
      }
      for (const [life, loaded] of [...set.lives]) {
        const shown = loaded ? null : set.shown.get(life);
        if (!shown) continue;
        children.ofShown(shown.table, life);
        loadWaiting(shown.table, shown.key[0]);
        asides.load(shown.table.name);
      }
    },
    fromJoined() {
      // It may have ended here long before. Then the other one stays as it is, and yet who referenced the first shows it now.
      for (const { table: name, row } of set.joined) {
        const table = context.tables.byName(name);
        if (!table) continue;
        children.hidden(table);
        children.pinnedTo(table, context.aliases.rowNow(name, row));
      }
    },
  };
}

const plainOf = (row: RowView, column: string): SqlValue | undefined => {
  const value = row.cells.get(column)?.value;
  return value instanceof RowReference ? undefined : (value ?? null);
};

/** What the tables show of a row of the view now; null when lives have joined it that were shown or hid elsewhere. */
function shownAlready(set: WorkingSet, row: RowView): ShownRow | null {
  let found: ShownRow | null = null;
  for (const life of row.lives) {
    const name = rowKey(row.table, life);
    const shown = set.shown.get(name);
    if (found && shown) return null;
    if (shown) found = shown;
    else if (set.lives.get(name)?.aside?.why !== 'part') return null;
  }
  return found;
}

/** Whether children see the same parent as before: nothing that they reference changes. */
function isSameParent(
  table: SyncedTable,
  values: readonly SqlValue[],
  row: RowView,
  tables: readonly SyncedTable[],
): boolean {
  for (const child of tables) {
    for (const reference of child.schema.references) {
      if (reference.parentTable !== table.name) continue;
      for (const column of reference.parentColumns) {
        const position = table.positionByColumn.get(column) ?? -1;
        if (!isSameValue(values[position] ?? null, row.values.get(column) ?? null)) return false;
      }
    }
    for (const { parentTable, parentColumn } of child.schema.lists ?? []) {
      const position = table.positionByColumn.get(parentColumn) ?? -1;
      const isSame = isSameValue(values[position] ?? null, row.values.get(parentColumn) ?? null);
      if (parentTable === table.name && !isSame) return false;
    }
  }
  return true;
}
