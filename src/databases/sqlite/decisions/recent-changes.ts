import type { ChangeBlock } from '../../../core/changeset.js';
import { lifeText, type LifeName } from '../../../core/life.js';
import { serverIdOfOrigin } from '../../../core/origin.js';
import { msOfStamp } from '../../../core/stamp.js';
import { RawText, RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import type { ChangeRecord, ChangesOutcome, ChangesRequest, JsonValue } from '../../replica.js';
import { blocksOfPart } from './journal-changes.js';
import { memoryOf } from '../merge/merge-changeset.js';
import { cellsOfChange, keyOfChange } from '../merge/merge-rows.js';
import type { PlacedEntry } from '../stores/journal-store.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { cellText, keyOfReference } from './conflict-records.js';
import { toldColumn } from './told-column.js';

/** So many changesets below the oldest one shown are looked through for what stood before. */
const lookBackMax = 500;
/** After so many changesets in a row that are older than asked for, the rest is: clocks differ by less. */
const olderInARowMax = 1_000;
const jsonTextMax = 64 * 1024;

type Drafted = { -readonly [K in keyof ChangeRecord]: ChangeRecord[K] } & { cells: DraftedCell[] };
type DraftedCell = { -readonly [K in keyof ChangeRecord['cells'][number]]: ChangeRecord['cells'][number][K] };

interface Walk {
  readonly context: ReplicaContext;
  readonly request: ChangesRequest;
  readonly changes: Drafted[];
  /** Cells whose value before is not known yet, by life and column. */
  readonly awaited: Map<string, DraftedCell[]>;
  /** Ends of rows, by life: what the row held is found on the way. */
  readonly ended: Map<string, Drafted>;
  next: string | null;
}

/** What happened to rows, newest merged first, with the values before where the journal still knows them. */
export function recentChanges(context: ReplicaContext, request: ChangesRequest): ChangesOutcome {
  memoryOf(context).begin();
  const walk: Walk = { context, request, changes: [], awaited: new Map(), ended: new Map(), next: null };
  const isAtEnd = walkJournal(walk);
  const isPruned = context.journal.tail().size > 0;
  return { changes: walk.changes.map(toldChange), next: walk.next, isWhole: !(isAtEnd && isPruned) };
}

const toldChange = (change: Drafted): ChangeRecord => ({
  ...change,
  cells: change.cells.flatMap((cell) => {
    const told = toldColumn(cell.column);
    if (!told) return [];
    const from = cell.from === null ? null : told.text(cell.from);
    return [{ ...cell, column: told.column, from, to: told.text(cell.to) }];
  }),
});

interface Cursor {
  readonly position: number;
  readonly index: number;
}

/** True when the beginning of the journal was reached. */
function walkJournal(walk: Walk): boolean {
  const { context, request } = walk;
  const start = cursorOf(request.before);
  let position = start === null ? null : start.position + 1;
  let [older, lookedBack] = [0, 0];
  for (;;) {
    const page = context.journal.newestBefore(position, 200);
    for (const entry of page) {
      const isFull = walk.next !== null;
      if (isFull && ((lookedBack += 1) > lookBackMax || (walk.awaited.size === 0 && walk.ended.size === 0)))
        return false;
      const isOlder = request.sinceMs !== undefined && entry.mergedMs < request.sinceMs;
      older = isOlder ? older + 1 : 0;
      if (older > olderInARowMax) return false;
      if (isOlder && walk.awaited.size === 0 && walk.ended.size === 0) continue;
      takeEntry(walk, entry, { isShown: !isOlder, from: start?.position === entry.position ? start.index : 0 });
    }
    const last = page.at(-1);
    if (!last) return true;
    position = last.position;
  }
}

function takeEntry(walk: Walk, entry: PlacedEntry, { isShown, from }: { isShown: boolean; from: number }): void {
  let index = 0;
  for (const part of walk.context.journal.parts(entry.origin, entry.stamp)) {
    for (const block of blocksOfPart(walk.context, part)) {
      for (let i = 0; i < block.count; i++, index++) {
        if (index < from) continue;
        tellBefore(walk, { entry, block, i });
        if (!isShown || walk.next !== null || !isAskedFor(walk.request, entry, block)) continue;
        if (walk.changes.length >= walk.request.max) walk.next = `${entry.position}.${index}`;
        else addChange(walk, { entry, block, i, index });
      }
    }
    // The rest of a huge changeset is left alone once the page is full.
    if (walk.next !== null && index > jsonTextMax) return;
  }
}

function isAskedFor({ table, server, kind }: ChangesRequest, { origin }: PlacedEntry, block: ChangeBlock): boolean {
  if (table !== undefined && block.table !== table) return false;
  if (kind !== undefined && block.kind !== kind) return false;
  return server === undefined || serverIdOfOrigin(origin) === server;
}

interface Place {
  readonly entry: PlacedEntry;
  readonly block: ChangeBlock;
  readonly i: number;
}

function addChange(walk: Walk, { entry, block, i, index }: Place & { readonly index: number }): void {
  const time = 'times' in block ? block.times[i] : undefined;
  const lives = livesOf({ entry, block, i });
  const cells = cellsIn(walk.context, { entry, block, i });
  const change: Drafted = {
    id: `${entry.position}.${index}`,
    kind: block.kind,
    table: block.table,
    key: keyIn(block, i).map((value, part) => keyText(walk.context, { table: block.table, part }, value)),
    origin: entry.origin,
    stamp: entry.stamp,
    atMs: msOfStamp(time ?? entry.stamp),
    mergedMs: entry.mergedMs,
    cells,
  };
  walk.changes.push(change);
  for (const life of lives.map(lifeText)) {
    if (block.kind === 'end') walk.ended.set(`${block.table} ${life}`, change);
    if (block.kind !== 'update') continue;
    for (const cell of cells) {
      const name = `${block.table} ${life} ${cell.column}`;
      walk.awaited.set(name, [...(walk.awaited.get(name) ?? []), cell]);
    }
  }
}

/** An older change of the same row says what the newer ones replaced. */
function tellBefore(walk: Walk, { entry, block, i }: Place): void {
  if (walk.awaited.size === 0 && walk.ended.size === 0) return;
  if (block.kind !== 'insert' && block.kind !== 'update') return;
  for (const life of livesOf({ entry, block, i }).map(lifeText)) {
    const end = walk.ended.get(`${block.table} ${life}`);
    for (const [column, { value }] of cellsOfChange(block, i, entry.origin)) {
      const name = `${block.table} ${life} ${column}`;
      const place = { table: block.table, column };
      for (const cell of walk.awaited.get(name) ?? []) {
        cell.from = cellText(walk.context, place, value);
        cell.valueBefore = jsonOf(walk.context, place, value);
      }
      walk.awaited.delete(name);
      if (end && !end.cells.some((cell) => cell.column === column))
        end.cells.push({
          column,
          from: cellText(walk.context, place, value),
          valueBefore: jsonOf(walk.context, place, value),
          to: 'NULL',
          value: null,
        });
    }
    if (block.kind === 'insert') walk.ended.delete(`${block.table} ${life}`);
  }
}

function livesOf({ entry, block, i }: Place): readonly LifeName[] {
  if (block.kind === 'merge') return [block.from[i], block.to[i]].flatMap((life) => life ?? []);
  if (block.kind !== 'insert') return block.lives[i] ?? [];
  const row = block.rows.get(i);
  const life = { origin: entry.origin, stamp: entry.stamp, index: block.indexes[i] ?? 0 };
  return row ? [life, row] : [life];
}

function keyIn(block: ChangeBlock, i: number): readonly CellValue[] {
  if (block.kind === 'update' || block.kind === 'end') return keyOfChange(block.keys, i) ?? [];
  return [];
}

function cellsIn(context: ReplicaContext, { entry, block, i }: Place): DraftedCell[] {
  if (block.kind !== 'insert' && block.kind !== 'update') return [];
  return [...cellsOfChange(block, i, entry.origin)].map(([column, { value }]) => {
    const place = { table: block.table, column };
    return {
      column,
      from: null,
      valueBefore: null,
      to: cellText(context, place, value),
      value: jsonOf(context, place, value),
    };
  });
}

function keyText(
  context: ReplicaContext,
  { table, part }: { readonly table: string; readonly part: number },
  value: CellValue,
): string {
  if (!(value instanceof RowReference)) return plainText(value);
  const column = context.tables.byName(table)?.schema.key[part] ?? '';
  return cellText(context, { table, column }, value);
}

const plainText = (value: SqlValue): string =>
  value instanceof Uint8Array
    ? `x'${Buffer.from(value).toString('hex')}'`
    : value instanceof RawText
      ? Buffer.from(value.bytes).toString('utf8')
      : String(value);

/** As a program takes it: whole numbers that JSON cannot hold exactly are text, bytes are base64. */
function jsonOf(
  context: ReplicaContext,
  place: { readonly table: string; readonly column: string },
  value: CellValue,
): JsonValue {
  if (value === null) return null;
  if (value instanceof RowReference) {
    const number = keyOfReference(context, place, value);
    return number === null ? null : jsonOf(context, place, number);
  }
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'string') return value.length > jsonTextMax ? { characters: value.length } : value;
  const bytes = value instanceof RawText ? value.bytes : value;
  return bytes.length > jsonTextMax ? { bytes: bytes.length } : { base64: Buffer.from(bytes).toString('base64') };
}

function cursorOf(text: string | undefined): Cursor | null {
  const [position, index] =
    /^(\d{1,15})\.(\d{1,15})$/
      .exec(text ?? '')
      ?.slice(1)
      .map(Number) ?? [];
  return position === undefined || index === undefined ? null : { position, index };
}
