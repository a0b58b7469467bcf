/** Rows joined from their lives (rule R3), and what the view works out about them step by step. */
import { compareCellStamps } from './cell-stamp.js';
import { compareLives, type LifeName } from './life.js';
import { rowKey, rowNow, type Aliases, type Cell, type LifeState, type RowKey } from './life-state.js';
import { compareCells } from './merge-cells.js';
import type { OriginId } from './origin.js';
import type { ColumnRule, TableSchema } from './table-schema.js';
import type { SqlValue } from './value.js';

/** Why a row is shown or hidden. */
export type RowStatus =
  | 'visible'
  /** A younger row has its natural key. */
  | 'key-loser'
  /** Becomes one row with an elder one that holds its unique value, or that was drained from the same notes. */
  | 'merging'
  /** Gets another unique value, since an elder row holds its own. */
  | 'renaming'
  /** Waits, for a person or for the end of the clash, behind an elder row with the same unique value. */
  | 'held'
  /** Its parent is gone: it ends. */
  | 'cascading'
  /** Its parent is gone and must come back, or has never been here. */
  | 'awaiting-parent'
  /** Its parent is here and hidden itself. */
  | 'parent-hidden';

export interface RowDraft {
  readonly table: string;
  readonly row: LifeName;
  readonly rowKey: RowKey;
  /** Elder first. */
  readonly lives: LifeName[];
  /** Per column the winning cell. */
  readonly cells: Map<string, Cell>;
  keyFrom: LifeName;
  status: RowStatus;
  behind: RowDraft | null;
  clash: string | null;
  /** The elder row that was drained from the same notes. */
  doubleOf: RowDraft | null;
  isProvisional: boolean;
  isDoomed: boolean;
  readonly neededBy: Set<OriginId>;
  /** The number given to a row of a numbered table. */
  number: SqlValue;
  key: readonly SqlValue[];
  values: Map<string, SqlValue>;
}

/** Rows by table, elder first. Lives of tables that the schema does not know are left out. */
export function joinRows(
  lives: Iterable<LifeState>,
  aliases: Aliases,
  schema: readonly TableSchema[],
): Map<string, RowDraft[]> {
  const tables = new Map(schema.map((table) => [table.name, table]));
  const rules = new Map(schema.map((table) => [table.name, rulesOf(table)]));
  const drafts = new Map<RowKey, RowDraft>();
  for (const life of [...lives].toSorted((a, b) => compareLives(a.life, b.life))) {
    const table = tables.get(life.table);
    if (!table) continue;
    const row = rowNow(aliases, life.table, life.row);
    const key = rowKey(life.table, row);
    let draft = drafts.get(key);
    if (!draft) drafts.set(key, (draft = emptyDraft(life, row, key)));
    draft.lives.push(life.life);
    joinLife(draft, life, table.key, rules.get(table.name));
  }
  const rowsByTable = new Map<string, RowDraft[]>(schema.map((table) => [table.name, []]));
  for (const draft of drafts.values()) rowsByTable.get(draft.table)?.push(draft);
  for (const rows of rowsByTable.values()) rows.sort((a, b) => compareLives(a.row, b.row));
  return rowsByTable;
}

const emptyDraft = (life: LifeState, row: LifeName, key: RowKey): RowDraft => ({
  table: life.table,
  row,
  rowKey: key,
  lives: [],
  cells: new Map(),
  keyFrom: life.row,
  status: 'visible',
  behind: null,
  clash: null,
  doubleOf: null,
  isProvisional: false,
  isDoomed: false,
  neededBy: new Set(),
  number: null,
  key: [],
  values: new Map(),
});

/** On a tie the younger life counts. The key comes from the lives born in the eldest row present. */
function joinLife(draft: RowDraft, life: LifeState, key: readonly string[], rules: Rules | undefined): void {
  const byAge = compareLives(life.row, draft.keyFrom);
  for (const [column, cell] of life.cells) {
    const current = draft.cells.get(column);
    const rule = rules?.get(column);
    // Of merged rows a tie goes by the age of the lives, not by value as within one life.
    const isTie = current && rule === undefined && compareCellStamps(cell.at, current.at) === 0;
    const isHigher = !current || isTie || compareCells(cell, current, rule) >= 0;
    const counts = current && key.includes(column) ? byAge < 0 || (byAge === 0 && isHigher) : isHigher;
    if (counts) draft.cells.set(column, cell);
  }
  if (byAge < 0) draft.keyFrom = life.row;
}

type Rules = ReadonlyMap<string, ColumnRule>;

/** Columns that do not merge by the higher stamp. */
const rulesOf = (table: TableSchema): Rules =>
  new Map(table.columns.filter((column) => column.rule !== 'column').map((column) => [column.name, column.rule]));
