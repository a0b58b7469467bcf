import { compareCellStamps, type CellStamp } from '../../../core/cell-stamp.js';
import type { ChangeBlock, InsertBlock, UpdateBlock } from '../../../core/changeset.js';
import { confirmations, type Confirmation, type Duties } from '../../../core/confirmations.js';
import { rowKey } from '../../../core/life-state.js';
import type { OriginId } from '../../../core/origin.js';
import { RowReference } from '../../../core/value.js';
import type { View } from '../../../core/view.js';
import { isDutyHere } from './duty-holder.js';
import { landingChangeset } from './landing-marker.js';
import { tablesWithoutRows } from '../stores/lost-tables.js';
import type { MergeScope } from './merge-rows.js';
import { beginOwnChangeset, type OwnChangeset } from '../capture/own-changeset.js';

/** Confirming one thing can make another due; a bug must not go on for ever. */
const roundsMax = 20;

/**
 * Makes permanent what the settled view shows provisionally, where this server is to do it (rule R8), as changesets of
 * the own origin, until nothing is due. Inside the transaction that settled; `apply` merges them here.
 */
export function confirmDuties(
  scope: MergeScope,
  apply: (confirming: MergeScope, blocks: readonly ChangeBlock[]) => void,
): void {
  const { context } = scope;
  // What a changeset shows half-way is no reason to change anything: it is looked at when all of it is here.
  if (landingChangeset(context)) return;
  for (let round = 0; round < roundsMax; round++) {
    const { view } = scope.due;
    scope.due.view = null;
    if (!view) return;
    const changeset = beginOwnChangeset(context, { isDuty: true });
    const changes = confirmations(view, dutiesOf(scope, changeset)).filter((change) => !isOfLost(scope, change));
    if (changes.length === 0) return;
    const blocks = changes.map((change) => blockOf(change, changeset, hintOf(scope, view, change)));
    for (const block of blocks) changeset.add(block);
    apply({ ...scope, by: changeset.origin, stamp: changeset.stamp }, blocks);
    changeset.finish();
  }
}

/** A parent that was lost with its table has not ended: it comes back from a peer, and its children must be there. */
function isOfLost({ context }: MergeScope, { kind, table }: Confirmation): boolean {
  if (kind !== 'end') return false;
  const lost = tablesWithoutRows(context);
  if (lost.size === 0) return false;
  const references = context.tables.byName(table)?.schema.references ?? [];
  return references.some(({ parentTable }) => lost.has(context.tables.byName(parentTable)?.number ?? 0));
}

function dutiesOf({ context, lastKnown, lastKeys }: MergeScope, { stamp, origin }: OwnChangeset): Duties {
  return {
    stamp,
    origin,
    isDuty: (of: OriginId) => isDutyHere(context, of),
    lastKnown: (table, row) => lastKnown.get(rowKey(table, row)) ?? null,
    lastKey: (table, row) => lastKeys.get(rowKey(table, row)) ?? null,
  };
}

type Hint = Pick<UpdateBlock, 'keyColumns' | 'keys'>;

/**
 * The key that the row's cells give it, not the one at which this server shows it: elsewhere the row that stands in its
 * way here may be gone already. Where it is displaced, it is found as a row that moved.
 */
function hintOf({ context }: MergeScope, view: View, { table, ...change }: Confirmation): Hint {
  const row = 'row' in change ? view.find(table, change.row) : undefined;
  const schema = context.tables.byName(table)?.schema;
  if (!row || !schema || row.key.length !== schema.key.length) return { keyColumns: [], keys: [] };
  const keys = schema.key.map((column, part) => {
    const value = row.cells.get(column)?.value ?? null;
    return [value === null || value instanceof RowReference ? (row.key[part] ?? null) : value];
  });
  return { keyColumns: schema.key, keys };
}

/** One block a change: confirmations are few. */
function blockOf(change: Confirmation, changeset: OwnChangeset, hint: Hint): ChangeBlock {
  const { table } = change;
  switch (change.kind) {
    case 'merge':
      return { kind: 'merge', table, count: 1, from: [change.from], to: [change.to], at: [change.at] };
    case 'end':
      return { ...hint, kind: 'end', table, count: 1, why: change.why, lives: [change.lives] };
    case 'update':
      return { ...cellsOf(change, changeset), ...hint, kind: 'update', lives: [change.lives] };
    case 'insert':
      return insertBlock(change, changeset);
  }
}

function insertBlock(change: Extract<Confirmation, { kind: 'insert' }>, changeset: OwnChangeset): InsertBlock {
  const rows = new Map([[0, change.row]]);
  return { ...cellsOf(change, changeset), kind: 'insert', indexes: [changeset.takeIndexes(1)], rows };
}

type Cells = Pick<UpdateBlock, 'table' | 'count' | 'columns' | 'times' | 'cellStamps' | 'values'>;

/** Every cell has a stamp of its own: that of the value which it confirms or brings back. */
function cellsOf(
  { table, cells }: Extract<Confirmation, { kind: 'insert' | 'update' }>,
  { stamp, origin }: OwnChangeset,
): Cells {
  const columns = [...cells.keys()];
  const plain: CellStamp = { stamp, origin };
  const stamps = new Map<number, CellStamp>();
  columns.forEach((column, c) => {
    const at = cells.get(column)?.at;
    if (at && compareCellStamps(at, plain) !== 0) stamps.set(c, at);
  });
  return {
    table,
    count: 1,
    columns,
    times: [stamp],
    cellStamps: new Map([[0, stamps]]),
    values: columns.map((column) => [cells.get(column)?.value ?? null]),
  };
}
