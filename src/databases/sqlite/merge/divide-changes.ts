import type { ChangeBlock, EndBlock, InsertBlock, UpdateBlock } from '../../../core/changeset.js';
import { rowKey, type RowKey } from '../../../core/life-state.js';
import type { LifeName } from '../../../core/life.js';
import { RowReference, type SqlValue } from '../../../core/value.js';
import { readShown } from './component-loader.js';
import { referencedOf, type ShownEnd } from './end-blocks.js';
import { tiedToNeeded } from './lost-children.js';
import { keyOfChange, type MergeScope } from './merge-rows.js';
import { keysWhere } from '../stores/keys-where.js';
import type { Key } from '../stores/shadow-store.js';
import type { SyncedTable } from '../schema/synced-table.js';
import { childrenOf } from './table-calm.js';
import type { WrittenKeys } from '../capture/written-keys.js';

/** Positions in a block, by when they may be merged while the changeset lands in slices. */
export interface Divided {
  readonly now: readonly number[];
  /** At the end, after the drain: an application has written what they touch. */
  readonly late: readonly number[];
  /** Ends of rows that others still reference: whoever does may end later in the same changeset. */
  readonly referenced: readonly number[];
}

export interface Dividing {
  readonly written: WrittenKeys;
  /** Lives of changes that are late already. */
  readonly lateLives: ReadonlySet<RowKey>;
  /** Some of the changeset may have landed before a crash. */
  readonly isResumed: boolean;
}

/** Tells the changes of a block that can be merged at once from those that must wait. Inside a merging transaction. */
export function divideChanges(scope: MergeScope, block: ChangeBlock, dividing: Dividing): Divided {
  const table = scope.context.tables.byName(block.table);
  const now: number[] = [];
  const late: number[] = [];
  const ends: number[] = [];
  const landed = table && dividing.isResumed && block.kind === 'insert' ? landedIn(scope, table, block) : null;
  for (let i = 0; i < block.count; i++) {
    if (landed?.has(i)) continue;
    const mustWait =
      livesOf(scope, block, i).some((life) => dividing.lateLives.has(rowKey(block.table, life))) ||
      (table !== null && touchesWritten(scope, { table, block, written: dividing.written }, i));
    if (mustWait) late.push(i);
    else if (block.kind === 'end' && table) ends.push(i);
    else now.push(i);
  }
  if (block.kind !== 'end' || !table || ends.length === 0) return { now, late, referenced: [] };
  const isReferenced = referencedEnds(scope, table, block, ends);
  return { now: ends.filter((i) => !isReferenced(i)), late, referenced: ends.filter(isReferenced) };
}

/** The lives that a change names. */
export function livesOf({ stamp, by }: MergeScope, block: ChangeBlock, i: number): readonly LifeName[] {
  switch (block.kind) {
    case 'insert':
      return [{ stamp, origin: by, index: block.indexes[i] ?? 0 }];
    case 'merge':
      return [];
    default:
      return block.lives[i] ?? [];
  }
}

/** A row lands as a whole, so a life that is known here needs nothing more; if it is gone, an application ended it. */
function landedIn(scope: MergeScope, table: SyncedTable, block: InsertBlock): Set<number> {
  const landed = new Set<number>();
  for (let i = 0; i < block.count; i++) {
    const [life] = livesOf(scope, block, i);
    if (!life) continue;
    const isKnown =
      scope.context.lives.find(table, life, keyInValues(scope, table, block, i)) !== null ||
      scope.rows.keyOfLife(table, life) !== null;
    if (isKnown) landed.add(i);
  }
  return landed;
}

interface Touching {
  readonly table: SyncedTable;
  readonly block: ChangeBlock;
  readonly written: WrittenKeys;
}

function touchesWritten(scope: MergeScope, touching: Touching, i: number): boolean {
  const { table, block, written } = touching;
  if (block.kind === 'merge') return false;
  if (block.kind !== 'end' && referencesWritten(scope, { ...touching, block }, i)) return true;
  if (!written.isAny(table)) return false;
  if (block.kind === 'insert') {
    const key = keyInValues(scope, table, block, i);
    return key !== null && written.has(table, key);
  }
  const hint = keyOfChange(block.keys, i);
  if (hint && !table.isBag && written.has(table, hint)) return true;
  return livesOf(scope, block, i).some((life) => {
    const found = scope.context.lives.find(table, life, hint);
    return found?.kind === 'shown' && written.has(table, found.key);
  });
}

/** A row that an application has deleted is still known as one that can be referenced. */
function referencesWritten(
  scope: MergeScope,
  { table, block, written }: Touching & { readonly block: InsertBlock | UpdateBlock },
  i: number,
): boolean {
  for (const [column, { parentTable }] of scope.set.planOf(table).referenceByColumn) {
    const parent = scope.context.tables.byName(parentTable);
    if (!parent || !written.isAny(parent)) continue;
    const value = block.values[block.columns.indexOf(column)]?.[i];
    const key = value instanceof RowReference ? scope.rows.keyOfRow(parent, value.row) : null;
    if (key && written.has(parent, key)) return true;
  }
  return false;
}

/** The key that a new row asks for; null in a bag, and where it is not all there. */
function keyInValues(scope: MergeScope, table: SyncedTable, block: InsertBlock, i: number): Key | null {
  if (table.isBag) return null;
  const key: SqlValue[] = [];
  for (const column of table.schema.key) {
    const value = block.values[block.columns.indexOf(column)]?.[i] ?? null;
    const reference = value instanceof RowReference ? scope.set.planOf(table).referenceByColumn.get(column) : undefined;
    const parent = reference ? scope.context.tables.byName(reference.parentTable) : null;
    const plain = value instanceof RowReference ? parent && scope.rows.keyOfRow(parent, value.row)?.[0] : value;
    if (plain === null || plain === undefined) return null;
    key.push(plain);
  }
  return key;
}

/**
 * Which rows of these ends somebody references now. When such a row ends, it may have to be brought back, and that is
 * for the transaction in which confirmations may be made. So are its children, which are told of when it comes back.
 */
function referencedEnds(
  scope: MergeScope,
  table: SyncedTable,
  block: EndBlock,
  ends: readonly number[],
): (i: number) => boolean {
  const { context } = scope;
  const children = childrenOf(context, table);
  const referenced = new Set<number>();
  const mayBeTied = table.schema.references.some(({ onDelete }) => onDelete === 'cascade');
  if (children.length === 0 && !mayBeTied) return () => false;
  const hidden = hiddenReferences(scope, table, children);
  const shown: ShownEnd[] = [];
  for (const i of ends) {
    const hint = keyOfChange(block.keys, i);
    for (const life of block.lives[i] ?? []) {
      const found = context.lives.find(table, life, hint);
      if (!found) continue;
      const row = found.kind === 'shown' ? (found.shadow.row ?? life) : found.life.row;
      if (hidden === null || hidden.has(rowKey(table.name, context.aliases.rowNow(table.name, row)))) referenced.add(i);
      else if (found.kind === 'shown') shown.push({ i, key: found.key, shadow: found.shadow });
    }
  }
  for (const end of tiedToNeeded(scope, table, shown)) referenced.add(end.i);
  for (const end of referencedOf(scope, table, shown)) {
    if (hasChildren(scope, table, end, children)) referenced.add(end.i);
  }
  return (i) => referenced.has(i);
}

function hasChildren(
  { context }: MergeScope,
  table: SyncedTable,
  { key, shadow }: ShownEnd,
  children: readonly SyncedTable[],
): boolean {
  const { values } = readShown(context, table, key, shadow);
  const valueOf = (column: string): SqlValue => values[table.positionByColumn.get(column) ?? -1] ?? null;
  return children.some((child) =>
    child.schema.references.some(({ parentTable, parentColumns, columns }) => {
      if (parentTable !== table.name) return false;
      const wanted = parentColumns.map(valueOf);
      return !wanted.includes(null) && keysWhere(context, child, columns, wanted).length > 0;
    }),
  );
}

/** Rows that hidden children reference, or that are shown with another row in its place. Null: it cannot be told. */
function hiddenReferences(
  { context, set }: MergeScope,
  table: SyncedTable,
  children: readonly SyncedTable[],
): ReadonlySet<RowKey> | null {
  const { asides, aliases } = context;
  const hidden = new Set<RowKey>();
  for (const child of children) {
    const hasAny = !asides.isEmpty(child.name);
    if (!hasAny && !asides.hasExtraCells(child.name)) continue;
    const references = set.planOf(child).references.filter(({ parentTable }) => parentTable === table.name);
    if (hasAny && references.some(({ byRow }) => !byRow)) return null;
    const lives = [...asides.all(child.name), ...asides.allExtraCells(child.name)];
    for (const { cells } of lives) {
      for (const { column } of references) {
        const value = cells.get(column)?.value;
        if (value instanceof RowReference) hidden.add(rowKey(table.name, aliases.rowNow(table.name, value.row)));
      }
    }
  }
  return hidden;
}
