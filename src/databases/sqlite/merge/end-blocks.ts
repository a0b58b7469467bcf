import type { EndBlock } from '../../../core/changeset.js';
import { isSameLife } from '../../../core/life.js';
import { numberInColumn } from '../../../core/reference-form.js';
import type { ReferenceSchema } from '../../../core/table-schema.js';
import type { SqlValue } from '../../../core/value.js';
import { quoteName, valueAs } from '../connection/identifiers.js';
import { tiedToNeeded } from './lost-children.js';
import { createRenumberedLists } from './listing-rows.js';
import { keyOfChange, type MergeScope, type RowMerger } from './merge-rows.js';
import type { Key, Shadow } from '../stores/shadow-store.js';
import type { SyncedTable } from '../schema/synced-table.js';
import { childrenOf, isCalm } from './table-calm.js';
import { deleteRow } from './trigger-guard.js';
import { unshownLives } from './unshown-lives.js';

export interface ShownEnd {
  readonly i: number;
  readonly key: Key;
  readonly shadow: Shadow;
}

/** Lives that ended. A plainly shown row that nothing references goes at once; everything else goes to the rules. */
export function mergeEnds(scope: MergeScope, block: EndBlock, merger: RowMerger): void {
  const table = scope.context.tables.byName(block.table);
  const isFast = table !== null && block.why !== 'cascade' && isCalm(scope, table);
  const shown: ShownEnd[] = [];
  const slow: number[] = [];
  for (let i = 0; i < block.count; i++) {
    const end = table && isFast ? shownEnd(scope, table, block, i) : null;
    if (end) shown.push(end);
    else slow.push(i);
  }
  if (table) {
    const referenced = referencedOf(scope, table, shown);
    const tied = tiedToNeeded(scope, table, shown);
    const isListed = createRenumberedLists(scope.context, table);
    for (const end of shown) {
      const isNeeded = referenced.has(end) || tied.has(end) || isListed(end.shadow) || isWaitedFor(scope, table, end);
      if (isNeeded || isConcurrent(scope, end.shadow)) slow.push(end.i);
      else endShown(scope, table, end);
    }
  }
  for (const i of slow) {
    const [key, lives] = [keyOfChange(block.keys, i), block.lives[i] ?? []];
    const unshown = table && block.why === 'delete' ? unshownLives(scope, table, { lives, key }) : [];
    for (const life of lives)
      merger.end(block.table, { life, key, why: block.why, wasUnshown: unshown.includes(life) });
  }
}

function shownEnd({ context, set }: MergeScope, table: SyncedTable, block: EndBlock, i: number): ShownEnd | null {
  const [life, second] = block.lives[i] ?? [];
  if (!life || second || set.has(table.name, life)) return null;
  const hint = keyOfChange(block.keys, i);
  const at = (key: Key, shadow: Shadow | null): ShownEnd | null =>
    shadow && isSameLife(shadow.life, life) ? { i, key, shadow } : null;
  const there = hint && !table.isBag ? at(hint, context.shadows.find(table, hint)) : null;
  if (there) return there;
  const found = context.lives.find(table, life, hint);
  return found?.kind === 'shown' ? at(found.key, found.shadow) : null;
}

/** Another row is shown at a substitute as long as this one has its number. */
const isWaitedFor = ({ context }: MergeScope, table: SyncedTable, { key: [number] }: ShownEnd): boolean =>
  typeof number === 'bigint' && context.displaced.waitingFor(table, number).length > 0;

/** The row holds something that whoever ended it had not seen: that goes into the conflict log. */
function isConcurrent({ seen, by }: MergeScope, shadow: Shadow): boolean {
  if (!seen.hasSeen(by, shadow.at.origin, shadow.at.stamp)) return true;
  for (const at of shadow.exceptions?.values() ?? []) {
    const writer = at.weak ?? at;
    if (!seen.hasSeen(by, writer.origin, writer.stamp)) return true;
  }
  return false;
}

function endShown({ context, rows }: MergeScope, table: SyncedTable, { key, shadow }: ShownEnd): void {
  deleteRow(context, table, key);
  context.shadows.remove(table, key);
  context.tables.removeRow(table, shadow.hash);
  context.lives.notMoved(table, shadow.life);
  if (context.asides.hasExtraCells(table.name)) context.asides.removeExtraCells(table.name, shadow.life);
  rows.forget(table, shadow.row ?? shadow.life);
}

/**
 * Which of these rows are shown as parents somewhere. One question per reference for all of them, since a child table
 * may have no index on the column.
 */
export function referencedOf(scope: MergeScope, table: SyncedTable, ends: readonly ShownEnd[]): Set<ShownEnd> {
  const referenced = new Set<ShownEnd>();
  if (ends.length === 0) return referenced;
  for (const child of childrenOf(scope.context, table)) {
    for (const reference of child.schema.references) {
      if (reference.parentTable !== table.name) continue;
      const endByNumber = numbersOf(table, reference, ends);
      if (!endByNumber) {
        for (const end of ends) referenced.add(end);
        continue;
      }
      const affinity = child.affinityByColumn.get(reference.columns[0] ?? '') ?? 'BLOB';
      const column = quoteName(reference.columns[0] ?? '');
      const sql = `SELECT DISTINCT ${column} FROM ${child.sql} WHERE ${column} IN (SELECT ${valueAs(affinity, 'value')} FROM json_each(?))`;
      const found = scope.context.connection.cached(sql).all(`[${[...endByNumber.keys()].map(String).join(',')}]`);
      for (const [value = null] of found) {
        const number = numberInColumn(affinity, value);
        const end = number === null ? undefined : endByNumber.get(number);
        if (end) referenced.add(end);
      }
    }
  }
  return referenced;
}

/** By number, for references to a single integer key; null for any other: such rows are looked at one by one. */
function numbersOf(
  table: SyncedTable,
  { columns, parentColumns }: ReferenceSchema,
  ends: readonly ShownEnd[],
): Map<SqlValue, ShownEnd> | null {
  if (columns.length !== 1 || table.schema.key.length !== 1 || parentColumns[0] !== table.schema.key[0]) return null;
  const byNumber = new Map<SqlValue, ShownEnd>();
  for (const end of ends) {
    const [number] = end.key;
    if (typeof number !== 'bigint') return null;
    byNumber.set(number, end);
  }
  return byNumber;
}
