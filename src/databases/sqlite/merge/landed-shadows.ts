import { unwrittenStamp, type CellStamp } from '../../../core/cell-stamp.js';
import type { LifeName } from '../../../core/life.js';
import type { SqlValue } from '../../../core/value.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { KeyedShadow } from '../stores/shadow-store.js';
import type { NewRows } from './insert-blocks.js';

/** Rows of a block that their table has taken. All lists but the block's are by their order in `accepted`. */
export interface LandedRows {
  readonly block: NewRows;
  /** Positions in the block. */
  readonly accepted: readonly number[];
  /** Per key column. */
  readonly keys: readonly (readonly SqlValue[])[];
  readonly hashes: Float64Array;
  /** Column hashes of all rows, one after the other. */
  readonly columns: Uint8Array;
}

/** Fewer rows of one changeset are not worth a statement of their own. */
const sharedRowsMin = 8;

/**
 * Rows of one changeset share most of what is written, so runs of them are written in bulk. In a snapshot such runs are
 * long where rows were adopted or loaded, and short where they were written one by one.
 */
export function putLandedShadows(context: ReplicaContext, table: SyncedTable, landed: LandedRows): void {
  const { accepted, block } = landed;
  const single: KeyedShadow[] = [];
  const isWhole = unwrittenIn(table, block.columns).size === 0;
  for (let start = 0; start < accepted.length;) {
    const end = block.bulk || !isWhole ? accepted.length : endOfRun(landed, start);
    if (isWhole && (block.bulk || end - start >= sharedRowsMin)) putRun(context, table, landed, { start, end });
    else for (let n = start; n < end; n++) single.push(shadowOf(table, landed, n));
    start = end;
  }
  if (single.length > 0) context.shadows.putAll(table, single);
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Behind the last row of the same changeset as the row at `start`, whose cells are of one stamp each. */
function endOfRun({ block, accepted }: LandedRows, start: number): number {
  const first = accepted[start] ?? 0;
  const { origin, stamp } = block.lifeOf(first);
  let n = start;
  for (; n < accepted.length; n++) {
    const i = accepted[n] ?? 0;
    const life = block.lifeOf(i);
    const isShared = life.stamp === stamp && life.origin === origin && block.atOf(i).origin === origin;
    if (!isShared || block.cellStamps.has(i)) break;
  }
  return Math.max(n, start + 1);
}

function putRun(context: ReplicaContext, table: SyncedTable, landed: LandedRows, { start, end }: Range): void {
  const { block, keys, hashes, columns } = landed;
  const isWhole = start === 0 && end === landed.accepted.length;
  const accepted = isWhole ? landed.accepted : landed.accepted.slice(start, end);
  const { origin, stamp } = block.lifeOf(accepted[0] ?? 0);
  const rows = new Map<number, LifeName>();
  if (block.rows.size > 0) {
    for (const [n, i] of accepted.entries()) {
      const name = block.rows.get(i);
      if (name) rows.set(n, name);
    }
  }
  const width = table.layout.length * 4;
  context.shadows.putMany(table, {
    origin: context.origins.numberOf(origin),
    stamp,
    count: accepted.length,
    keys: isWhole ? keys : keys.map((column) => column.slice(start, end)),
    indexes: accepted.map((i) => block.bulk?.indexes[i] ?? block.lifeOf(i).index),
    times: accepted.map((i) => block.bulk?.times[i] ?? block.atOf(i).stamp),
    hashes: hashes.subarray(start, end),
    columns: columns.subarray(start * width, end * width),
    rows,
  });
}

/** Columns of the table that rows of these columns did not have when they were written. */
export function unwrittenIn(table: SyncedTable, columns: readonly string[]): Map<number, CellStamp> {
  const unwritten = new Map<number, CellStamp>();
  for (const [position, column] of table.layout.entries())
    if (!columns.includes(column)) unwritten.set(position, unwrittenStamp);
  return unwritten;
}

function shadowOf(table: SyncedTable, { block, accepted, keys, hashes, columns }: LandedRows, n: number): KeyedShadow {
  const i = accepted[n] ?? 0;
  const exceptions = unwrittenIn(table, block.columns);
  for (const [c, at] of block.cellStamps.get(i) ?? []) {
    const position = table.positionByColumn.get(block.columns[c] ?? '');
    if (position !== undefined) exceptions.set(position, at);
  }
  const width = table.layout.length * 4;
  return {
    key: keys.map((column) => column[n] ?? null),
    shadow: {
      life: block.lifeOf(i),
      row: block.rows.get(i) ?? null,
      at: block.atOf(i),
      hash: hashes[n] ?? 0,
      columns: columns.subarray(n * width, (n + 1) * width),
      exceptions: exceptions.size > 0 ? exceptions : null,
    },
  };
}
