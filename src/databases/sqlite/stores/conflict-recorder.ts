import type { EndReason } from '../../../core/changeset.js';
import { compareCellStamps, type CellStamp } from '../../../core/cell-stamp.js';
import { lifeText, type LifeName } from '../../../core/life.js';
import type { Cell } from '../../../core/life-state.js';
import { isMarkColumn } from '../../../core/mark-column.js';
import type { OriginId } from '../../../core/origin.js';
import { msOfStamp } from '../../../core/stamp.js';
import type { ColumnRule } from '../../../core/table-schema.js';
import { RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import { conflictId } from './conflict-store.js';
import type { ReplicaContext } from './replica-context.js';

/** What lost against a concurrent change. Ids are made of what lost, so every server records the same conflict once. */
export interface ConflictRecorder {
  readonly count: number;
  cell(place: CellPlace, lost: Cell, kept: Cell): void;
  /** A write of a whole row (granularity `row`). `rest`: the cells of the row that are the same in both. */
  row(place: RowPlace, lost: Cells, row: { readonly kept: Cells; readonly rest: Cells }): void;
  /**
   * A change of a row that had been deleted (`rest` is null: only the changed cells are known), or a row that was
   * deleted with changes its deleter had not seen. `by` is null where nobody knows any more who deleted it.
   */
  deleted(
    place: RowPlace,
    row: { readonly lost: Cells; readonly rest: Cells | null },
    end: { readonly why: LossReason; readonly by: OriginId | null },
  ): void;
  /** A row that stands behind another with its key, or was part of it: no application sees it (rules R4.1, R6). */
  hidden(place: RowPlace, cells: Cells): void;
}

export type Cells = ReadonlyMap<string, Cell>;

export interface RowPlace {
  readonly table: string;
  readonly life: LifeName;
  readonly key: readonly CellValue[];
}

export interface CellPlace extends RowPlace {
  readonly column: string;
}

const none: Cells = new Map();

/** `with-parent`: it was deleted together with its parent, which comes back without it. */
type LossReason = EndReason | 'with-parent';

const wordsByEnd: Readonly<Record<LossReason, string>> = {
  delete: 'the deletion',
  cascade: 'the deletion of the row that it refers to',
  rekey: 'the change of its key',
  'with-parent': 'the deletion, together with the row that it refers to, which has come back',
};

const wordsByRule: Readonly<Record<ColumnRule, string>> = {
  column: 'later write wins',
  counter: 'later write wins',
  'left-out': 'later write wins',
  'first-write-wins': 'first write wins',
  max: 'highest number wins',
  min: 'lowest number wins',
};

export function createConflictRecorder({ conflicts, system, tables }: ReplicaContext): ConflictRecorder {
  const ruleOf = (table: string, name: string): ColumnRule =>
    tables.byName(table)?.schema.columns.find((column) => column.name === name)?.rule ?? 'column';
  let count = 0;
  interface Found {
    readonly column: string | null;
    readonly rule: string;
    readonly note: string;
    readonly kept: Cells;
    readonly lost: Cells;
    readonly rest: Cells | null;
    readonly keptOrigin: OriginId | null;
  }
  function add({ table, life, key }: RowPlace, all: Found): void {
    const found = { ...all, lost: withoutMarks(all.lost), rest: all.rest && withoutMarks(all.rest) };
    const at = latest(found.lost);
    if (!at) return;
    const isNew = conflicts.add({
      ...found,
      id: conflictId(`${table}/${lifeText(life)}/${found.column ?? ''}/${stampText(at)}`),
      table,
      life,
      key: key.flatMap(plainOf),
      lostOrigin: writerOf(at),
      atMs: msOfStamp(at.stamp),
      noticedMs: system.nowMs(),
    });
    if (isNew) count++;
  }
  return {
    get count() {
      return count;
    },
    cell({ column, ...place }, lost, kept) {
      add(place, {
        column,
        rule: wordsByRule[ruleOf(place.table, column)],
        note: '',
        kept: new Map([[column, kept]]),
        lost: new Map([[column, lost]]),
        rest: none,
        keptOrigin: writerOf(kept.at),
      });
    },
    row(place, lost, { kept, rest }) {
      const at = latest(kept);
      const keptOrigin = at && writerOf(at);
      add(place, {
        column: null,
        rule: 'later row write wins',
        note: 'the row as written later',
        kept: none,
        lost,
        rest,
        keptOrigin,
      });
    },
    deleted(place, { lost, rest }, { why, by }) {
      const note = wordsByEnd[why];
      // Who ends a child only carries out what somebody else's deletion of its parent asked for.
      const keptOrigin = why === 'cascade' ? null : by;
      add(place, { column: null, rule: 'delete wins', note, kept: none, lost, rest, keptOrigin });
    },
    hidden(place, lost) {
      const note = 'another row at this key';
      const rule = 'youngest row at a key wins';
      add(place, { column: null, rule, note, kept: none, lost, rest: none, keptOrigin: null });
    },
  };
}

/** What a reference means is no value of anybody. */
const withoutMarks = (cells: Cells): Cells => new Map([...cells].filter(([column]) => !isMarkColumn(column)));

function latest(cells: Cells): CellStamp | null {
  let last: CellStamp | null = null;
  for (const { at } of cells.values()) if (!last || compareCellStamps(at, last) > 0) last = at;
  return last;
}

const writerOf = (at: CellStamp): OriginId => at.weak?.origin ?? at.origin;

const plainOf = (value: CellValue): SqlValue[] => (value instanceof RowReference ? [] : [value]);

const stampText = ({ stamp, origin, weak }: CellStamp): string =>
  weak ? `${stamp}.${origin}.${weak.depth}.${weak.stamp}.${weak.origin}` : `${stamp}.${origin}`;
