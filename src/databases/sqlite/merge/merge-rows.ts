import { isUnwritten, type CellStamp } from '../../../core/cell-stamp.js';
import type { EndReason } from '../../../core/changeset.js';
import { rowKey, type Cell, type RowKey } from '../../../core/life-state.js';
import type { LifeName } from '../../../core/life.js';
import { mergeAlias, mergeCells, type LostCell } from '../../../core/merge-cells.js';
import type { OriginId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import type { CellValue, SqlValue } from '../../../core/value.js';
import type { View } from '../../../core/view.js';
import type { EndedRow } from './lost-children.js';
import type { LoadedLife } from './component-loader.js';
import type { ConflictRecorder, RowPlace } from '../stores/conflict-recorder.js';
import type { SeenStore } from '../stores/seen-store.js';
import { ruleOfWaiting } from './rule-of-waiting.js';
import type { Scope } from './scope.js';
import { noteSchemaCame } from '../schema/propagated-schema.js';
import { schemaTable } from '../schema/schema-table.js';
import type { Key } from '../stores/shadow-store.js';
import { forgetKeptLife } from '../stores/kept-shadows.js';

/** What the rules need beside the rows while one changeset is merged. */
export interface MergeScope extends Scope {
  readonly conflicts: ConflictRecorder;
  readonly seen: SeenStore;
  /** Of the changeset that is being merged. */
  readonly stamp: Stamp;
  readonly by: OriginId;
  /** Last cells of rows that ended in this transaction: a revival (rule R7.4) brings them back. */
  readonly lastKnown: Map<RowKey, ReadonlyMap<string, Cell>>;
  /** Where such rows were shown, or would have been, if their key is one number. */
  readonly lastKeys: Map<RowKey, SqlValue>;
  /** What the changeset itself has ended. */
  readonly ended: EndedRow[];
  /** The last settled view: what of it is provisional is confirmed next. */
  readonly due: { view: View | null };
}

/** Rules R2.1 to R2.4, one change at a time, on the working set. What the tables show follows when it is settled. */
export interface RowMerger {
  insert(
    table: string,
    change: { readonly life: LifeName; readonly row: LifeName; readonly cells: Map<string, Cell> },
  ): void;
  update(
    table: string,
    change: { readonly life: LifeName; readonly key: Key | null; readonly cells: Map<string, Cell> },
  ): void;
  end(table: string, change: EndedLife): void;
  merge(table: string, change: { readonly from: LifeName; readonly to: LifeName; readonly at: CellStamp }): void;
}

interface EndedLife {
  readonly life: LifeName;
  readonly key: Key | null;
  readonly why: EndReason;
  /** Who deleted the row never showed this life of it. */
  readonly wasUnshown: boolean;
}

export function createRowMerger(scope: MergeScope, by: OriginId): RowMerger {
  const { context, set, conflicts, seen } = scope;
  const isConcurrent = ({ at }: Cell): boolean => {
    const writer = at.weak ?? at;
    return !seen.hasSeen(by, writer.origin, writer.stamp);
  };

  /** Lives of a table that is unknown here are kept in their side table and nothing more. */
  function find(table: string, life: LifeName, key: Key | null): LoadedLife | null {
    const synced = context.tables.byName(table);
    if (synced) return set.loadLife(synced, life, key);
    const aside = context.asides.find(table, life);
    if (!aside) return null;
    return { state: { table, life, row: aside.row, cells: aside.cells }, shown: null, aside, isChanged: false };
  }

  function put(state: LoadedLife['state']): void {
    if (context.tables.byName(state.table)) return set.put(state);
    if (state.table === schemaTable) noteSchemaCame(context);
    context.asides.put({ ...state, why: 'table-unknown', behind: null, key: null, note: null });
  }

  return {
    insert: (table, { life, row, cells }) => {
      const synced = context.tables.byName(table);
      if (synced) set.loadRow(synced, row);
      // Here already when a snapshot had landed half before a crash.
      const known = synced ? set.loadLife(synced, life, null) : null;
      put(known ? { ...known.state, cells: mergeCells(known.state.cells, cells).cells } : { table, life, row, cells });
    },
    update(table, { life, key, cells }) {
      const loaded = find(table, life, key);
      const place = { table, life, key: key ?? [] };
      if (!loaded) return conflicts.deleted(place, { lost: cells, rest: null }, { why: 'delete', by: null });
      const { state } = loaded;
      const schema = context.tables.byName(table)?.schema;
      const rules = schema?.columns;
      const merged = mergeCells(
        state.cells,
        cells,
        (column) => rules?.find((each) => each.name === column)?.rule ?? ruleOfWaiting(context, table, column),
      );
      const told = merged.lost.filter(
        ({ column, lost, kept }) => !isUnwritten(lost.at) && (kept !== cells.get(column) || isConcurrent(lost)),
      );
      if (schema?.granularity === 'row') recordRows(conflicts, place, { told, cells: merged.cells });
      else for (const { column, lost, kept } of told) conflicts.cell({ ...place, column }, lost, kept);
      if (merged.changed.length > 0) put({ ...state, cells: merged.cells });
    },
    end(table, { life, key, why, wasUnshown }) {
      forgetKeptLife(context, table, life);
      const loaded = find(table, life, key);
      if (!loaded) return;
      const place = { table, life, key: key ?? [] };
      const [rest, lost] = [new Map<string, Cell>(), new Map<string, Cell>()];
      // Whoever deleted the parent had not seen this child, although the server that ends it now has.
      for (const [column, cell] of loaded.state.cells)
        (why === 'cascade' || isConcurrent(cell) ? lost : rest).set(column, cell);
      if (wasUnshown) conflicts.hidden(place, loaded.state.cells);
      else conflicts.deleted(place, { lost, rest }, { why, by });
      if (why !== 'cascade') scope.ended.push({ ...loaded.state, key: loaded.shown?.key ?? key ?? [] });
      if (!context.tables.byName(table)) return context.asides.remove(table, life);
      endLife(scope, loaded);
    },
    merge(table, { from, to, at }) {
      const synced = context.tables.byName(table);
      if (synced) {
        set.loadRow(synced, from);
        set.loadRow(synced, to);
      }
      const current = context.aliases.find(table, from) ?? undefined;
      context.aliases.put({ table, from, ...mergeAlias(current, { to, at }).alias });
      // Known under the new name from here on.
      if (synced) set.regroup({ table, row: from });
    },
  };
}

/** Cells that lost in one write are one conflict: they are put back together. */
function recordRows(
  conflicts: ConflictRecorder,
  place: RowPlace,
  { told, cells }: { readonly told: readonly LostCell[]; readonly cells: ReadonlyMap<string, Cell> },
): void {
  const writes = new Map<string, LostCell[]>();
  for (const each of told) {
    const { stamp, origin } = each.lost.at;
    const name = `${stamp} ${origin}`;
    writes.set(name, [...(writes.get(name) ?? []), each]);
  }
  for (const write of writes.values()) {
    const lost = new Map(write.map((each) => [each.column, each.lost]));
    const kept = new Map(write.map((each) => [each.column, each.kept]));
    const rest = new Map([...cells].filter(([column]) => !lost.has(column)));
    conflicts.row(place, lost, { kept, rest });
  }
}

/** Takes a life out of the state. Its cells stay known until the end of the transaction. */
function endLife({ context, set, lastKnown, lastKeys }: MergeScope, { state, shown, aside }: LoadedLife): void {
  const row = rowKey(state.table, context.aliases.rowNow(state.table, state.row));
  const before = lastKnown.get(row);
  lastKnown.set(row, before ? mergeCells(before, state.cells).cells : state.cells);
  // A hidden row held its number for those that name it.
  const [number] = context.tables.byName(state.table)?.isRowidKey === true ? (shown?.key ?? aside?.key ?? []) : [];
  if (number !== undefined) lastKeys.set(row, number);
  set.end(state.table, state.life);
}

/** The cells of change `i` of a block. */
export function cellsOfChange(
  block: {
    readonly columns: readonly string[];
    readonly values: readonly (readonly CellValue[])[];
    readonly times: readonly CellStamp['stamp'][];
    readonly cellStamps: ReadonlyMap<number, ReadonlyMap<number, CellStamp>>;
  },
  i: number,
  origin: OriginId,
): Map<string, Cell> {
  const stamps = block.cellStamps.get(i);
  const time = block.times[i];
  if (time === undefined) throw new RangeError(`change ${i} has no time`);
  const plain: CellStamp = { stamp: time, origin };
  return new Map(
    block.columns.map((column, c) => [column, { value: block.values[c]?.[i] ?? null, at: stamps?.get(c) ?? plain }]),
  );
}

export const keyOfChange = (keys: readonly (readonly Key[number][])[], i: number): Key | null =>
  keys.length === 0 ? null : keys.map((column) => column[i] ?? null);
