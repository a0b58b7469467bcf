/** What one server wrote since a time, told from the journal, and what stood there before. */
import { compareCellStamps } from '../../../core/cell-stamp.js';
import { lifeText, type LifeName } from '../../../core/life.js';
import type { Cell } from '../../../core/life-state.js';
import { isMarkColumn } from '../../../core/mark-column.js';
import { genesisOrigin, serverIdOfOrigin, type OriginId } from '../../../core/origin.js';
import { msOfStamp } from '../../../core/stamp.js';
import { SyncError } from '../../../core/sync-error.js';
import { RowReference, type CellValue } from '../../../core/value.js';
import type { UndoRequest } from '../../replica.js';
import { cellsOfChange, keyOfChange } from '../merge/merge-rows.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Key } from '../stores/shadow-store.js';
import type { JournalBlock } from './journal-changes.js';
import type { JournalReading } from './journal-reading.js';
import { collectAdditions } from './undo-additions.js';

/** More rows than a person can judge; a narrower time is asked for. */
const rowsMax = 10_000;

/** What the server did to one life since the time. */
export interface UndoneRow {
  readonly table: SyncedTable;
  readonly life: LifeName;
  /** The row's name, where it is not the life's. */
  row: LifeName | null;
  isInserted: boolean;
  isEnded: boolean;
  /** Columns that it wrote. */
  readonly columns: Set<string>;
  /** What stood before: per column the newest cell of anybody else, or of itself before the time. */
  readonly before: Map<string, Cell>;
  /** What it has added to counters, by the name under which that travels. */
  readonly added: Map<string, Cell>;
  key: Key | null;
  /** The insert was found: with it, every column of the row is known. */
  isWhole: boolean;
}

export type UndoneRows = Map<string, UndoneRow>;

/** Whether the request takes back what this origin wrote at that time. */
export const isUndone = ({ server, sinceMs }: UndoRequest, origin: OriginId, atMs: number): boolean =>
  serverIdOfOrigin(origin) === server && atMs >= sinceMs;

/** How often `undoneRows` goes through the journal. */
export const undoWalks = 2;

/** Rows that the server wrote. Throws USYNC-1803 when there are more than a person can judge. */
export async function undoneRows(
  context: ReplicaContext,
  request: UndoRequest,
  reading: JournalReading,
): Promise<UndoneRows> {
  const rows = await collect(context, request, reading);
  if (rows.size > 0) await findBefore(rows, request, reading);
  return rows;
}

async function collect(context: ReplicaContext, request: UndoRequest, reading: JournalReading): Promise<UndoneRows> {
  const rows: UndoneRows = new Map();
  const isOurs = (origin: OriginId, stamp: JournalBlock['entry']['stamp']): boolean =>
    isUndone(request, origin, msOfStamp(stamp));
  for await (const { entry, block } of reading.blocks(({ origin, stamp }) => isOurs(origin, stamp))) {
    const table = context.tables.byName(block.table);
    if (!table || block.kind === 'merge') continue;
    if (block.kind === 'update' && block.columns.every(isMarkColumn)) continue;
    for (let i = 0; i < block.count; i++) {
      if (isFound(block, i)) continue;
      const time = block.kind === 'end' ? entry.stamp : (block.times[i] ?? entry.stamp);
      if (!isOurs(entry.origin, time)) continue;
      for (const life of livesOf({ entry, block }, i)) {
        const row = rowIn(rows, table, life);
        if (block.kind === 'end') [row.isEnded, row.key] = [true, plainKey(keyOfChange(block.keys, i))];
        else {
          for (const column of block.columns) row.columns.add(column);
          collectAdditions(row.added, cellsOfChange(block, i, entry.origin));
        }
        if (block.kind === 'insert') row.isInserted = true;
      }
    }
    if (rows.size > rowsMax) {
      throw new SyncError('USYNC-1803', `The server changed more than ${rowsMax} rows since then.`);
    }
  }
  return rows;
}

/** A row that was there before Universal Sync was found by the server, not written. */
const isFound = (block: JournalBlock['block'], i: number): boolean =>
  block.kind === 'insert' && block.rows.get(i)?.origin === genesisOrigin;

function rowIn(rows: UndoneRows, table: SyncedTable, life: LifeName): UndoneRow {
  const name = `${lifeText(life)} ${table.name}`;
  const known = rows.get(name);
  if (known) return known;
  const columns = new Set<string>();
  const made: UndoneRow = {
    ...{ table, life, row: null, columns, isInserted: false, isEnded: false },
    ...{ before: new Map<string, Cell>(), added: new Map<string, Cell>(), key: null, isWhole: false },
  };
  rows.set(name, made);
  return made;
}

const plainKey = (key: readonly CellValue[] | null): Key | null =>
  key && !key.some((value) => value instanceof RowReference) ? (key as Key) : null;

function livesOf({ entry, block }: JournalBlock, i: number): readonly LifeName[] {
  if (block.kind === 'merge') return [];
  if (block.kind !== 'insert') return block.lives[i] ?? [];
  return [{ origin: entry.origin, stamp: entry.stamp, index: block.indexes[i] ?? 0 }];
}

/** The second walk through the journal: what stood in those cells before. */
async function findBefore(rows: UndoneRows, request: UndoRequest, reading: JournalReading): Promise<void> {
  for await (const { entry, block } of reading.blocks(() => true)) {
    if (block.kind === 'end' || block.kind === 'merge') continue;
    for (let i = 0; i < block.count; i++) {
      for (const life of livesOf({ entry, block }, i)) {
        const row = rows.get(`${lifeText(life)} ${block.table}`);
        if (!row) continue;
        if (block.kind === 'insert') [row.isWhole, row.row] = [true, block.rows.get(i) ?? null];
        const isOld = isFound(block, i);
        for (const [column, cell] of cellsOfChange(block, i, entry.origin)) {
          if (!isOld && isUndone(request, cell.at.weak?.origin ?? cell.at.origin, msOfStamp(cell.at.stamp))) continue;
          const known = row.before.get(column);
          if (!known || compareCellStamps(cell.at, known.at) > 0) row.before.set(column, cell);
        }
      }
    }
  }
}
