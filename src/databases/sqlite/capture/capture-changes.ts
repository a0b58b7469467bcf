import { parentsFirst } from '../../../core/table-order.js';
import type { Comparison } from './comparison.js';
import { markDangling, markOrphans } from './dangling-references.js';
import { captureEnds } from './ended-rows.js';
import { captureInserts } from './inserted-rows.js';
import { captureLists } from './listed-references.js';
import { captureOrphans, pinDangling } from './orphaned-references.js';
import { leaveOutTooLarge } from './too-large-rows.js';
import { captureUpdates } from './updated-rows.js';

/**
 * Compares the batches of several tables and puts what differs into the changeset. Ends come first, children's before
 * parents'; then inserts, parents' before children's, so that a reference finds its parent; then updates, and last
 * children that were left without their parent.
 */
export function captureChanges(comparisons: readonly Comparison[]): void {
  leaveOutTooLarge(comparisons);
  const byName = new Map(comparisons.map((comparison) => [comparison.table.name, comparison]));
  const groups = parentsFirst(comparisons.map(({ table }) => table.schema));
  const inOrder = groups.flatMap((group) => group.tables.flatMap(({ name }) => byName.get(name) ?? []));
  const mayBeKnown = inOrder.filter((comparison) => !hasNewKeysOnly(comparison));
  const withEnds = new Set(
    mayBeKnown
      .toReversed()
      .filter(
        (comparison) => captureEnds(comparison) > 0 || comparison.oldKeys.size > 0 || comparison.takenKeys.length > 0,
      ),
  );
  for (const { tables, isCircle } of groups) {
    const members = tables.flatMap(({ name }) => byName.get(name) ?? []);
    if (!isCircle) for (const member of members) captureInserts(member, 'both');
    else for (const pass of ['shadows', 'blocks'] as const) for (const member of members) captureInserts(member, pass);
  }
  const changedIn = new Map(mayBeKnown.map((comparison) => [comparison, captureUpdates(comparison)]));
  for (const comparison of withEnds) captureOrphans(comparison);
  for (const comparison of inOrder) pinDangling(comparison);
  for (const comparison of inOrder) markDangling(comparison);
  for (const comparison of inOrder) captureLists(comparison);
  for (const [comparison, changed] of changedIn)
    markOrphans(comparison, { hasEnds: withEnds.has(comparison), changed });
}

/**
 * Appended rows: no key of the batch has a shadow, because all are above the highest that has one. One pass over the batch.
 * Not where keys were changed: shadows were moved or removed by that already.
 */
function hasNewKeysOnly({ context, table, batch, oldKeys, takenKeys }: Comparison): boolean {
  if (!table.isRowidKey || oldKeys.size > 0 || takenKeys.length > 0) return false;
  const found = context.connection
    .cached(
      `SELECT coalesce((SELECT max(k1) FROM ${table.shadowSql}) <
         (SELECT min(k1) FROM temp._usync_batch WHERE n BETWEEN ? AND ?), 1)`,
    )
    .get(BigInt(batch.first), BigInt(batch.last));
  return found?.[0] === 1n;
}
