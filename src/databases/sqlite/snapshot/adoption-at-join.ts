import { isUnwritten, type CellStamp } from '../../../core/cell-stamp.js';
import { keyText } from '../../../core/key-text.js';
import { lifeText, type LifeName } from '../../../core/life.js';
import type { Cell } from '../../../core/life-state.js';
import { shownInColumn } from '../../../core/reference-form.js';
import { stampOfMs, zeroStamp } from '../../../core/stamp.js';
import type { StateBlock } from '../../../core/state-block.js';
import type { StateChunk } from '../../../core/state-codec.js';
import { substituteNumber } from '../../../core/substitute.js';
import { SyncError } from '../../../core/sync-error.js';
import { RowReference, isSameValue, type SqlValue } from '../../../core/value.js';
import type { AdoptionChoice, AdoptionPreview, AdoptionTablePreview } from '../../replica.js';
import { quoteName, quoteNames } from '../connection/identifiers.js';
import { pinCell } from '../merge/component-loader.js';
import { isParent } from '../merge/table-calm.js';
import { defaultOf } from '../schema/column-defaults.js';
import { openFor } from '../merge/trigger-guard.js';
import { memoryOf } from '../merge/merge-changeset.js';
import { createNewcomers, type Newcomers } from '../capture/newcomers.js';
import { addPending, removePending } from '../capture/pending-reconcile.js';
import { noteKind, type NoteKind } from '../capture/note-kind.js';
import { conflictId } from '../stores/conflict-store.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { createRowComparison, type RowComparison } from '../capture/row-comparison.js';
import { integerAt } from '../connection/row-values.js';
import { createEarlyNotes, type EarlyNotes } from './early-notes.js';
import { unwrittenIn } from '../merge/landed-shadows.js';
import type { Key } from '../stores/shadow-store.js';
import { inTransaction } from '../stores/store-transaction.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** Rows that were here before this server joined, taken for the group's rows with equal keys (rule R10). */
export interface Adoption {
  readonly context: ReplicaContext;
  readonly comparisons: Map<string, RowComparison>;
  /** Tables whose rows here are other rows than the group's with equal numbers. */
  readonly distinct: ReadonlySet<string>;
  /** Rows that were inserted while this server waited for the group's data: other rows than the group's, whatever their numbers. */
  readonly newcomers: Newcomers;
  /** What was noted of rows before they were adopted. */
  readonly earlyNotes: EarlyNotes;
  /** Per bag, the rowids of rows that are not adopted yet, by the hash of their content. */
  readonly bags: Map<string, Map<number, SqlValue[]>>;
  conflicts: number;
}

/**
 * Null when nothing was here before. Throws USYNC-1406 when it is unclear whether equal numbers mean equal rows and
 * nobody said so.
 */
export function createAdoption(
  context: ReplicaContext,
  preview: () => AdoptionPreview,
  choice: AdoptionChoice | undefined,
): Adoption | null {
  if (!isFresh(context)) return null;
  const hasRows = context.tables
    .all()
    .some((table) => context.connection.cached(`SELECT 1 FROM ${table.sql} LIMIT 1`).get());
  if (!hasRows) return null;
  if ((choice ?? 'measure') === 'measure' && preview().isUnclear) {
    throw new SyncError(
      'USYNC-1406',
      `it is unclear whether the rows of dataset ${context.dataset} here are the group's`,
    );
  }
  const generated = context.tables.all().filter((table) => table.schema.keyKind === 'generated');
  const distinct = choice === 'distinct-rows' ? generated.map((table) => table.name) : [];
  if (distinct.length > 0) nameByLife(context);
  return {
    context,
    comparisons: new Map(),
    distinct: new Set(distinct),
    newcomers: createNewcomers(context.connection),
    earlyNotes: createEarlyNotes(context),
    bags: new Map(),
    conflicts: 0,
  };
}

/** Distinct rows must not be named by their keys, which are the same everywhere. Parents are named before children. */
function nameByLife(context: ReplicaContext): void {
  inTransaction(context, () => {
    const memory = memoryOf(context);
    const tables = context.tables.all().toSorted((a, b) => memory.orderOf(a.name) - memory.orderOf(b.name));
    for (const table of tables) removePending(context, table);
    for (const table of tables) addPending(context, table, 'life');
  });
}

/** Part of no dataset so far: no changeset was ever made or merged here, and no snapshot has landed. */
export const isFresh = ({ meta, origins }: ReplicaContext): boolean =>
  meta.text('isFounded') === null && origins.vector().size === 0;

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Gives rows that are here the group's lives. Returns the ranges of the block that have no row here. */
export function adoptBlock(adoption: Adoption, block: StateBlock, { from, to }: Range): [number, number][] {
  const { context, distinct, newcomers } = adoption;
  const table = context.tables.byName(block.table);
  if (!table) return [[from, to]];
  const rest: [number, number][] = [];
  if (table.schema.keyKind === 'generated') adoption.newcomers.refresh();
  for (let i = from; i < to; i++) {
    const key = block.keys[i];
    const isAdopted = !key
      ? false
      : table.isBag
        ? adoptBagRow(adoption, { table, block, i })
        : adoptRow(adoption, {
            table,
            block,
            i,
            key,
            isDistinct: distinct.has(table.name) || newcomers.has(table, key),
          });
    if (isAdopted) continue;
    const last = rest.at(-1);
    if (last && last[1] === i) last[1] = i + 1;
    else rest.push([i, i + 1]);
  }
  return rest;
}

interface RowOfBlock {
  readonly table: SyncedTable;
  readonly block: StateBlock;
  readonly i: number;
  readonly key: Key;
  readonly isDistinct: boolean;
}

function adoptRow(adoption: Adoption, { table, block, i, key, isDistinct }: RowOfBlock): boolean {
  const { context } = adoption;
  const here = rowAt(context, table, key);
  if (!here || context.shadows.find(table, key)) return false;
  if (isDistinct) {
    moveAside(context, table, key);
    return false;
  }
  const life = block.lives[i];
  const at = block.stamps[i];
  const theirs = valuesOf(context, table, block, i);
  if (!life || !at || !theirs) return false;
  const stamps = stampsOf(table, block, i);
  const changes = new Map<string, SqlValue>();
  let hasOwn = false;
  for (const [position, column] of table.layout.entries()) {
    const value = theirs[position] ?? null;
    if (isSameValue(value, here[position] ?? null)) continue;
    // What nobody in the group wrote loses to what was written here.
    if (isUnwritten(stamps.get(position) ?? at)) hasOwn = true;
    else changes.set(column, value);
  }
  if (!write(context, table, key, changes)) return false;
  for (const [column, value] of changes) {
    const own = here[table.positionByColumn.get(column) ?? -1] ?? null;
    recordOwn(adoption, { table, key, column, own, value, life, at });
  }
  const comparison = comparisonOf(adoption, table);
  const hash = comparison.hash(theirs);
  context.shadows.put(table, key, {
    life,
    row: block.rows.get(i) ?? null,
    at,
    hash,
    columns: comparison.bytes(),
    exceptions: stamps.size > 0 ? stamps : null,
  });
  context.tables.addRow(table, hash);
  keepBeside(context, table, block, i);
  if (hasOwn) note(context, table, { kind: noteKind.update, key });
  return true;
}

/** Stamps of single cells. A column that the block has not was written by nobody. */
function stampsOf(table: SyncedTable, block: StateBlock, i: number): Map<number, CellStamp> {
  const stamps = unwrittenIn(table, block.columns);
  for (const [c, stamp] of block.cellStamps.get(i) ?? []) {
    const position = table.positionByColumn.get(block.columns[c] ?? '');
    if (position !== undefined) stamps.set(position, stamp);
  }
  return stamps;
}

/** Under the flag nothing is noted: what is to be captured of an adopted row must be noted by us. */
function note(
  { connection, system }: ReplicaContext,
  table: SyncedTable,
  { kind, key }: { readonly kind: NoteKind; readonly key: Key },
): void {
  const [columns, marks] = [key.map((_, k) => `, k${k + 1}`), key.map(() => ', ?')];
  connection
    .cached(`INSERT INTO _usync_notes (tbl, op, time${columns.join('')}) VALUES (?, ?, ?${marks.join('')})`)
    .run(BigInt(table.number), BigInt(kind), BigInt(system.nowMs()), ...key);
}

/** Rows of bags are the same when their content is. */
function adoptBagRow(adoption: Adoption, { table, block, i }: Pick<RowOfBlock, 'table' | 'block' | 'i'>): boolean {
  const { context } = adoption;
  const life = block.lives[i];
  const at = block.stamps[i];
  const theirs = valuesOf(context, table, block, i);
  if (!life || !at || !theirs || block.cellStamps.has(i)) return false;
  const comparison = comparisonOf(adoption, table);
  const hash = comparison.hash(theirs);
  const rowid = bagOf(adoption, table).get(hash)?.shift();
  if (rowid === undefined) return false;
  comparison.hash(theirs);
  const row = block.rows.get(i) ?? null;
  const stamps = unwrittenIn(table, block.columns);
  context.shadows.put(table, [rowid], {
    life,
    row,
    at,
    hash,
    columns: comparison.bytes(),
    exceptions: stamps.size > 0 ? stamps : null,
  });
  context.tables.addRow(table, hash);
  keepBeside(context, table, block, i);
  return true;
}

/** Cells that the row cannot show: of columns that are not here, and numbers that are no references although they could be. */
function keepBeside(context: ReplicaContext, table: SyncedTable, block: StateBlock, i: number): void {
  const [life, plain] = [block.lives[i], block.stamps[i]];
  if (!life || !plain) return;
  const references = memoryOf(context).set.planOf(table).referenceByColumn;
  const cells = new Map<string, Cell>();
  for (const [c, column] of block.columns.entries()) {
    const cell: Cell = { value: block.values[c]?.[i] ?? null, at: block.cellStamps.get(i)?.get(c) ?? plain };
    if (isUnwritten(cell.at)) continue;
    if (!table.positionByColumn.has(column)) cells.set(column, cell);
    else if (references.has(column) && cell.value !== null && !(cell.value instanceof RowReference))
      pinCell(cells, column, cell, cell.at);
  }
  if (cells.size > 0) context.asides.putExtraCells(table.name, life, cells);
}

function bagOf(adoption: Adoption, table: SyncedTable): Map<number, SqlValue[]> {
  const known = adoption.bags.get(table.name);
  if (known) return known;
  const bag = new Map<number, SqlValue[]>();
  const [rowid] = table.keySql;
  const comparison = comparisonOf(adoption, table);
  const rows = adoption.context.connection
    .cached(
      `SELECT ${quoteNames(table.layout)}, ${rowid} FROM ${table.sql} r
       WHERE NOT EXISTS (SELECT 1 FROM ${table.shadowSql} s WHERE s.k1 = r.${rowid}) ORDER BY ${rowid}`,
    )
    .allExact();
  for (const row of rows) {
    const hash = comparison.hash(row);
    bag.set(hash, [...(bag.get(hash) ?? []), row.at(-1) ?? null]);
  }
  adoption.bags.set(table.name, bag);
  return bag;
}

/** An adopted row takes the group's values; a value that the schema or a unique column refuses goes the slow road. */
function write(context: ReplicaContext, table: SyncedTable, key: Key, changes: ReadonlyMap<string, SqlValue>): boolean {
  if (changes.size === 0) return true;
  const sets = [...changes.keys()].map((column) => `${quoteName(column)} = ?`).join(', ');
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  try {
    openFor(context, table);
    const { changes: count } = context.connection
      .cached(`UPDATE OR ABORT ${table.sql} SET ${sets} WHERE ${where}`)
      .run(...changes.values(), ...key);
    return count > 0;
  } catch (error) {
    if (!(error instanceof ConstraintFailure)) throw error;
    return false;
  }
}

/** A row of our own under the same number: it keeps its content under a free number, and is captured as a new row. */
function moveAside(context: ReplicaContext, table: SyncedTable, key: Key): void {
  const { connection, tables } = context;
  const [column] = table.keySql;
  const free = freeNumber(context, table, key);
  openFor(context, table);
  connection.cached(`UPDATE OR ABORT ${table.sql} SET ${column} = ? WHERE ${column} = ?`).run(free, ...key);
  // Unnoted, it would be taken for a row of old and named by its number.
  note(context, table, { kind: noteKind.insert, key: [free] });
  for (const child of tables.all()) {
    for (const reference of child.schema.references) {
      const [from] = reference.columns;
      if (reference.parentTable !== table.name || !reference.byRow || from === undefined) continue;
      const isOwn = `NOT EXISTS (SELECT 1 FROM ${child.shadowSql} s WHERE ${child.keySql.map((name, k) => `s.k${k + 1} = c.${name}`).join(' AND ')})`;
      const own = `SELECT ${child.keySql.join(', ')} FROM ${child.sql} AS c`;
      for (const childKey of connection.cached(`${own} WHERE ${quoteName(from)} = ? AND ${isOwn}`).allExact(...key)) {
        openFor(context, child);
        const where = child.keySql.map((name) => `${name} = ?`).join(' AND ');
        connection
          .cached(`UPDATE OR ABORT ${child.sql} SET ${quoteName(from)} = ? WHERE ${where}`)
          .run(free, ...childKey);
      }
    }
  }
}

/** Made as substitutes are (rule R5), so that rows of two servers that join do not take one number again. */
function freeNumber({ connection, origins, system }: ReplicaContext, table: SyncedTable, [number = null]: Key): bigint {
  const isTaken = connection.cached(`SELECT 1 FROM ${table.sql} WHERE ${table.keySql[0] ?? ''} = ?`);
  const row: LifeName = { origin: origins.own(), stamp: stampOfMs(system.nowMs()), index: 0 };
  for (let attempt = 0; ; attempt++) {
    const free = substituteNumber(row, number, attempt);
    if (!isTaken.get(free)) return free;
  }
}

interface OwnValue {
  readonly table: SyncedTable;
  readonly key: Key;
  readonly column: string;
  readonly own: SqlValue;
  readonly value: SqlValue;
  readonly life: LifeName;
  readonly at: CellStamp;
}

function recordOwn(adoption: Adoption, { table, key, column, own, value, life, at }: OwnValue): void {
  const { conflicts, identity, origins, system } = adoption.context;
  const isNew = conflicts.add({
    id: conflictId(`${table.name}/${lifeText(life)}/${column}/adopted by ${identity.server}`),
    table: table.name,
    life,
    key,
    column,
    rule: 'the value of the group stands',
    note: '',
    kept: new Map([[column, { value, at }]]),
    lost: new Map([[column, { value: own, at: { stamp: zeroStamp, origin: origins.own() } }]]),
    rest: new Map(),
    lostOrigin: origins.own(),
    keptOrigin: at.origin,
    atMs: system.nowMs(),
    noticedMs: system.nowMs(),
  });
  if (isNew) adoption.conflicts++;
}

const rowAt = ({ connection }: ReplicaContext, table: SyncedTable, key: Key): SqlValue[] | undefined =>
  connection
    .cached(
      `SELECT ${quoteNames(table.layout)} FROM ${table.sql} WHERE ${table.keySql.map((column) => `${column} = ?`).join(' AND ')}`,
    )
    .getExact(...key);

/** The row's values in the order of the layout, the default where the block has none; null when a parent is not here. */
function valuesOf(context: ReplicaContext, table: SyncedTable, block: StateBlock, i: number): SqlValue[] | null {
  const values: SqlValue[] = [];
  const { rows, set } = memoryOf(context);
  for (const column of table.layout) {
    const c = block.columns.indexOf(column);
    const value = c < 0 ? defaultOf(context.connection, table, column) : (block.values[c]?.[i] ?? null);
    if (!(value instanceof RowReference)) {
      values.push(value);
      continue;
    }
    const reference = set.planOf(table).referenceByColumn.get(column);
    const parent = reference ? context.tables.byName(reference.parentTable) : null;
    const number = parent ? rows.keyOfRow(parent, value.row)?.[0] : undefined;
    if (!reference || number === undefined) return null;
    values.push(shownInColumn(reference.affinity, number));
  }
  return values;
}

const comparisonOf = ({ comparisons }: Adoption, table: SyncedTable): RowComparison => {
  let comparison = comparisons.get(table.name);
  if (!comparison) comparisons.set(table.name, (comparison = createRowComparison(table)));
  return comparison;
};

/** Counts rows by key, table by table. Numbers of parents are compared as they are: exact once the parents agree. */
export function previewAdoption(context: ReplicaContext, chunks: Iterable<StateChunk>): AdoptionPreview {
  const counts = new Map<string, { same: number; differing: number; onlyThere: number }>();
  const numbers = new Map<string, SqlValue>();
  for (const chunk of chunks) {
    for (const block of chunk.blocks) {
      const table = context.tables.byName(block.table);
      if (!table) continue;
      const count = counts.get(table.name) ?? { same: 0, differing: 0, onlyThere: 0 };
      counts.set(table.name, count);
      for (let i = 0; i < block.count; i++) {
        const key = block.keys[i];
        if (!key) continue;
        noteNumber(context, numbers, table, block, i);
        const here = table.isBag ? undefined : rowAt(context, table, key);
        if (!here) count.onlyThere++;
        else if (isEqualRow(table, block, i, here, numbers)) count.same++;
        else count.differing++;
      }
    }
  }
  const tables = [...counts].map(([name, count]): AdoptionTablePreview => {
    const table = context.tables.byName(name);
    const rows = table ? integerAt(context.connection.cached(`SELECT count(*) FROM ${table.sql}`).get() ?? [0n], 0) : 0;
    return { table: name, ...count, onlyHere: Math.max(rows - count.same - count.differing, 0) };
  });
  const isUnclear = tables.some(({ table, same, differing }) => {
    const isGenerated = context.tables.byName(table)?.schema.keyKind === 'generated';
    return isGenerated && differing > 0 && same < differing;
  });
  return { tables, isUnclear };
}

function noteNumber(
  context: ReplicaContext,
  numbers: Map<string, SqlValue>,
  table: SyncedTable,
  block: StateBlock,
  i: number,
): void {
  const life = block.rows.get(i) ?? block.lives[i];
  const key = block.keys[i];
  if (life && key && isParent(context, table)) numbers.set(`${table.name} ${lifeText(life)}`, key[0] ?? null);
}

function isEqualRow(
  table: SyncedTable,
  block: StateBlock,
  i: number,
  here: readonly SqlValue[],
  numbers: ReadonlyMap<string, SqlValue>,
): boolean {
  for (const [c, column] of block.columns.entries()) {
    const position = table.positionByColumn.get(column);
    if (position === undefined) continue;
    const value = block.values[c]?.[i] ?? null;
    const own = here[position] ?? null;
    if (value instanceof RowReference) {
      const parent = table.schema.references.find((reference) => reference.byRow && reference.columns[0] === column);
      const number = numbers.get(`${parent?.parentTable ?? ''} ${lifeText(value.row)}`);
      // A parent that comes later in the snapshot is not known yet: it proves nothing.
      const shown = shownInColumn(table.affinityByColumn.get(column) ?? 'BLOB', number ?? null);
      if (number !== undefined && keyText([shown]) !== keyText([own])) return false;
    } else if (!isSameValue(value, own)) return false;
  }
  return true;
}
