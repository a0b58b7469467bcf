import type { LifeName } from '../../../core/life.js';
import { compareLives, isSameLife } from '../../../core/life.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { Key } from '../stores/shadow-store.js';
import type { MergeScope } from './merge-rows.js';

/**
 * Of the lives of one deleted row those that its deleter never showed: their row hid behind the deleted one there, since
 * nobody had confirmed yet that both are one. He told of it in his own log, which may be out of reach by now.
 */
export function unshownLives(
  scope: MergeScope,
  table: SyncedTable,
  { lives: [main, ...others], key }: { readonly lives: readonly LifeName[]; readonly key: Key | null },
): readonly LifeName[] {
  if (!main || others.length === 0) return [];
  const { set } = scope;
  const shownRow = rowAsSeen(scope, table, set.loadLife(table, main, key)?.state.row ?? main);
  return others.filter((life) => {
    const loaded = set.loadLife(table, life, key);
    // Who lost its key was written down when it stepped back.
    if (!loaded || loaded.aside?.why === 'key-loser') return false;
    return !isSameLife(rowAsSeen(scope, table, loaded.state.row), shownRow);
  });
}

/** The row that this one was part of for the writer of the changeset: aliases that he had not seen do not count. */
function rowAsSeen({ context, seen, by }: MergeScope, table: SyncedTable, row: LifeName): LifeName {
  let now = row;
  for (;;) {
    const alias = context.aliases.find(table.name, now);
    if (!alias || compareLives(alias.to, now) >= 0) return now;
    const writer = alias.at.weak ?? alias.at;
    if (!seen.hasSeen(by, writer.origin, writer.stamp)) return now;
    now = alias.to;
  }
}
