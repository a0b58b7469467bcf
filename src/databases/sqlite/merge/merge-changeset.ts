import type { ChangeBlock, ChangesetHeader } from '../../../core/changeset.js';
import { isMarkColumn } from '../../../core/mark-column.js';
import { createSpanMeter } from '../../../core/stamp-span.js';
import { parentsFirst } from '../../../core/table-order.js';
import { createWorkingSet, type WorkingSet } from './component-loader.js';
import { createConflictRecorder } from '../stores/conflict-recorder.js';
import { confirmDuties } from './confirm-duty.js';
import { mergeEnds } from './end-blocks.js';
import { mergeInserts } from './insert-blocks.js';
import { createRowMerger, type MergeScope, type RowMerger } from './merge-rows.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { createRowFinder, type RowFinder } from '../stores/row-finder.js';
import { withNamesHere } from '../schema/renames.js';
import { schemaTable } from '../schema/schema-table.js';
import { settledView } from './settle.js';
import { tellOfLostChildren } from './lost-children.js';
import { mergeUpdates } from './update-blocks.js';
import { writeView } from './view-writer.js';

/** What merging keeps in memory for one open database. Emptied when a transaction fails. */
export interface MergeMemory {
  readonly set: WorkingSet;
  readonly rows: RowFinder;
  /** Order in which tables are written: parents before children. */
  orderOf(table: string): number;
  /** At the start of every transaction: applications may have written meanwhile. */
  begin(): void;
}

const memories = new WeakMap<ReplicaContext, MergeMemory>();

export function memoryOf(context: ReplicaContext): MergeMemory {
  const known = memories.get(context);
  if (known) return known;
  const rows = createRowFinder(context);
  const set = createWorkingSet(context, rows);
  let order: Map<string, number> | null = null;
  const memory: MergeMemory = {
    set,
    rows,
    orderOf(table) {
      order ??= new Map(
        parentsFirst(context.tables.all().map((each) => each.schema))
          .flatMap((group) => group.tables)
          .map((each, position) => [each.name, position]),
      );
      return order.get(table) ?? order.size;
    },
    begin() {
      set.clear();
      rows.clear();
      order = null;
    },
  };
  memories.set(context, memory);
  return memory;
}

export interface MergedChangeset {
  readonly rows: number;
  readonly conflicts: number;
  readonly refused: number;
}

/**
 * Merges the changes of one changeset that is next, settles what clashes, and writes the confirmations that are due.
 * Inside a merging transaction. `advance` moves vector and journal: after the rows, before the confirmations.
 */
export function mergeChangeset(
  context: ReplicaContext,
  header: ChangesetHeader,
  options: { readonly blocks: Iterable<readonly ChangeBlock[]>; readonly advance: () => void },
): MergedChangeset {
  const memory = memoryOf(context);
  const scope = scopeOf(context, memory, header);
  context.seen.learn(header.origin, header.seen);
  const meter = createSpanMeter(header);
  const merger = createRowMerger(scope, header.origin);
  let [rows, homeless] = [0, 0];
  for (const sent of options.blocks) {
    const blocks = withNamesHere(context, sent);
    rows += applyBlocks(memory, scope, blocks, merger);
    meter.add(sent);
    for (const { kind, table, count } of blocks) {
      if (kind === 'insert' && table !== schemaTable && !context.tables.byName(table)) homeless += count;
    }
  }
  const refused = settle(scope) + homeless;
  options.advance();
  context.strays.note(header, meter.span());
  if (scope.due.view) tellOfLostChildren(scope, scope.due.view);
  confirmDuties(scope, (confirming, blocks) => {
    applyBlocks(memory, confirming, blocks, createRowMerger(confirming, confirming.by));
    settle(confirming);
  });
  memory.set.clear();
  return { rows, conflicts: scope.conflicts.count, refused };
}

export const scopeOf = (
  context: ReplicaContext,
  { set, rows }: MergeMemory,
  { origin, stamp }: Pick<ChangesetHeader, 'origin' | 'stamp'>,
): MergeScope => ({
  context,
  set,
  rows,
  seen: context.seen,
  conflicts: createConflictRecorder(context),
  lastKnown: new Map(),
  lastKeys: new Map(),
  ended: [],
  due: { view: null },
  stamp,
  by: origin,
});

/**
 * Ends first, children before parents; then cells; then new lives, parents before children; then marks, which may be of
 * these lives.
 */
export function inMergeOrder(memory: MergeMemory, blocks: readonly ChangeBlock[]): readonly ChangeBlock[] {
  const place = (block: ChangeBlock): number =>
    block.kind === 'end' ? -memory.orderOf(block.table) : memory.orderOf(block.table);
  return blocks.toSorted((a, b) => stepOf(a) - stepOf(b) || place(a) - place(b));
}

export function applyBlocks(
  memory: MergeMemory,
  scope: MergeScope,
  blocks: readonly ChangeBlock[],
  merger: RowMerger,
): number {
  let rows = 0;
  for (const block of inMergeOrder(memory, blocks)) {
    rows += block.count;
    switch (block.kind) {
      case 'end':
        mergeEnds(scope, block, merger);
        break;
      case 'update':
        mergeUpdates(scope, block, merger);
        break;
      case 'insert':
        mergeInserts(scope, block, { merger, by: scope.by });
        break;
      case 'merge':
        for (let i = 0; i < block.count; i++) {
          const [from, to, at] = [block.from[i], block.to[i], block.at[i]];
          if (from && to && at) merger.merge(block.table, { from, to, at });
        }
    }
  }
  return rows;
}

const stepByKind: Readonly<Record<ChangeBlock['kind'], number>> = { end: 0, update: 1, insert: 2, merge: 4 };

const stepOf = (block: ChangeBlock): number =>
  block.kind === 'update' && block.columns.every(isMarkColumn) ? 3 : stepByKind[block.kind];

/** Makes the tables show what the rows in the working set come to. The view stays known for the confirmations. */
export function settle(scope: MergeScope): number {
  if (scope.set.isEmpty) return 0;
  const view = settledView(scope);
  const { refused } = writeView(scope, view);
  scope.due.view = view;
  scope.set.clear();
  return refused;
}
